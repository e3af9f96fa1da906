#include "ctc/greedy_decoder.h"

#include <algorithm>

namespace masr {

std::vector<int32_t> GreedyDecode(int64_t frames, int64_t tokens, int32_t blank,
                                  const float* scores) {
  std::vector<int32_t> decoded;
  int32_t previous = blank;
  for (int64_t t = 0; t < frames; ++t) {
    const float* row = scores + t * tokens;
    const auto best = static_cast<int32_t>(std::max_element(row, row + tokens) - row);
    if (best != blank && best != previous) decoded.push_back(best);
    previous = best;
  }
  return decoded;
}

}  // namespace masr
