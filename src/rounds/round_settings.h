// Everything that decides what a round does, as its owner gave it and as a resumed round finds it.
#ifndef MOBILEASR_ROUNDS_ROUND_SETTINGS_H_
#define MOBILEASR_ROUNDS_ROUND_SETTINGS_H_

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/result.h"
#include "train/personalize.h"

namespace masr {

struct RoundSettings {
  // `split` and `checkpoint` are not settings: an owner's folder decides them.
  PersonalizeOptions personalize;
  WeightFormat format = WeightFormat::kBf16;  // of what is accepted
  // Of the speech learned before, as much again as there is new speech, times this: enough to keep
  // what was learned, and a round stays as long as its new speech.
  double replay_share = 1;
  // Manifest of other people's speech, to measure what is forgotten; empty: none.
  std::string general;
  std::string test;  // manifest to measure before and after, for the record only; empty: none
  // How much the CER on `general` may lie above the base's, in points.
  double max_general_cer_rise = 3;
  // Decoded speech that stays in memory, so that only the first epoch decodes: an hour at 16 kHz is
  // 115 MB.
  int64_t speech_cache_bytes = int64_t{256} << 20;
  // Utterances whose text has nothing to do with their sound are left out (CheckTranscripts).
  bool check_transcripts = true;
};

nlohmann::ordered_json RoundSettingsToJson(const RoundSettings& settings);
// Every field is required but those that a later version has added. `where` names it in messages.
Result<RoundSettings> RoundSettingsFromJson(const nlohmann::json& object, const std::string& where);

}  // namespace masr

#endif  // MOBILEASR_ROUNDS_ROUND_SETTINGS_H_
