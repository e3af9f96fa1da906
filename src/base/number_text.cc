#include "base/number_text.h"

#include <locale.h>  // NOLINT(modernize-deprecated-headers): newlocale is POSIX's

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

namespace masr {

std::optional<double> ParseDouble(std::string_view text) {
#ifdef __cpp_lib_to_chars
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
#else
  return ParseDoubleInC(text);
#endif
}

namespace {

template <class T>
std::string ShortestOf(T value) {
#ifdef __cpp_lib_to_chars
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof(text), value);
  return std::string(text, error == std::errc() ? end : text);
#else
  return ShortestTextInC(value, std::numeric_limits<T>::max_digits10);
#endif
}

locale_t CLocale() {
  static const locale_t locale = newlocale(LC_ALL_MASK, "C", nullptr);
  return locale;
}

}  // namespace

std::string ShortestText(double value) { return ShortestOf(value); }
std::string ShortestText(float value) { return ShortestOf(value); }

std::string ShortestTextInC(double value, int most_digits) {
  const bool is_float = most_digits <= std::numeric_limits<float>::max_digits10;
  const locale_t before = uselocale(CLocale());
  std::string text;
  for (int digits = 1; digits <= most_digits; ++digits) {
    char written[40];
    std::snprintf(written, sizeof(written), "%.*g", digits, value);
    text = written;
    const double back = std::strtod(written, nullptr);
    if (is_float ? static_cast<float>(back) == static_cast<float>(value) : back == value) break;
  }
  uselocale(before);
  return text;
}

std::optional<double> ParseDoubleInC(std::string_view text) {
  // What strtod takes and from_chars does not: blanks, a plus sign, hexadecimal, nan(...).
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  constexpr std::string_view kFirst = "0123456789.iInN";
  if (digits.empty() || kFirst.find(digits.front()) == std::string_view::npos ||
      digits.find_first_of("xX(") != std::string_view::npos) {
    return std::nullopt;
  }
  const std::string terminated(text);
  char* end = nullptr;
  errno = 0;
  const double value = strtod_l(terminated.c_str(), &end, CLocale());
  if (end != terminated.c_str() + terminated.size()) return std::nullopt;
  // Some set ERANGE for subnormal numbers too, which are in range.
  if (errno == ERANGE && (value == 0 || std::isinf(value))) return std::nullopt;
  return value;
}

}  // namespace masr
