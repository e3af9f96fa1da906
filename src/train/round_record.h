// What is remembered of a round: its plan, its epochs, what the device had meanwhile, and how it
// ended. Rounds of one owner make a history; reports are drawn from it.
#ifndef MOBILEASR_TRAIN_ROUND_RECORD_H_
#define MOBILEASR_TRAIN_ROUND_RECORD_H_

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "train/round_epoch.h"

namespace masr {

// One look at the device and at the process.
struct ResourceSample {
  double time_s = 0;  // since the round began; a resumed round goes on counting
  int64_t epoch = 0;
  bool paused = false;
  int64_t process_bytes = 0;     // resident
  int64_t available_bytes = -1;  // of the device; -1: it does not tell
  std::optional<double> battery_percent;
  std::optional<double> temperature_c;
  std::optional<double> power_w;
};

struct SentenceChange {
  std::string reference;
  std::string before;
  std::string after;
};

// Percent.
struct ErrorRates {
  double wer = 0;
  double cer = 0;
};

struct RoundRecord {
  int64_t round = 1;        // from 1
  std::string began;        // UTC, "2026-11-27T12:00:00Z"
  std::string base;         // fingerprint of the base model, the same in a whole history
  std::string from;         // fingerprint of what the round started from
  std::string sub_model;    // CandidateName
  std::string plan_reason;  // why this sub-model
  // As a gain table names it (plan/gain_table.h).
  std::string tuning;
  double learning_share = 0;
  int64_t trainable_parameters = 0;
  int64_t ram_budget_bytes = 0;              // 0: none was given
  std::map<std::string, int64_t> memory;     // the plan, item by item
  int64_t planned_peak_bytes = 0;            // their sum
  int64_t peak_rss_bytes = 0;                // as it turned out
  std::map<std::string, double> thresholds;  // of the policy, by its names; infinite ones left out
  std::vector<ResourceSample> samples;       // in time, some hundreds at most
  std::vector<RoundEpoch> epochs;            // the first is what the round started from
  int64_t best_epoch = 0;                    // what was offered to the gate; 0: nothing
  bool accepted = false;
  std::string model_hash;    // of the file that was accepted
  bool rolled_back = false;  // accepted, and taken back by its owner later
  std::string why;           // accepted or not, a sentence
  std::string halted_by;     // "battery", ...; "owner"; empty: it ended by itself
  std::string halt_why;
  int64_t retries = 0;  // after a divergence, with a smaller step
  double audio_seconds = 0;
  int64_t training_utterances = 0;  // replayed ones among them
  int64_t replayed_utterances = 0;
  int64_t validation_utterances = 0;
  // How far texts and sounds belong together: 0.5 by chance alone, 1 at best; -1 where it was not
  // asked (rounds/transcript_check.h).
  double transcript_agreement = -1;
  int64_t left_out = 0;  // utterances whose text does not seem to be what is said
  double seconds = 0;    // pauses among them
  double seconds_paused = 0;
  // On other people's speech: which set that was (SpeechDataset::Fingerprint), and what the base,
  // the model that the round began with and the one it gave make of it.
  std::string general_set;
  std::optional<ErrorRates> general_base;
  std::optional<ErrorRates> general_before;
  std::optional<ErrorRates> general_after;
  std::optional<ErrorRates> test_before;  // where a test set was given
  std::optional<ErrorRates> test_after;
  std::vector<SentenceChange> sentences;  // those of the held-out speech that changed most
};

nlohmann::ordered_json RoundEpochToJson(const RoundEpoch& epoch);
Result<RoundEpoch> RoundEpochFromJson(const nlohmann::json& object, const std::string& where);

nlohmann::ordered_json RoundRecordToJson(const RoundRecord& record);
// `where` names it in messages. Unknown fields are ignored: a later version may have written them.
Result<RoundRecord> RoundRecordFromJson(const nlohmann::json& object, const std::string& where);

// A history is a JSON object {"rounds": [...]}, oldest first.
nlohmann::ordered_json HistoryToJson(const std::vector<RoundRecord>& rounds);
Result<std::vector<RoundRecord>> HistoryFromJson(const nlohmann::json& object,
                                                 const std::string& where);
Result<std::vector<RoundRecord>> ReadHistory(std::string_view text, const std::string& where);

}  // namespace masr

#endif  // MOBILEASR_TRAIN_ROUND_RECORD_H_
