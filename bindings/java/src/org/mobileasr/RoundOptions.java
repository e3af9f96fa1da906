package org.mobileasr;

/** What a round learns from, and what it may take: {@code masr_round_options}. */
public final class RoundOptions {
  /** Which round {@link Owner#run} runs. */
  public enum Mode {
    /** A new one; refused where one is under way. */
    NEW,
    /** The one under way, with its own options; a new one where there is none. */
    RESUME,
    /** A new one; the one under way is given up. */
    RESTART
  }

  /** Speech with texts: NeMo JSON lines, Kaldi folder, folder of audio and .txt, TSV. */
  public String data;
  /** The first so many of what is new; 0: all. */
  public double minutes;
  /** Other people's speech, which must not be forgotten; null: none. */
  public String general;
  /** Speech to measure before and after, for the record; null: none. */
  public String test;
  /** A job that runs every night can say RESUME always. */
  public Mode mode = Mode.NEW;
  /** At most; 0: 16. */
  public int epochs;
  /** 0: 1. */
  public long seed;
  /** Of the whole process at its peak; 0: no limit. */
  public long ramBytes;
  /** Of training; 0: no limit. */
  public double seconds;
  /** In the battery, without a charger; 0: no limit by it. */
  public double batteryPercent;
  /** JSON text: when it pauses and stops (docs/resources.md); null: the defaults. */
  public String policy;
  /** What learns; null: planned within the limits, or everything without any. */
  public TrainingOptions training;

  /** Data, general, test, policy; null where they are. */
  byte[][] texts() {
    return new byte[][] {Utf8.of(data), Utf8.of(general), Utf8.of(test), Utf8.of(policy)};
  }

  long[] integers() {
    return new long[] {mode.ordinal(), epochs, seed, ramBytes};
  }

  double[] reals() {
    return new double[] {minutes, seconds, batteryPercent};
  }
}
