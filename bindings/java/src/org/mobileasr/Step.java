package org.mobileasr;

/** What an update was like: {@code masr_step}. */
public final class Step {
  /** CTC, nats per token of the texts, with dropout and before the update. */
  public final double loss;
  /** Per output frame, before clipping. */
  public final double gradientNorm;
  /** Updates so far, this one among them. */
  public final long step;
  /** Of features. */
  public final long frames;
  /** Of texts. */
  public final long tokens;

  Step(long[] integers, double[] reals) {
    step = integers[0];
    frames = integers[1];
    tokens = integers[2];
    loss = reals[0];
    gradientNorm = reals[1];
  }
}
