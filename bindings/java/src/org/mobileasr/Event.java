package org.mobileasr;

import java.nio.charset.StandardCharsets;

/** Something happened in a round: {@code masr_event}. */
public final class Event {
  /** What it tells, and which of the fields. */
  public enum Kind {
    /** A kind of a later version of the library. */
    UNKNOWN,
    /** {@code text}: what is being done besides training. */
    STEP,
    /** An update: epoch, epochs, update, updates, loss, secondsLeft. */
    PROGRESS,
    /** The end of an epoch, 0 is before the first: epoch, loss, validation. */
    EPOCH,
    /** The round waits; {@code text}: for what. */
    PAUSE,
    /** The round was stopped; {@code text}: why. */
    HALT,
    /** What was learned is what is used from now on; {@code text}: why. */
    ACCEPT,
    /** The recogniser stays as it was; {@code text}: why. */
    KEEP
  }

  /** What it tells. */
  public final Kind kind;
  /** From 1. */
  public final long epoch;
  /** That the round has at most. */
  public final long epochs;
  /** Of this epoch, from 1. */
  public final long update;
  /** Of this epoch. */
  public final long updates;
  /** Of training, nats per token. */
  public final double loss;
  /** At most. */
  public final double secondsLeft;
  /** On the speech kept aside, nats per token. */
  public final double validationLoss;
  /** Percent. */
  public final double validationWer;
  /** Percent. */
  public final double validationCer;
  /** Never null. */
  public final String text;

  Event(int kind, long[] integers, double[] reals, byte[] text) {
    Kind[] kinds = Kind.values();
    this.kind = kind > 0 && kind < kinds.length ? kinds[kind] : Kind.UNKNOWN;
    epoch = integers[0];
    epochs = integers[1];
    update = integers[2];
    updates = integers[3];
    loss = reals[0];
    secondsLeft = reals[1];
    validationLoss = reals[2];
    validationWer = reals[3];
    validationCer = reals[4];
    this.text = new String(text, StandardCharsets.UTF_8);
  }
}
