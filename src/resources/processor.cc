#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <thread>

#include "io/text_lines.h"
#include "resources/linux_parts.h"
#include "resources/sysfs.h"

namespace masr {
namespace {

constexpr int64_t kMaxCore = 65535;

struct CoreRange {
  int64_t first = 0, last = 0;
};

// "0-3,6"; nothing if it is not such a list.
std::vector<CoreRange> ParseCores(std::string_view text) {
  std::vector<CoreRange> ranges;
  while (!text.empty()) {
    const std::string_view range = text.substr(0, text.find(','));
    text.remove_prefix(std::min(range.size() + 1, text.size()));
    const size_t dash = std::min(range.find('-'), range.size());
    const auto first = ParseInteger(range.substr(0, dash), 0, kMaxCore);
    if (!first) return {};
    const auto last =
        dash == range.size() ? first : ParseInteger(range.substr(dash + 1), *first, kMaxCore);
    if (!last) return {};
    ranges.push_back({*first, *last});
  }
  return ranges;
}

// How many cores are in both lists; each names a core once.
int64_t CountShared(const std::vector<CoreRange>& a, const std::vector<CoreRange>& b) {
  int64_t count = 0;
  for (const CoreRange& x : a) {
    for (const CoreRange& y : b) {
      count += std::max<int64_t>(std::min(x.last, y.last) - std::max(x.first, y.first) + 1, 0);
    }
  }
  return count;
}

// The affinity of this process, without the cores that are switched off: a process that was never
// bound may "run" on every core that could ever be plugged in.
int64_t AffinityCores(const std::string& root) {
  const std::string online = ReadSmallFile(root + "/sys/devices/system/cpu/online").value_or("");
  const std::string status = ReadSmallFile(root + "/proc/self/status").value_or("");
  std::string_view allowed;
  for (TextLine line : SplitLines(status)) {
    if (NextWord(line.text) == "Cpus_allowed_list:") allowed = NextWord(line.text);
  }
  const int64_t count = CountShared(ParseCores(Trimmed(online)), ParseCores(allowed));
  return count > 0 ? count : std::max<int64_t>(std::thread::hardware_concurrency(), 1);
}

// "150000 100000": microseconds of processor time in each period. A part of a core rounds up, since
// threads that wait for each other use it too.
std::optional<int64_t> QuotaCores(const std::string& cgroup) {
  const std::string text = ReadSmallFile(cgroup + "/cpu.max").value_or("");
  std::string_view words = text;
  const auto quota = ParseInteger(NextWord(words), 1, int64_t{1} << 50);
  const auto period = ParseInteger(NextWord(words), 1, int64_t{1} << 50);
  if (!quota || !period) return std::nullopt;  // "max"
  return (*quota + *period - 1) / *period;
}

std::optional<double> ThrottleShare(const std::string& root) {
  constexpr int64_t kMaxKilohertz = 100'000'000;
  double sum = 0;
  int cores = 0;
  for (const std::string& cpu : ListFolder(root + "/sys/devices/system/cpu", "cpu")) {
    const std::string folder = cpu + "/cpufreq/";  // cpuidle and the like have none
    const auto can = ReadInteger(folder + "cpuinfo_max_freq", 1, kMaxKilohertz);
    // Heat lowers scaling_max_freq. The current frequency is low also on an idle core, so it is
    // only for drivers that have nothing else.
    auto may = ReadInteger(folder + "scaling_max_freq", 1, kMaxKilohertz);
    if (!may) may = ReadInteger(folder + "scaling_cur_freq", 1, kMaxKilohertz);
    if (!can || !may) continue;
    sum += std::min(static_cast<double>(*may) / static_cast<double>(*can), 1.0);
    ++cores;
  }
  if (cores == 0) return std::nullopt;
  return sum / cores;
}

}  // namespace

void ReadProcessor(const std::string& root, const std::vector<std::string>& cgroups,
                   ResourceSnapshot& snapshot) {
  int64_t cores = AffinityCores(root);
  for (const std::string& folder : cgroups) {
    cores = std::min(cores, QuotaCores(folder).value_or(cores));
  }
  snapshot.cores = static_cast<int>(cores);
  snapshot.throttle_share = ThrottleShare(root);

  const std::string loadavg = ReadSmallFile(root + "/proc/loadavg").value_or("");
  std::string_view words = loadavg;
  snapshot.load = ParseNumber(NextWord(words), 0, 1e6).value_or(0);
}

std::optional<double> ReadProcessSeconds(const std::string& root) {
  const std::string stat = ReadSmallFile(root + "/proc/self/stat").value_or("");
  // The second field, the name, may hold spaces and brackets.
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::string_view words = std::string_view(stat).substr(name_end + 1);
  for (int field = 3; field < 14; ++field) NextWord(words);
  const auto user = ParseInteger(NextWord(words), 0, int64_t{1} << 60);
  const auto system = ParseInteger(NextWord(words), 0, int64_t{1} << 60);
  const auto ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  if (!user || !system || ticks_per_second <= 0) return std::nullopt;
  return static_cast<double>(*user + *system) / ticks_per_second;
}

}  // namespace masr
