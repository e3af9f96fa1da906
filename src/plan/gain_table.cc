#include "plan/gain_table.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "io/config_reader.h"

namespace masr {
namespace {

constexpr double kTableCounts = 2;  // rounds

// Where `at` lies among rising points: between points[low] and points[low + 1], `share` of the way.
struct Place {
  size_t low = 0;
  size_t high = 0;
  double share = 0;
};

Place Find(std::span<const double> points, double at) {
  const auto above = std::ranges::upper_bound(points, at);
  if (above == points.begin()) return {};
  const auto high = static_cast<size_t>(above - points.begin());
  if (high == points.size()) return {high - 1, high - 1, 0};
  return {high - 1, high, (at - points[high - 1]) / (points[high] - points[high - 1])};
}

double Between(double low, double high, double share) { return low + share * (high - low); }

bool IsRising(const std::vector<double>& values, double most) {
  if (values.empty() || values.front() <= 0 || values.back() > most) return false;
  return std::ranges::adjacent_find(values, std::greater_equal<>()) == values.end();
}

// A row for each of `rows`, of `columns` numbers from -`most` to `most` each.
bool ReadRows(const nlohmann::json* list, size_t rows, size_t columns, double most,
              std::vector<std::vector<double>>& values) {
  if (list == nullptr || !list->is_array() || list->size() != rows) return false;
  for (const nlohmann::json& row : *list) {
    if (!row.is_array() || row.size() != columns) return false;
    std::vector<double>& to = values.emplace_back();
    for (const nlohmann::json& value : row) {
      if (!value.is_number()) return false;
      to.push_back(value.get<double>());
      if (!(std::abs(to.back()) <= most)) return false;
    }
  }
  return true;
}

Result<TuningGains> ReadTuning(const nlohmann::json& object, size_t columns,
                               const std::string& where) {
  // A voice may get much worse: where nothing was wrong before, a single error is without bound.
  constexpr double kMostGain = 100;
  ConfigReader reader(object, where);
  TuningGains tuning;
  tuning.name = reader.Text("name", std::nullopt);
  tuning.shares = reader.NumberList("shares");
  if (!IsRising(tuning.shares, 1)) reader.Refuse("'shares' must rise, above 0 and up to 1");
  const auto rows = [&](const char* key, double most, std::vector<std::vector<double>>& to) {
    if (ReadRows(reader.Child(key), tuning.shares.size(), columns, most, to)) return;
    reader.Refuse("'" + std::string(key) + "' must have a list of " + std::to_string(columns) +
                  " numbers (one of each of the table's minutes) for each of the " +
                  std::to_string(tuning.shares.size()) + " shares");
  };
  rows("gains", kMostGain, tuning.gains);
  for (const char* key : {"words", "voices"}) {
    std::vector<std::vector<double>> ignored;
    if (reader.Child(key) != nullptr) rows(key, 1e12, ignored);
  }
  MASR_RETURN_IF_ERROR(reader.Finish());
  return tuning;
}

}  // namespace

std::optional<double> GainTable::Gain(std::string_view tuning, double share, double at) const {
  const auto of = std::ranges::find(tunings, tuning, &TuningGains::name);
  if (of == tunings.end()) return std::nullopt;
  std::vector<double> logs;
  for (const double m : minutes) logs.push_back(std::log(m));
  const Place column = Find(logs, std::log(std::max(at, 1e-9)));
  const Place row = Find(of->shares, share);
  const auto along = [&](size_t r) {
    return Between(of->gains[r][column.low], of->gains[r][column.high], column.share);
  };
  return Between(along(row.low), along(row.high), row.share);
}

std::string TuningName(const Candidate& candidate) {
  switch (candidate.tuning) {
    case Tuning::kVectors:
      return "vectors";
    case Tuning::kLora:
      return "lora-" + std::to_string(candidate.lora_rank);
    case Tuning::kAdapters:
      return "adapters-" + std::to_string(candidate.adapter_width);
    case Tuning::kFull:
      break;
  }
  return "full";
}

double LearningShare(const Encoder& encoder, const Candidate& candidate) {
  const size_t blocks = encoder.blocks().size();
  const size_t first = std::min(candidate.first_block, blocks - 1);
  return static_cast<double>(blocks - first) / static_cast<double>(blocks);
}

Result<GainTable> ReadGainTable(std::string_view text, const std::string& where) {
  constexpr double kMostMinutes = 1e6;
  MASR_TRY(const nlohmann::json json, ParseConfig(text, where));
  ConfigReader reader(json, where);
  GainTable table;
  table.measured_on = reader.Text("measured_on", "");
  (void)reader.Text("model", "");
  (void)reader.Text("fingerprint", "");
  table.minutes = reader.NumberList("minutes");
  if (!IsRising(table.minutes, kMostMinutes)) reader.Refuse("'minutes' must rise, above 0");
  const nlohmann::json* tunings = reader.Child("tunings");
  if (tunings == nullptr || !tunings->is_array() || tunings->empty()) {
    reader.Refuse("'tunings' must be a list with an object for each way of tuning");
  }
  MASR_RETURN_IF_ERROR(reader.Finish());
  std::set<std::string> names;
  for (size_t i = 0; i < tunings->size(); ++i) {
    const std::string place = where + ": tunings[" + std::to_string(i) + "]";
    MASR_TRY(TuningGains tuning, ReadTuning((*tunings)[i], table.minutes.size(), place));
    if (!names.insert(tuning.name).second) {
      return Fail(ErrorCode::kInvalidArgument,
                  place + ": '" + tuning.name + "' is there twice; remove one");
    }
    table.tunings.push_back(std::move(tuning));
  }
  return table;
}

GainTable UpdateGain(const GainTable& table, std::span<const GainObservation> observations) {
  GainTable updated = table;
  for (TuningGains& tuning : updated.tunings) {
    for (size_t row = 0; row < tuning.shares.size(); ++row) {
      for (size_t column = 0; column < table.minutes.size(); ++column) {
        double weights = 0;
        double sum = 0;
        for (const GainObservation& o : observations) {
          const std::optional<double> expected = table.Gain(o.tuning, o.share, o.minutes);
          if (!expected || o.minutes <= 0) continue;
          const double distance = std::abs(std::log2(table.minutes[column] / o.minutes)) +
                                  4 * std::abs(tuning.shares[row] - o.share) +
                                  (o.tuning == tuning.name ? 0 : 1);
          const double weight = std::exp2(-distance);
          weights += weight;
          sum += weight * (o.gain - *expected);
        }
        tuning.gains[row][column] += sum / (kTableCounts + weights);
      }
    }
  }
  return updated;
}

}  // namespace masr
