// Best path: the most likely token of each frame, repeats collapsed, blanks dropped.
#ifndef MOBILEASR_CTC_GREEDY_DECODER_H_
#define MOBILEASR_CTC_GREEDY_DECODER_H_

#include <cstdint>
#include <vector>

namespace masr {

// scores [frames, tokens]: logits, or log-probabilities; the first of equal maxima wins.
std::vector<int32_t> GreedyDecode(int64_t frames, int64_t tokens, int32_t blank,
                                  const float* scores);

// The same for frames that arrive in pieces. Copyable: what a tail that may still change would add
// is tried on a copy.
class GreedyDecoder {
 public:
  GreedyDecoder(int64_t tokens, int32_t blank) : tokens_(tokens), blank_(blank), previous_(blank) {}

  // scores [frames, tokens], the frames that follow.
  void Advance(int64_t frames, const float* scores);
  // Tokens so far.
  const std::vector<int32_t>& Best() const { return decoded_; }

 private:
  int64_t tokens_;
  int32_t blank_;
  int32_t previous_;
  std::vector<int32_t> decoded_;
};

}  // namespace masr

#endif  // MOBILEASR_CTC_GREEDY_DECODER_H_
