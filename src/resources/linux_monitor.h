// Reads the files in which Linux, and with it Android, tells what it has: meminfo, control groups
// (v2), pressure stall information, power_supply, thermal, cpufreq, loadavg.
//
// Read() never fails: what is missing, unreadable or malformed is not told. Android lets an
// application read meminfo, but often not power_supply and thermal; there CallbackMonitor adds what
// the system's services know.
#ifndef MOBILEASR_RESOURCES_LINUX_MONITOR_H_
#define MOBILEASR_RESOURCES_LINUX_MONITOR_H_

#include <ctime>
#include <functional>
#include <optional>
#include <string>

#include "resources/resource_monitor.h"

namespace masr {

struct LinuxMonitorOptions {
  std::string root = "";          // stands before /proc and /sys; a test gives a tree of its own
  std::string disk_folder = ".";  // whose file system is asked for free space: that of checkpoints
  // Monotonic seconds and the time of day; empty: the system's clocks.
  std::function<double()> clock_s = {};
  std::function<std::time_t()> wall_clock = {};
};

class LinuxMonitor : public ResourceMonitor {
 public:
  explicit LinuxMonitor(LinuxMonitorOptions options = {});

  Result<ResourceSnapshot> Read() override;

 private:
  void UpdateProcessLoad(ResourceSnapshot& snapshot);

  LinuxMonitorOptions options_;
  // At the last Read(), for process_load.
  std::optional<double> process_seconds_;
  double time_s_ = 0;
  double process_load_ = 0;
};

}  // namespace masr

#endif  // MOBILEASR_RESOURCES_LINUX_MONITOR_H_
