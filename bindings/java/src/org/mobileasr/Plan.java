package org.mobileasr;

/** What a round would train, and what it would take: {@code masr_plan}. */
public final class Plan {
  /** "top 4 blocks, LoRA 8". */
  public final String name;
  /** A sentence. */
  public final String why;
  /** The options that mean it. */
  public final TrainingOptions training;
  /** Numbers that learn. */
  public final long trainableParameters;
  /** Of the process. */
  public final long peakBytes;
  /** Of all epochs. */
  public final double seconds;
  /** Of the same. */
  public final double joules;
  /** Share of the word errors that it takes away. */
  public final double expectedGain;
  /** That were looked at. */
  public final long candidates;
  /** That fit into the limits. */
  public final long fitting;

  Plan(String[] texts, long[] integers, double[] reals) {
    name = texts[0];
    why = texts[1];
    training = new TrainingOptions();
    training.freezeBlocks = (int) integers[0];
    training.tuning = TrainingOptions.Tuning.values()[(int) integers[1]];
    training.loraRank = (int) integers[2];
    training.optimizerBits = (int) integers[3];
    training.parts = (int) integers[4];
    training.microBatchSeconds = reals[0];
    training.longestSeconds = reals[4];
    trainableParameters = integers[5];
    peakBytes = integers[6];
    candidates = integers[7];
    fitting = integers[8];
    training.adapterWidth = (int) integers[9];
    seconds = reals[1];
    joules = reals[2];
    expectedGain = reals[3];
  }
}
