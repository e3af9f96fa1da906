// What the device has to spare at one moment.
#ifndef MOBILEASR_RESOURCES_RESOURCE_MONITOR_H_
#define MOBILEASR_RESOURCES_RESOURCE_MONITOR_H_

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace masr {

// A number of bytes that the device does not tell.
inline constexpr int64_t kUnknownBytes = -1;

// What a device does not tell is nullopt, kUnknownBytes, or the value that stands here: that of a
// cool, idle device on mains.
struct ResourceSnapshot {
  double time_s = 0;  // of a clock that only goes forward; where it starts is the monitor's matter

  // RAM. Total and available are of the device, or of the tightest control group around this
  // process where that has less.
  int64_t total_bytes = kUnknownBytes;
  int64_t available_bytes = kUnknownBytes;  // more that can be taken before anybody suffers
  int64_t process_bytes = kUnknownBytes;    // resident in this process now
  // Share of the last ten seconds in which some task waited for memory.
  std::optional<double> memory_pressure_percent;

  // Battery. `charging` means that external power carries the device: true also with a full battery
  // on its charger and without a battery, false if the battery falls although a charger is there.
  bool has_battery = false;
  bool charging = true;
  std::optional<double> battery_percent;
  std::optional<double> power_w;  // out of the battery; negative while it is being charged
  std::optional<double> battery_temperature_c;

  // Heat: of the thermal zone that is closest to the point where the device slows itself down.
  std::string thermal_zone;  // its name; empty if there is none
  std::optional<double> temperature_c;
  std::optional<double> temperature_limit_c;  // that point
  // Highest frequency that the cores may take now, as a share of what they can do; their mean.
  std::optional<double> throttle_share;

  // Processor. Both loads are means of the last minute, in cores kept busy; the second is this
  // process's part of the first, so that a training does not count as somebody using the device.
  double load = 0;
  double process_load = 0;
  int cores = 1;  // that this process may use

  int64_t free_disk_bytes = kUnknownBytes;

  int minute_of_day = 0;  // local time, 0 to 1439
  int hour() const { return minute_of_day / 60; }
};

// Not thread-safe; Read() is meant to be called between steps, every few seconds.
class ResourceMonitor {
 public:
  virtual ~ResourceMonitor() = default;
  virtual Result<ResourceSnapshot> Read() = 0;
};

}  // namespace masr

#endif  // MOBILEASR_RESOURCES_RESOURCE_MONITOR_H_
