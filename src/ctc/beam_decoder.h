// CTC prefix beam search (Graves, 2012; Hannun et al., 2014): sums over all alignments of a text,
// and weighs texts by what a TextScorer knows of them.
#ifndef MOBILEASR_CTC_BEAM_DECODER_H_
#define MOBILEASR_CTC_BEAM_DECODER_H_

#include <cstdint>
#include <vector>

#include "ctc/text_scorer.h"

namespace masr {

// On wuw-corpus-ii/base_dev twice the width changes WER by a tenth of a point.
struct BeamOptions {
  int width = 64;             // prefixes kept after each frame
  float score_range = 14.0f;  // nats: those further below the best go, too
  // Tokens less likely than this in a frame do not extend a prefix.
  float min_token_log_probability = -7.0f;
};

struct Hypothesis {
  std::vector<int32_t> tokens;  // without a space at the end
  double score = 0;             // nats: ln p(tokens | audio) + what the scorer adds
};

// Fed frame by frame, one utterance (scores are floats: minutes, not hours); copying it saves where
// it is. The scorer must outlive it.
class BeamDecoder {
 public:
  BeamDecoder(const TextScorer& scorer, int64_t tokens, int32_t blank, const BeamOptions& options);

  // logits [frames, tokens], un-normalised (log-probabilities are logits, too). A frame without a
  // finite number, or one that no text can have, is passed over.
  void Advance(int64_t frames, const float* logits);

  // The best prefix so far, its last word perhaps unfinished.
  std::vector<int32_t> Best() const;
  // The texts if the speech ends here, best first; at most `count`, all that are left if 0. Never
  // empty: the text without tokens is one.
  std::vector<Hypothesis> Finish(int count) const;

 private:
  struct Node {
    int32_t parent = -1;
    int32_t token = 0;
    int32_t first_child = -1;
    int32_t sibling = -1;
    int32_t entry = -1;  // among the candidates of the frame being worked on
    float text_score = 0;
    TextScorer::State state;
  };

  // A prefix of the beam: ln of the probability of its alignments that end in a blank, and of those
  // that end in its last token.
  struct Entry {
    int32_t node;
    float blank;
    float token;
  };

  // What a frame makes of an entry, or of one with a token more (node -1 until it is kept).
  struct Candidate {
    int32_t node;
    int32_t parent;
    int32_t token_index;
    float blank;
    float token;
    float text_score;
    float score;
    TextScorer::State state;
  };

  void AdvanceFrame();
  void AddToken(const Entry& entry, float total, int32_t token, float log_probability);
  int32_t FindChild(int32_t node, int32_t token) const;
  void Keep();
  void DropUnreachable();
  std::vector<int32_t> Tokens(int32_t node) const;

  const TextScorer* scorer_;
  int64_t tokens_;
  int32_t blank_;
  BeamOptions options_;
  std::vector<Node> nodes_;     // [0]: the empty text; parents come before children
  std::vector<Entry> entries_;  // best first
  std::vector<Candidate> candidates_;
  std::vector<float> log_probabilities_;  // of the frame being worked on
};

}  // namespace masr

#endif  // MOBILEASR_CTC_BEAM_DECODER_H_
