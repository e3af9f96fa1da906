package org.mobileasr;

/** What a recogniser hears. */
public final class Inference {
  /** [all rows, tokens], row after row, utterance after utterance; each row sums to 1. */
  public final float[] probabilities;
  /** Rows of each utterance. */
  public final long[] rows;
  /** Text of each utterance. */
  public final String[] texts;

  Inference(float[] probabilities, long[] rows, String[] texts) {
    this.probabilities = probabilities;
    this.rows = rows;
    this.texts = texts;
  }
}
