#include "io/byte_size.h"

#include <cmath>
#include <optional>
#include <string>

#include "base/number_text.h"

namespace masr {
namespace {

std::optional<double> UnitOf(std::string unit) {
  for (char& c : unit) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (unit.empty() || unit == "b") return 1;
  const size_t power = std::string_view("kmgt").find(unit[0]);
  if (power == std::string_view::npos) return std::nullopt;
  const std::string rest = unit.substr(1);
  if (rest.empty() || rest == "b") return std::pow(1000.0, static_cast<double>(power + 1));
  if (rest == "ib") return std::pow(1024.0, static_cast<double>(power + 1));
  return std::nullopt;
}

}  // namespace

Result<int64_t> ParseByteSize(std::string_view text) {
  constexpr double kMost = 9e18;
  const std::string_view digits = text.substr(0, text.find_first_not_of("0123456789."));
  const std::optional<double> number = ParseDouble(digits);
  std::string unit(text.substr(digits.size()));
  if (unit.starts_with(' ')) unit.erase(0, 1);
  const std::optional<double> factor = UnitOf(unit);
  if (!number || !factor || !(*number * *factor >= 1) || *number * *factor > kMost) {
    return Fail(ErrorCode::kInvalidArgument,
                "'" + std::string(text) +
                    "' is not an amount of memory; write it as 200MB, 200MiB or in bytes");
  }
  return static_cast<int64_t>(*number * *factor);
}

}  // namespace masr
