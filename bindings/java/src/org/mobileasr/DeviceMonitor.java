package org.mobileasr;

/**
 * Tells a round what the device has to spare. Asked before every update, on the thread that runs
 * the round, so it should answer from what Android's services know at once. What it throws ends the
 * round and comes out of {@link Owner#run}.
 */
public interface DeviceMonitor {
  /** Fills in what is known; the reading comes with nothing told. */
  void read(DeviceReading reading);
}
