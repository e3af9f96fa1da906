// Best path: the most likely token of each frame, repeats collapsed, blanks dropped.
#ifndef MOBILEASR_CTC_GREEDY_DECODER_H_
#define MOBILEASR_CTC_GREEDY_DECODER_H_

#include <cstdint>
#include <vector>

namespace masr {

// scores [frames, tokens]: logits, or log-probabilities; the first of equal maxima wins.
std::vector<int32_t> GreedyDecode(int64_t frames, int64_t tokens, int32_t blank,
                                  const float* scores);

}  // namespace masr

#endif  // MOBILEASR_CTC_GREEDY_DECODER_H_
