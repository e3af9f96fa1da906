package org.mobileasr;

/** What a recogniser is: {@code masr_model_info}. */
public final class ModelInfo {
  /** Its name. */
  public final String name;
  /** Of the audio that it hears. */
  public final int sampleRateHz;
  /** Width of its features. */
  public final int mels;
  /** Of audio, from a feature frame to the next. */
  public final double frameSeconds;
  /** Of audio, from a row of probabilities to the next. */
  public final double rowSeconds;
  /** Width of its probabilities, the CTC blank (token 0) among them. */
  public final int tokens;
  /** In which it can be frozen, from the input up; the last one is the head. */
  public final int blocks;
  /** Tensors: {@link Model#parameters}. */
  public final int parameters;
  /** Tensors that learn: {@link Model#weights}; 0 until something is configured. */
  public final int weights;
  /** Numbers that learn; 0 until something is configured. */
  public final long trainableCount;
  /** Updates so far, those before a restore among them. */
  public final long steps;

  ModelInfo(String name, long[] integers, double[] reals) {
    this.name = name;
    sampleRateHz = (int) integers[0];
    mels = (int) integers[1];
    tokens = (int) integers[2];
    blocks = (int) integers[3];
    parameters = (int) integers[4];
    weights = (int) integers[5];
    trainableCount = integers[6];
    steps = integers[7];
    frameSeconds = reals[0];
    rowSeconds = reals[1];
  }
}
