// What a round is worth: the share of its owner's word errors that it takes away, by what learns
// and by how much speech there is. Measured on other people's voices (scripts/measure_gain.py).
#ifndef MOBILEASR_PLAN_GAIN_TABLE_H_
#define MOBILEASR_PLAN_GAIN_TABLE_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/encoder.h"
#include "plan/candidate.h"

namespace masr {

// Of one way of tuning: gains[i][j] where shares[i] of the blocks learn from the table's
// minutes[j].
struct TuningGains {
  std::string name;            // TuningName
  std::vector<double> shares;  // rising, in (0, 1]
  std::vector<std::vector<double>> gains;
};

struct GainTable {
  std::string measured_on;      // for people
  std::vector<double> minutes;  // of speech that a round is given, rising, above 0
  std::vector<TuningGains> tunings;

  // 1 - WER after / WER before. Linear in the share and in the logarithm of the minutes between
  // what was measured; beyond it the nearest counts, for nobody has measured what lies there.
  // nullopt: the table does not have this tuning.
  std::optional<double> Gain(std::string_view tuning, double share, double minutes) const;
};

// "full", "vectors" or "lora-8": what the table calls the candidate's tuning.
std::string TuningName(const Candidate& candidate);
// Of the encoder's blocks, the head among them, those that learn.
double LearningShare(const Encoder& encoder, const Candidate& candidate);

// A JSON object: "measured_on", "minutes", and "tunings", a list of objects with "name", "shares"
// and "gains" (a list of numbers for each share). Each may also have "words" and "voices", as
// gains: what the numbers stand on; and the table "model" and "fingerprint". Anything else, and
// numbers that do not rise or are missing, are refused; the error names `where` and the field.
Result<GainTable> ReadGainTable(std::string_view text, const std::string& where);

// The one that is built in: assets/gain_table.json as it was when this was compiled.
Result<GainTable> DefaultGainTable();

// What a round of this owner has achieved.
struct GainObservation {
  std::string tuning;
  double share = 0;
  double minutes = 0;
  double gain = 0;  // 1 - WER after / WER before
};

// The table for this owner. Every number moves by what the owner's rounds gained more than the
// table had said, shrunk as the mean of a normal distribution is under a normal prior:
//
//   gain + sum_i k_i r_i / (2 + sum_i k_i),   r_i = observed gain - the table's
//
// The table counts as two rounds, for it says what to expect of a voice that nobody has heard. How
// much a round tells of another sub-model or of another amount of speech falls with their distance:
// k_i = 2^(-|log2(minutes / minutes_i)|) * 2^(-4 |share - share_i|), halved for another tuning
// (weights of a power prior: Ibrahim and Chen, 2000). Observations of a tuning that the table does
// not have tell nothing.
GainTable UpdateGain(const GainTable& table, std::span<const GainObservation> observations);

}  // namespace masr

#endif  // MOBILEASR_PLAN_GAIN_TABLE_H_
