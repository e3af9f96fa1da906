package org.mobileasr;

/**
 * How a round went: {@code masr_round_result}. Rates are percent, on the speech kept aside.
 */
public final class RoundResult {
  /** Its number, from 1. */
  public final long round;
  /** Whether the accepted model is what was learned. */
  public final boolean accepted;
  /** Whether it was under way. */
  public final boolean resumed;
  /** Whether it was halted, and can be resumed. */
  public final boolean unfinished;
  /** That were run. */
  public final long epochs;
  /** 0: none was better. */
  public final long bestEpoch;
  /** Before the first epoch. */
  public final double werBefore;
  /** Of the best epoch. */
  public final double werAfter;
  /** Before the first epoch. */
  public final double cerBefore;
  /** Of the best epoch. */
  public final double cerAfter;
  /** Learned from. */
  public final double audioSeconds;
  /** Spent. */
  public final double seconds;
  /** Peak memory of the process, as planned. */
  public final long plannedBytes;
  /** As it was. */
  public final long peakBytes;
  /** "all blocks". */
  public final String subModel;
  /** Accepted or not, a sentence. */
  public final String why;
  /** "battery", "owner", ...; "": it ended by itself. */
  public final String haltedBy;

  RoundResult(String[] texts, long[] integers, double[] reals) {
    round = integers[0];
    accepted = integers[1] != 0;
    resumed = integers[2] != 0;
    unfinished = integers[3] != 0;
    epochs = integers[4];
    bestEpoch = integers[5];
    plannedBytes = integers[6];
    peakBytes = integers[7];
    werBefore = reals[0];
    werAfter = reals[1];
    cerBefore = reals[2];
    cerAfter = reals[3];
    audioSeconds = reals[4];
    seconds = reals[5];
    subModel = texts[0];
    why = texts[1];
    haltedBy = texts[2];
  }
}
