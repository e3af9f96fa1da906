package org.mobileasr;

/** What learns, and how: {@code masr_training_options}. All of it at 0 is the default. */
public final class TrainingOptions {
  /** Which parameters of the blocks that learn. */
  public enum Tuning {
    /** All of them. */
    FULL,
    /** Biases, norms and filters, and the whole head. */
    VECTORS,
    /** The same, and a low-rank pair beside each matrix of a linear layer. */
    LORA,
    /** As vectors, and a bottleneck behind each block, which the model keeps. */
    ADAPTERS
  }

  /** The lowest so many blocks stay as they are. */
  public int freezeBlocks;
  /** Which parameters of the others. */
  public Tuning tuning = Tuning.FULL;
  /** 0: 8. */
  public int loraRank;
  /** 0: 16. */
  public int adapterWidth;
  /** Of each number that AdamW remembers: 32 or 8; 0: 32. */
  public int optimizerBits;
  /** Computed one after the other, for less memory and the same bits; 0: 1. */
  public int parts;
  /** Of speech computed at a time, at least an utterance; 0: all of a batch. */
  public double microBatchSeconds;
  /** Of rounds: utterances that are longer take no part; 0: all do. */
  public double longestSeconds;
  /** 0: 3e-4, of LoRA 1e-3; of rounds the peak. */
  public double learningRate;
  /** Of dropout and of the first values of LoRA and adapters; 0: 1. */
  public long seed;

  long[] integers() {
    return new long[] {freezeBlocks, tuning.ordinal(), loraRank, optimizerBits, parts, seed,
        adapterWidth};
  }

  double[] reals() {
    return new double[] {microBatchSeconds, learningRate, longestSeconds};
  }
}
