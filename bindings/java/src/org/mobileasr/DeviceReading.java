package org.mobileasr;

/**
 * What an app knows of its device at one moment, in the units in which Android tells it. What is
 * left out is read from the system's files, as far as an app may read them.
 */
public final class DeviceReading {
  private static final double NOT_TOLD = Double.NaN;

  private double availableBytes;
  private double batteryPercent;
  private double batteryTemperatureC;
  private double temperatureC;
  private double temperatureLimitC;
  private double currentA;
  private double voltageV;
  private int charging;

  /** Nothing is told. */
  public DeviceReading() {
    clear();
  }

  void clear() {
    availableBytes = NOT_TOLD;
    batteryPercent = NOT_TOLD;
    batteryTemperatureC = NOT_TOLD;
    temperatureC = NOT_TOLD;
    temperatureLimitC = NOT_TOLD;
    currentA = NOT_TOLD;
    voltageV = NOT_TOLD;
    charging = -1;
  }

  /** RAM that others can spare: {@code ActivityManager.MemoryInfo.availMem}. */
  public DeviceReading availableBytes(long bytes) {
    availableBytes = bytes;
    return this;
  }

  /** 0 to 100: {@code BatteryManager.BATTERY_PROPERTY_CAPACITY}, or level / scale * 100. */
  public DeviceReading batteryPercent(double percent) {
    batteryPercent = percent;
    return this;
  }

  /** Whether a charger carries the device: {@code BatteryManager.isCharging()}. */
  public DeviceReading charging(boolean isCharging) {
    charging = isCharging ? 1 : 0;
    return this;
  }

  /**
   * {@code BatteryManager.BATTERY_PROPERTY_CURRENT_NOW}, microamperes of either sign: makers do not
   * agree on it, and {@link #charging} says the direction. What Android gives where it does not
   * know (the smallest int or long) is not told.
   */
  public DeviceReading batteryCurrentMicroamperes(long microamperes) {
    boolean isKnown = microamperes > Integer.MIN_VALUE;
    currentA = isKnown ? 1e-6 * Math.abs(microamperes) : NOT_TOLD;
    return this;
  }

  /** {@code BatteryManager.EXTRA_VOLTAGE}, millivolts; 0 and less: not told. */
  public DeviceReading batteryVoltageMillivolts(int millivolts) {
    voltageV = millivolts > 0 ? 1e-3 * millivolts : NOT_TOLD;
    return this;
  }

  /** {@code BatteryManager.EXTRA_TEMPERATURE}, tenths of a degree Celsius. */
  public DeviceReading batteryTemperatureTenths(int tenths) {
    batteryTemperatureC = 0.1 * tenths;
    return this;
  }

  /** Where the device is hottest, and where it slows itself down (NaN: not told), Celsius. */
  public DeviceReading temperature(double celsius, double limitCelsius) {
    temperatureC = celsius;
    temperatureLimitC = limitCelsius;
    return this;
  }

  /** Out of the battery, negative while it is charged; NaN unless all of it was told. */
  double powerW() {
    if (charging < 0) {
      return NOT_TOLD;
    }
    double watts = currentA * voltageV;
    return charging == 1 ? -watts : watts;
  }

  /** As {@code masr_resources} has them. */
  double[] toArray() {
    return new double[] {
      availableBytes, batteryPercent, powerW(), batteryTemperatureC, temperatureC,
      temperatureLimitC, charging
    };
  }
}
