// What a decoder's hypotheses mean to a person: texts with words, when each was said, and how sure
// the recogniser is.
#ifndef MOBILEASR_CTC_N_BEST_H_
#define MOBILEASR_CTC_N_BEST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "ctc/beam_decoder.h"
#include "text/vocabulary.h"

namespace masr {

struct RecognizedWord {
  std::string text;
  int64_t begin_frame = 0;  // of the logits; [begin, end)
  int64_t end_frame = 0;
  double confidence = 0;  // 0 to 1: the share of the hypotheses, by their probability, that have it
};

struct RecognizedText {
  std::string text;
  double score = 0;       // the hypothesis's, in nats
  double confidence = 0;  // 0 to 1: its probability among the hypotheses
  std::vector<RecognizedWord> words;
};

// The first `count` of `hypotheses` (which come best first, all that the beam has left). Words of
// hypotheses are told apart by aligning them with the text in question; their times come from the
// most likely path through `logits` [frames, tokens].
std::vector<RecognizedText> MakeNBest(const std::vector<Hypothesis>& hypotheses,
                                      const Vocabulary& vocabulary, int64_t frames,
                                      const float* logits, int count);

}  // namespace masr

#endif  // MOBILEASR_CTC_N_BEST_H_
