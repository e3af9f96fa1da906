// Numbers out of text and into it, whatever the process's locale.
#ifndef MOBILEASR_BASE_NUMBER_TEXT_H_
#define MOBILEASR_BASE_NUMBER_TEXT_H_

#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>

namespace masr {

// The whole of `text` as a number in base ten, as std::from_chars reads it: no blanks, no plus
// sign, nothing after it; of floating-point numbers also inf and nan. Out of range is none.
std::optional<double> ParseDouble(std::string_view text);
template <std::integral T>
std::optional<T> ParseInteger(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// As short as reads back to the same number: "1e-12", "0.95".
std::string ShortestText(double value);
std::string ShortestText(float value);

// The same by the C library, where the C++ library has no from_chars and to_chars for such numbers
// (libc++ before 20: Android, WebAssembly).
std::optional<double> ParseDoubleInC(std::string_view text);
std::string ShortestTextInC(double value, int most_digits);

}  // namespace masr

#endif  // MOBILEASR_BASE_NUMBER_TEXT_H_
