package org.mobileasr;

/** One tensor of the recogniser, and what it takes to train it: {@code masr_parameter}. */
public final class Parameter {
  /** How a tensor is stored. */
  public enum Type {
    /** Floats. */
    F32,
    /** The upper half of a float. */
    BF16,
    /** Bytes with a scale for each row. */
    I8
  }

  /** "blocks.3.conv.pointwise1.weight". */
  public final String name;
  /** As it is stored. */
  public final Type type;
  /** A matrix is [outputs, inputs]. */
  public final long[] shape;
  /** As it is stored. */
  public final long bytes;
  /** Whether it learns. */
  public final boolean trainable;
  /** Whether it could learn: statistics cannot. */
  public final boolean canLearn;
  /** Of {@link ModelInfo#blocks}. */
  public final int block;
  /** "blocks.3", "head". */
  public final String blockName;
  /** While it learns: value, gradient, optimizer. */
  public final long trainingBytes;
  /** Of its block for a second of speech; 0 until {@link Model#measure}. */
  public final double blockForwardSeconds;
  /** The same; all lower blocks that learn need it of those above them. */
  public final double blockBackwardSeconds;
  /** Of an update of this parameter; 0 until {@link Model#measure}. */
  public final double updateSeconds;

  Parameter(String name, String blockName, long[] integers, double[] reals) {
    this.name = name;
    this.blockName = blockName;
    type = integers[0] == 6 ? Type.BF16 : integers[0] == 7 ? Type.I8 : Type.F32; // masr_dtype
    bytes = integers[1];
    trainable = integers[2] == 1;
    canLearn = integers[2] >= 0;
    block = (int) integers[3];
    trainingBytes = integers[4];
    shape = java.util.Arrays.copyOfRange(integers, 6, 6 + (int) integers[5]);
    blockForwardSeconds = reals[0];
    blockBackwardSeconds = reals[1];
    updateSeconds = reals[2];
  }
}
