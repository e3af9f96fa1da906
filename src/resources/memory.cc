#include <unistd.h>

#include <algorithm>
#include <limits>
#include <string_view>

#include "io/text_lines.h"
#include "resources/linux_parts.h"
#include "resources/sysfs.h"

namespace masr {
namespace {

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();
constexpr size_t kMaxCgroupDepth = 64;

// meminfo counts in kilobytes of 1024.
std::optional<int64_t> Kilobytes(std::string_view meminfo, std::string_view key) {
  const std::optional<int64_t> value = LineInteger(meminfo, key);
  if (!value || *value > kNoLimit / 4096) return std::nullopt;
  return *value * 1024;
}

std::optional<int64_t> AvailableOf(std::string_view meminfo) {
  if (const auto available = Kilobytes(meminfo, "MemAvailable:")) return available;
  // Kernels before 3.14. Half of the cached files: some of them are in use.
  const std::optional<int64_t> free = Kilobytes(meminfo, "MemFree:");
  if (!free) return std::nullopt;
  return *free + Kilobytes(meminfo, "Cached:").value_or(0) / 2;
}

// Makes `bytes` at most `limit`.
void Reduce(int64_t limit, int64_t& bytes) {
  bytes = bytes == kUnknownBytes ? limit : std::min(bytes, limit);
}

void ReadCgroup(const std::string& folder, ResourceSnapshot& snapshot) {
  // "max", no limit, is not a number. Above memory.high a group is slowed down until it shrinks,
  // which no training is worth.
  const int64_t limit = std::min(ReadInteger(folder + "/memory.max").value_or(kNoLimit),
                                 ReadInteger(folder + "/memory.high").value_or(kNoLimit));
  if (limit == kNoLimit) return;
  const int64_t current = ReadInteger(folder + "/memory.current").value_or(0);
  const std::string stat = ReadSmallFile(folder + "/memory.stat").value_or("");
  // What the kernel takes back first. Active files stay counted as used: dropping them makes
  // whoever reads them wait.
  int64_t reclaimable = 0;
  for (const char* key : {"inactive_file", "slab_reclaimable"}) {
    const int64_t bytes = LineInteger(stat, key).value_or(0);
    reclaimable += std::min(bytes, current - reclaimable);
  }
  const int64_t used = current - reclaimable;
  Reduce(limit, snapshot.total_bytes);
  Reduce(std::max<int64_t>(limit - std::min(used, limit), 0), snapshot.available_bytes);
}

// "some avg10=1.25 avg60=..."
std::optional<double> PressureIn(const std::string& path) {
  const std::optional<std::string> text = ReadSmallFile(path);
  if (!text) return std::nullopt;
  constexpr std::string_view kAverage = "avg10=";
  for (TextLine line : SplitLines(*text)) {
    if (NextWord(line.text) != "some") continue;
    const std::string_view average = NextWord(line.text);
    if (!average.starts_with(kAverage)) return std::nullopt;
    return ParseNumber(average.substr(kAverage.size()), 0, 100);
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::string> CgroupFolders(const std::string& root) {
  const std::string mount = root + "/sys/fs/cgroup";
  const std::string groups = ReadSmallFile(root + "/proc/self/cgroup").value_or("");
  constexpr std::string_view kVersion2 = "0::/";
  std::string path;
  for (const TextLine& line : SplitLines(groups)) {
    if (line.text.starts_with(kVersion2)) path = Trimmed(line.text.substr(kVersion2.size()));
  }
  // "/../x": the group is not inside the mount, as far as this process can see.
  if (path == ".." || path.starts_with("../")) path.clear();

  std::vector<std::string> folders;
  while (!path.empty() && folders.size() < kMaxCgroupDepth) {
    folders.push_back(std::string(mount).append("/").append(path));
    const size_t slash = path.rfind('/');
    path.resize(slash == std::string::npos ? 0 : slash);
  }
  folders.push_back(mount);
  return folders;
}

void ReadMemory(const std::string& root, const std::vector<std::string>& cgroups,
                ResourceSnapshot& snapshot) {
  const std::string meminfo = ReadSmallFile(root + "/proc/meminfo").value_or("");
  snapshot.total_bytes = Kilobytes(meminfo, "MemTotal:").value_or(kUnknownBytes);
  snapshot.available_bytes = AvailableOf(meminfo).value_or(kUnknownBytes);
  for (const std::string& folder : cgroups) ReadCgroup(folder, snapshot);

  std::string statm = ReadSmallFile(root + "/proc/self/statm").value_or("");
  std::string_view words = statm;
  NextWord(words);  // size of the address space
  const int64_t page = sysconf(_SC_PAGESIZE);
  const std::optional<int64_t> pages = ParseInteger(NextWord(words), 0, kNoLimit / page);
  if (pages) snapshot.process_bytes = *pages * page;

  snapshot.memory_pressure_percent = PressureIn(cgroups.front() + "/memory.pressure");
  if (!snapshot.memory_pressure_percent) {
    snapshot.memory_pressure_percent = PressureIn(root + "/proc/pressure/memory");
  }
}

}  // namespace masr
