#include "resources/linux_monitor.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

#include "resources/linux_parts.h"

namespace masr {
namespace {

double SteadySeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

int64_t FreeDiskBytes(const std::string& folder) {
  struct statvfs info;
  if (statvfs(folder.c_str(), &info) != 0) return kUnknownBytes;
  const double bytes = static_cast<double>(info.f_bavail) * static_cast<double>(info.f_frsize);
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max() / 2;
  return bytes < static_cast<double>(kMost) ? static_cast<int64_t>(bytes) : kMost;
}

int MinuteOfDay(std::time_t time) {
  struct tm local = {};
  if (localtime_r(&time, &local) == nullptr) return 0;
  return local.tm_hour * 60 + local.tm_min;
}

}  // namespace

LinuxMonitor::LinuxMonitor(LinuxMonitorOptions options) : options_(std::move(options)) {
  if (!options_.clock_s) options_.clock_s = SteadySeconds;
  if (!options_.wall_clock) options_.wall_clock = [] { return std::time(nullptr); };
}

// An average that forgets as the kernel's 1-minute load does, so that the two can be compared.
void LinuxMonitor::UpdateProcessLoad(ResourceSnapshot& snapshot) {
  const std::optional<double> seconds = ReadProcessSeconds(options_.root);
  const double passed_s = snapshot.time_s - time_s_;
  if (!seconds) {
    process_load_ = 0;  // not told
  } else if (process_seconds_ && passed_s > 0) {
    const double busy = std::max(*seconds - *process_seconds_, 0.0) / passed_s;
    const double kept = std::exp(-passed_s / 60);
    process_load_ = process_load_ * kept + busy * (1 - kept);
  }
  if (!seconds || !process_seconds_ || passed_s > 0) {
    process_seconds_ = seconds;
    time_s_ = snapshot.time_s;
  }
  snapshot.process_load = process_load_;
}

Result<ResourceSnapshot> LinuxMonitor::Read() {
  ResourceSnapshot snapshot;
  snapshot.time_s = options_.clock_s();
  const std::vector<std::string> cgroups = CgroupFolders(options_.root);
  ReadMemory(options_.root, cgroups, snapshot);
  ReadPower(options_.root, snapshot);
  ReadHeat(options_.root, snapshot);
  ReadProcessor(options_.root, cgroups, snapshot);
  UpdateProcessLoad(snapshot);
  snapshot.free_disk_bytes = FreeDiskBytes(options_.disk_folder);
  snapshot.minute_of_day = MinuteOfDay(options_.wall_clock());
  return snapshot;
}

}  // namespace masr
