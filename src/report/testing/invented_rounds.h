// Rounds that nobody ran.
#ifndef MOBILEASR_REPORT_TESTING_INVENTED_ROUNDS_H_
#define MOBILEASR_REPORT_TESTING_INVENTED_ROUNDS_H_

#include <cmath>
#include <cstdint>
#include <vector>

#include "train/round_record.h"

namespace masr {

// A round with everything that a record can have; WER falls from `wer` to seven tenths of it.
inline RoundRecord InventedRound(int64_t number, bool accepted, double wer = 40,
                                 int64_t epochs = 10, int64_t samples = 120) {
  RoundRecord round{.round = number,
                    .began = "2026-11-20T22:00:00Z",
                    .base = "5f3a91c2",
                    .from = "00",
                    .sub_model = "top 4 blocks, in 2 parts",
                    .plan_reason = "most gain of those that fit",
                    .trainable_parameters = 2214912,
                    .ram_budget_bytes = 220'000'000,
                    .memory = {{"process", 14'000'000},
                               {"threads", 900'000},
                               {"weights", 7'000'000},
                               {"trained", 8'900'000},
                               {"gradients", 8'900'000},
                               {"optimizer", 17'800'000},
                               {"averages", 17'800'000},
                               {"arena", 78'000'000},
                               {"inputs", 5'000'000},
                               {"speech", 6'000'000}},
                    .planned_peak_bytes = 164'300'000,
                    .peak_rss_bytes = 155'000'000,
                    .thresholds = {{"min_battery_percent", 30},
                                   {"max_temperature_c", 45},
                                   {"min_available_bytes", 268435456}},
                    .best_epoch = epochs * 3 / 4,
                    .accepted = accepted,
                    .why = "general WER rose by 0.2 points",
                    .halted_by = accepted ? "" : "battery",
                    .halt_why = accepted ? "" : "its battery is at 29 %",
                    .retries = 1,
                    .audio_seconds = 300,
                    .training_utterances = 94,
                    .replayed_utterances = 47,
                    .validation_utterances = 15,
                    .seconds = 600,
                    .seconds_paused = 60,
                    .general_before = ErrorRates{33.1, 14},
                    .general_after = ErrorRates{33.3, 14.1},
                    .sentences = {{"turn left at the brewery", "turned left the bruise",
                                   "turn left at the brewery now"}}};
  for (int64_t e = 0; e <= epochs; ++e) {
    const double share = static_cast<double>(e) / static_cast<double>(epochs);
    const double now = wer * (1 - 0.3 * std::sqrt(share));
    round.epochs.push_back({.epoch = e,
                            .train_loss = e == 0 ? 0 : 2 - share,
                            .validation_loss = 1.5 - 0.4 * share,
                            .validation_wer = now,
                            .validation_cer = 0.4 * now,
                            .cer_error = 1,
                            .seconds = 30});
  }
  for (int64_t i = 0; i < samples; ++i) {
    const bool paused = i % 40 > 30;
    round.samples.push_back({.time_s = 5.0 * static_cast<double>(i),
                             .epoch = 1 + i * epochs / samples,
                             .paused = paused,
                             .process_bytes = 150'000'000 - (i % 7) * 2'000'000,
                             .available_bytes = 1'300'000'000 + (i % 11) * 5'000'000,
                             .battery_percent = 60.0 - static_cast<double>(i) / 10,
                             .temperature_c = paused ? 36 : 41,
                             .power_w = paused ? 0.9 : 3.5});
  }
  return round;
}

inline std::vector<RoundRecord> InventedRounds() {
  return {InventedRound(1, true, 46), InventedRound(2, true, 38, 16), InventedRound(3, false, 30)};
}

}  // namespace masr

#endif  // MOBILEASR_REPORT_TESTING_INVENTED_ROUNDS_H_
