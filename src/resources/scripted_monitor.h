// Replays a trace of a device's resources: for tests, for simulating a night or a bus ride, and for
// showing what a policy would do.
//
// A trace is CSV. The first line names the columns, any of
//   time_s, available_mb, battery_percent, charging (0 or 1), temperature_c, temperature_limit_c,
//   memory_pressure_percent, power_w, throttle_share, load, free_disk_mb, hour (22.5: half past
//   ten)
// and each further line is a moment, later than the one before. A value holds until a line gives
// another; an empty field changes nothing. What no line has given comes from the base snapshot. The
// first line holds from the beginning, the last one for ever; a trace without time_s has one line.
// MB are millions of bytes. Lines that begin with # are comments.
#ifndef MOBILEASR_RESOURCES_SCRIPTED_MONITOR_H_
#define MOBILEASR_RESOURCES_SCRIPTED_MONITOR_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "resources/resource_monitor.h"

namespace masr {

class ScriptedMonitor : public ResourceMonitor {
 public:
  using Clock = std::function<double()>;  // seconds on the trace's own time line

  // Errors name file, line and column.
  static Result<ScriptedMonitor> Open(const std::string& path, const ResourceSnapshot& base,
                                      Clock clock);
  // `name` stands in messages: "commute.csv".
  static Result<ScriptedMonitor> Parse(std::string_view csv, const std::string& name,
                                       const ResourceSnapshot& base, Clock clock);

  Result<ResourceSnapshot> Read() override;

  // Every moment of the trace with its time_s, in order; never empty.
  const std::vector<ResourceSnapshot>& moments() const { return moments_; }

 private:
  ScriptedMonitor(std::vector<ResourceSnapshot> moments, Clock clock);

  std::vector<ResourceSnapshot> moments_;
  Clock clock_;
};

}  // namespace masr

#endif  // MOBILEASR_RESOURCES_SCRIPTED_MONITOR_H_
