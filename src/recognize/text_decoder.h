// From rows of logits to texts: the best path, or a beam with what is known of texts.
#ifndef MOBILEASR_RECOGNIZE_TEXT_DECODER_H_
#define MOBILEASR_RECOGNIZE_TEXT_DECODER_H_

#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

#include "ctc/beam_decoder.h"
#include "ctc/greedy_decoder.h"

namespace masr {

// Fed rows in order; copying it saves where it is.
class TextDecoder {
 public:
  explicit TextDecoder(GreedyDecoder greedy) : decoder_(std::move(greedy)) {}
  // What the beam's scorer refers to must outlive it.
  explicit TextDecoder(BeamDecoder beam) : decoder_(std::move(beam)) {}

  // logits [frames, tokens].
  void Advance(int64_t frames, const float* logits) {
    std::visit([&](auto& decoder) { decoder.Advance(frames, logits); }, decoder_);
  }
  // Tokens so far; a beam may change its mind about them.
  std::vector<int32_t> Best() const {
    return std::visit([](const auto& decoder) { return std::vector<int32_t>(decoder.Best()); },
                      decoder_);
  }
  // The texts if the speech ends here, best first: one of the best path, all of a beam.
  std::vector<Hypothesis> Finish() const {
    if (const auto* beam = std::get_if<BeamDecoder>(&decoder_)) return beam->Finish(0);
    return {{.tokens = Best(), .score = 0}};
  }

 private:
  std::variant<GreedyDecoder, BeamDecoder> decoder_;
};

}  // namespace masr

#endif  // MOBILEASR_RECOGNIZE_TEXT_DECODER_H_
