package org.mobileasr;

/** CTC loss of a batch, without dropout and without an update. */
public final class Loss {
  /** Nats per token of all texts. */
  public final double perToken;
  /** Nats of each utterance. */
  public final float[] utterances;

  Loss(double perToken, float[] utterances) {
    this.perToken = perToken;
    this.utterances = utterances;
  }
}
