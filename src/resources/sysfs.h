// Small files of a kernel, as found: missing, unreadable, empty or nonsense is nullopt, never an
// error. Internal to this folder.
#ifndef MOBILEASR_RESOURCES_SYSFS_H_
#define MOBILEASR_RESOURCES_SYSFS_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace masr {

// Without spaces and line ends around it.
std::string_view Trimmed(std::string_view text);

// Takes the first word off `text`; empty at its end.
std::string_view NextWord(std::string_view& text);

// The whole of `text` as a number within the bounds.
std::optional<int64_t> ParseInteger(std::string_view text, int64_t low, int64_t high);
std::optional<double> ParseNumber(std::string_view text, double low, double high);

// Longer files than 64 KB are not read: no file that is looked at is near that.
std::optional<std::string> ReadSmallFile(const std::string& path);

// A file that holds one name, trimmed: at most 64 printable ASCII characters.
std::optional<std::string> ReadName(const std::string& path);

// A file that holds one whole number.
std::optional<int64_t> ReadInteger(const std::string& path, int64_t low = 0,
                                   int64_t high = std::numeric_limits<int64_t>::max());

// The number, not negative, after the line's first word `key`, as in meminfo and memory.stat.
std::optional<int64_t> LineInteger(std::string_view text, std::string_view key);

// Paths in `folder` whose name is `prefix` and more, sorted; at most 512.
std::vector<std::string> ListFolder(const std::string& folder, std::string_view prefix);

}  // namespace masr

#endif  // MOBILEASR_RESOURCES_SYSFS_H_
