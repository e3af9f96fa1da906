// Whether texts belong to their sounds, before anything is learned from them.
#ifndef MOBILEASR_ROUNDS_TRANSCRIPT_CHECK_H_
#define MOBILEASR_ROUNDS_TRANSCRIPT_CHECK_H_

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "data/speech_dataset.h"
#include "model/model.h"
#include "tensor/arena.h"

namespace masr {

struct TranscriptCheckOptions {
  // Other texts to hold each sound against. A text of somebody else's beats all of n in 1 of n + 1
  // cases.
  int alternatives = 8;
  double batch_seconds = 20;  // of speech at a time
};

struct TranscriptCheck {
  // By position in the list that was asked for: the share of other texts that the recogniser finds
  // less likely than the utterance's own; -1 where there was nothing to compare.
  std::vector<double> preference;
  // Mean of those that could be compared, and their number. About 0.5 if the texts have nothing to
  // do with the sounds (or there is no speech), near 1 if they belong together.
  double mean = -1;
  int64_t compared = 0;
};

// A recogniser that makes many errors still finds the right text likelier than other texts of about
// the same length: their CTC losses per token on the same sound are compared. The other texts are
// those of the list itself, so that nothing is known of the language.
Result<TranscriptCheck> CheckTranscripts(const Model& model, SpeechDataset& data,
                                         const std::vector<int64_t>& indices,
                                         const ThreadPool& threads,
                                         const TranscriptCheckOptions& options = {});

// Halfway between chance (0.5) and what ordinary voices have (docs/rounds.md): an utterance below
// that does not say its text.
constexpr double kLeastPreference = 0.75;
// What the mean of so many utterances has to reach, or texts and sounds have nothing to do with
// each other: kLeastPreference, and of few what chance alone passes once in two hundred times, as
// one utterance's preference is by chance spread evenly over 0..1.
double LeastMeanPreference(int64_t compared);

}  // namespace masr

#endif  // MOBILEASR_ROUNDS_TRANSCRIPT_CHECK_H_
