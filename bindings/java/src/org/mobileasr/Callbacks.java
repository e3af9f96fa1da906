package org.mobileasr;

/** What the native side calls while a round runs or is planned. */
final class Callbacks {
  private final RoundListener listener;
  private final DeviceMonitor monitor;
  private final DeviceReading reading = new DeviceReading();
  private final long[] integers = new long[4];
  private final double[] reals = new double[5];

  Callbacks(RoundListener listener, DeviceMonitor monitor) {
    this.listener = listener;
    this.monitor = monitor;
  }

  boolean hasMonitor() {
    return monitor != null;
  }

  /** Called by the native side. */
  @SuppressWarnings("unused")
  private void event(
      int kind,
      long epoch,
      long epochs,
      long update,
      long updates,
      double loss,
      double secondsLeft,
      double validationLoss,
      double validationWer,
      double validationCer,
      byte[] text) {
    if (listener == null) {
      return;
    }
    integers[0] = epoch;
    integers[1] = epochs;
    integers[2] = update;
    integers[3] = updates;
    reals[0] = loss;
    reals[1] = secondsLeft;
    reals[2] = validationLoss;
    reals[3] = validationWer;
    reals[4] = validationCer;
    listener.onEvent(new Event(kind, integers, reals, text));
  }

  /** Called by the native side. */
  @SuppressWarnings("unused")
  private double[] resources() {
    reading.clear();
    monitor.read(reading);
    return reading.toArray();
  }
}
