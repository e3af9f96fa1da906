// Where in time each token of a known text was said: the most likely CTC path through it.
#ifndef MOBILEASR_CTC_ALIGNMENT_H_
#define MOBILEASR_CTC_ALIGNMENT_H_

#include <cstdint>
#include <span>
#include <vector>

namespace masr {

// Frames [begin, end) in which the path emits a token.
struct TokenFrames {
  int64_t begin = 0;
  int64_t end = 0;
};

// scores [frames, tokens]: logits or log-probabilities (a constant added to a frame changes
// nothing). `target` must be feasible: frames >= CtcMinimumFrames(target). One per token of it.
// Time and memory: frames * (2 * target + 1), one byte each.
std::vector<TokenFrames> AlignTokens(int64_t frames, int64_t tokens, int32_t blank,
                                     const float* scores, std::span<const int32_t> target);

}  // namespace masr

#endif  // MOBILEASR_CTC_ALIGNMENT_H_
