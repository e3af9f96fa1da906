#include "report/summary.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "report/epoch_figures.h"
#include "report/markup.h"

namespace masr {
namespace {

const RoundRecord* LastAccepted(std::span<const RoundRecord> rounds) {
  for (size_t i = rounds.size(); i-- > 0;) {
    if (rounds[i].accepted) return &rounds[i];
  }
  return nullptr;
}

void TakeRates(std::span<const RoundRecord> rounds, Summary& summary) {
  if (rounds.empty()) return;
  const RoundRecord& first = rounds.front();
  const RoundRecord* last = LastAccepted(rounds);
  summary.on_test = first.test_before && (last == nullptr || last->test_after);
  if (summary.on_test) {
    summary.wer_start = first.test_before->wer;
    if (last != nullptr) summary.wer_now = last->test_after->wer;
  } else {
    const RoundEpoch* began = FirstEpoch(first);
    if (began != nullptr) summary.wer_start = began->validation_wer;
    const RoundEpoch* chosen = last == nullptr ? nullptr : ChosenEpoch(*last);
    if (chosen != nullptr) summary.wer_now = chosen->validation_wer;
  }
  if (summary.wer_start && !std::isfinite(*summary.wer_start)) summary.wer_start.reset();
  if (summary.wer_now && !std::isfinite(*summary.wer_now)) summary.wer_now.reset();
}

// Replayed utterances were counted in the round that first learned from them.
double NewShare(const RoundRecord& round) {
  if (round.training_utterances <= 0) return 1;
  const double replayed = static_cast<double>(round.replayed_utterances) /
                          static_cast<double>(round.training_utterances);
  return 1 - std::clamp(replayed, 0.0, 1.0);
}

// As a sentence of its own: records have clauses ("loss did not fall") and sentences.
std::string Sentence(std::string text) {
  if (text.empty()) return text;
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text.find_last_of(".!?") == text.size() - 1 ? text : text + ".";
}

}  // namespace

Summary Summarize(std::span<const RoundRecord> rounds) {
  Summary summary{.rounds = static_cast<int64_t>(rounds.size())};
  for (const RoundRecord& round : rounds) {
    if (round.accepted) {
      ++summary.accepted;
      summary.seconds_learned += round.audio_seconds * NewShare(round);
    }
    summary.seconds += round.seconds;
    summary.seconds_paused += round.seconds_paused;
    summary.peak_rss_bytes = std::max(summary.peak_rss_bytes, round.peak_rss_bytes);
  }
  TakeRates(rounds, summary);
  return summary;
}

std::string Headline(const Summary& summary) {
  if (summary.rounds == 0) return "It has not learned yet.";
  if (summary.accepted == 0) return "It hears its owner as it did before.";
  if (!summary.wer_start || !summary.wer_now) return "It has learned its owner's voice.";
  const double gain = *summary.wer_start - *summary.wer_now;
  if (gain >= 0.05) return "It hears its owner better now.";
  return gain > -0.05 ? "It gets as many words right as before."
                      : "It gets fewer words right than at the start.";
}

std::string Basis(const Summary& summary) {
  if (!summary.wer_start) return "";
  if (summary.on_test) {
    return "Measured on test sentences that it never learned from, in the first round and in the "
           "last accepted one.";
  }
  std::string text =
      "Measured on sentences of its owner that were kept aside. They also chose the epoch, so that "
      "the gain looks a little larger than it is.";
  if (summary.accepted > 0 && summary.rounds > 1) {
    text += " Rounds may have kept different sentences aside: compare them roughly.";
  }
  return text;
}

std::string OutcomeWord(const RoundRecord& round) {
  return round.accepted ? "accepted" : round.best_epoch > 0 ? "refused" : "no gain";
}

std::string Outcome(const RoundRecord& round) {
  std::string text;
  if (round.accepted) {
    text = "Accepted: what epoch " + std::to_string(round.best_epoch) + " offered is used now.";
  } else if (round.best_epoch > 0) {
    text = "Refused: what epoch " + std::to_string(round.best_epoch) +
           " offered was not taken, the recogniser stays as it was.";
  } else {
    text = "Nothing better was found, the recogniser stays as it was.";
  }
  if (!round.why.empty()) text += " " + Sentence(round.why);
  if (round.halted_by == "owner") {
    text += " Its owner stopped it.";
  } else if (!round.halted_by.empty()) {
    text += " It was stopped early (" + round.halted_by + ").";
  }
  if (!round.halt_why.empty()) text += " " + Sentence(round.halt_why);
  if (round.retries > 0) {
    text += " It diverged and was tried again with a smaller step, " +
            Count(round.retries, "time", "times") + ".";
  }
  return text;
}

}  // namespace masr
