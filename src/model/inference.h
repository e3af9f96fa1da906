// Runs an encoder forward: features in, logits out; or a part of it.
#ifndef MOBILEASR_MODEL_INFERENCE_H_
#define MOBILEASR_MODEL_INFERENCE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "model/model.h"
#include "tensor/arena.h"

namespace masr {

struct Logits {
  std::vector<int64_t> offsets;  // rows of utterance u: [offsets[u], offsets[u + 1])
  std::vector<float> values;     // [rows, tokens], or [rows, width] of the last block that ran
};

// Runs in `arena`, or where that is null in one of its own, which grows to the largest batch seen.
// One thread at a time; the model, the pool and the arena must outlive it.
class Inference {
 public:
  Inference(const Model& model, const ThreadPool& threads, Arena* arena = nullptr)
      : model_(model), threads_(threads), shared_(arena) {}

  // `features` [sum of frames, mels]: the utterances' normalised frames one after the other. Every
  // utterance must be long enough for the encoder.
  Result<Logits> Run(const std::vector<int64_t>& frames, std::span<const float> features) {
    return RunBlocks({0, model_.encoder.blocks().size()}, frames, features);
  }
  // The same for some of the blocks, as Encoder::PlanBlocks says.
  Result<Logits> RunBlocks(const BlockRange& range, const std::vector<int64_t>& frames,
                           std::span<const float> inputs);

 private:
  const Model& model_;
  const ThreadPool& threads_;
  Arena* shared_;
  Arena own_;
};

}  // namespace masr

#endif  // MOBILEASR_MODEL_INFERENCE_H_
