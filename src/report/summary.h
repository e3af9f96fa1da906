// A history in plain words: what became of it, and of its last round.
#ifndef MOBILEASR_REPORT_SUMMARY_H_
#define MOBILEASR_REPORT_SUMMARY_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "train/round_record.h"

namespace masr {

struct Summary {
  int64_t rounds = 0;
  int64_t accepted = 0;
  double seconds_learned = 0;  // of speech, in accepted rounds, replays not counted
  double seconds = 0;          // of all rounds, pauses among them
  double seconds_paused = 0;
  int64_t peak_rss_bytes = 0;  // the largest
  // WER in percent at the very start and of the last accepted model, where the records tell; both
  // on a test set, or both on the sentences that rounds kept aside.
  std::optional<double> wer_start;
  std::optional<double> wer_now;
  bool on_test = false;
};
Summary Summarize(std::span<const RoundRecord> rounds);

// "It hears its owner better now."
std::string Headline(const Summary& summary);
// What the two rates were measured on, and how far they can be trusted: sentences.
std::string Basis(const Summary& summary);
// "accepted", "refused", or "no gain" where it offered nothing.
std::string OutcomeWord(const RoundRecord& round);
// "Round 3: nothing better was found, it stays as it was. ...". Plain text, not escaped.
std::string Outcome(const RoundRecord& round);

}  // namespace masr

#endif  // MOBILEASR_REPORT_SUMMARY_H_
