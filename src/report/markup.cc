#include "report/markup.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "text/utf8.h"

namespace masr {
namespace {

bool AllowedInXml(char32_t c) {
  if (c < 0x20) return c == '\t' || c == '\n' || c == '\r';
  return c != 0xfffe && c != 0xffff;
}

}  // namespace

std::string Escaped(std::string_view text, size_t max_code_points) {
  std::string escaped;
  for (size_t n = 0; !text.empty(); ++n) {
    if (n == max_code_points) return escaped + "…";
    const CodePoint point = FirstCodePoint(text);
    const std::string_view bytes = text.substr(0, point.bytes);
    text.remove_prefix(point.bytes);
    if (!point.valid || !AllowedInXml(point.value)) {
      escaped += "\uFFFD";
    } else if (point.value == '&') {
      escaped += "&amp;";
    } else if (point.value == '<') {
      escaped += "&lt;";
    } else if (point.value == '>') {
      escaped += "&gt;";
    } else if (point.value == '"') {
      escaped += "&#34;";
    } else if (point.value == '\'') {
      escaped += "&#39;";
    } else {
      escaped += bytes;
    }
  }
  return escaped;
}

std::string Fixed(double value, int decimals) {
  if (!std::isfinite(value)) return "-";
  char text[400];  // the largest double has 309 digits before its point
  const auto end =
      std::to_chars(text, text + sizeof(text), value, std::chars_format::fixed, decimals);
  const std::string_view written(text, static_cast<size_t>(end.ptr - text));
  const bool zero = written.find_first_not_of("-0.") == std::string_view::npos;
  return std::string(zero && written[0] == '-' ? written.substr(1) : written);
}

std::string Coordinate(double value) {
  if (!std::isfinite(value)) return "0";
  std::string text = Fixed(std::clamp(value, -1e6, 1e6), 1);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

std::string Grouped(int64_t value) {
  std::string text = std::to_string(value);
  const size_t first = value < 0 ? 1 : 0;
  for (size_t at = text.size(); at > first + 3;) text.insert(at -= 3, ",");
  return text;
}

std::string Bytes(double bytes) {
  const double size = std::abs(bytes);
  if (size >= 999.5e6) return Fixed(bytes / 1e9, size < 10e9 ? 2 : 1) + " GB";
  if (size >= 999.5e3) return Fixed(bytes / 1e6, size < 9.95e6 ? 1 : 0) + " MB";
  return Fixed(bytes / 1e3, size < 9.95e3 && size > 0 ? 1 : 0) + " kB";
}

std::string Duration(double seconds) {
  if (!std::isfinite(seconds)) return "-";
  if (seconds < 99.5) return Fixed(seconds, 0) + " s";
  if (seconds < 90.0 * 60) return Fixed(seconds / 60, seconds < 600 ? 1 : 0) + " min";
  const double minutes = std::round(seconds / 60);
  const double hours = std::floor(minutes / 60);
  const double rest = minutes - 60 * hours;
  return Fixed(hours, 0) + " h" + (rest > 0 ? " " + Fixed(rest, 0) + " min" : "");
}

std::string Percent(double value) { return Fixed(value, 1) + " %"; }

std::string Count(int64_t n, std::string_view one, std::string_view many) {
  return Grouped(n) + " " + std::string(n == 1 ? one : many);
}

}  // namespace masr
