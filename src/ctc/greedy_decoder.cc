#include "ctc/greedy_decoder.h"

#include <algorithm>

namespace masr {

void GreedyDecoder::Advance(int64_t frames, const float* scores) {
  for (int64_t t = 0; t < frames; ++t) {
    const float* row = scores + t * tokens_;
    const auto best = static_cast<int32_t>(std::max_element(row, row + tokens_) - row);
    if (best != blank_ && best != previous_) decoded_.push_back(best);
    previous_ = best;
  }
}

std::vector<int32_t> GreedyDecode(int64_t frames, int64_t tokens, int32_t blank,
                                  const float* scores) {
  GreedyDecoder decoder(tokens, blank);
  decoder.Advance(frames, scores);
  return decoder.Best();
}

}  // namespace masr
