#include "resources/sysfs.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/number_text.h"
#include "io/file.h"
#include "io/text_lines.h"

namespace masr {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";
constexpr size_t kMaxFileBytes = size_t{1} << 16;
constexpr size_t kMaxNameBytes = 64;
constexpr size_t kMaxEntries = 512;

template <class T>
std::optional<T> Within(std::optional<T> value, T low, T high) {
  if (!value || !(*value >= low && *value <= high)) return std::nullopt;  // NaN neither
  return value;
}

}  // namespace

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) + 1 - begin);
}

std::string_view NextWord(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kSpaces), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(kSpaces));
  text.remove_prefix(word.size());
  return word;
}

std::optional<int64_t> ParseInteger(std::string_view text, int64_t low, int64_t high) {
  return Within(ParseInteger<int64_t>(text), low, high);
}

std::optional<double> ParseNumber(std::string_view text, double low, double high) {
  return Within(ParseDouble(text), low, high);
}

std::optional<std::string> ReadSmallFile(const std::string& path) {
  Result<std::string> text = ReadTextFile(path, kMaxFileBytes);
  if (!text.has_value()) return std::nullopt;
  return std::move(*text);
}

std::optional<std::string> ReadName(const std::string& path) {
  const std::optional<std::string> text = ReadSmallFile(path);
  if (!text) return std::nullopt;
  const std::string_view name = Trimmed(*text);
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  if (name.empty() || name.size() > kMaxNameBytes) return std::nullopt;
  if (!std::all_of(name.begin(), name.end(), printable)) return std::nullopt;
  return std::string(name);
}

std::optional<int64_t> ReadInteger(const std::string& path, int64_t low, int64_t high) {
  const std::optional<std::string> text = ReadSmallFile(path);
  if (!text) return std::nullopt;
  return ParseInteger(Trimmed(*text), low, high);
}

std::optional<int64_t> LineInteger(std::string_view text, std::string_view key) {
  for (TextLine line : SplitLines(text)) {
    if (NextWord(line.text) != key) continue;
    return ParseInteger(NextWord(line.text), 0, std::numeric_limits<int64_t>::max());
  }
  return std::nullopt;
}

std::vector<std::string> ListFolder(const std::string& folder, std::string_view prefix) {
  std::vector<std::string> paths;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  for (; !error && entry != std::filesystem::directory_iterator() && paths.size() < kMaxEntries;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.size() > prefix.size() && name.starts_with(prefix)) paths.push_back(entry->path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace masr
