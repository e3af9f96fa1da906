// A network from features to logits, built from a configuration.
#ifndef MOBILEASR_MODEL_ENCODER_H_
#define MOBILEASR_MODEL_ENCODER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "layers/containers.h"
#include "model/model_config.h"

namespace masr {

// The unit in which training is cut off: one entry of the configuration's list (each repeat
// counts).
struct EncoderBlock {
  std::string name;  // "blocks.3"; the last one is "head"
  ParameterId first = 0;
  ParameterId end = 0;
  // The first of its residual adapter (layers/residual_adapter.h), whose parameters are its last;
  // `end` if it has none.
  ParameterId adapter = 0;
};

struct BlockRange {
  size_t begin = 0;
  size_t end = 0;
};

// What learns beside the network of a configuration, in the blocks from first_block up, but for the
// head.
struct AdapterShape {
  // Of the low-rank pairs beside their matrix products (layers/product.h); recurrent and 1-d and
  // 2-d convolution layers have none. 0: there are none.
  int64_t rank = 0;
  // Of the residual adapter behind each block that has matrices and, by the configuration, no
  // adapter yet. 0: there are none.
  int64_t width = 0;
  size_t first_block = 0;

  bool any() const { return rank != 0 || width != 0; }
  bool operator==(const AdapterShape& other) const {
    return rank == other.rank && width == other.width &&
           (!any() || first_block == other.first_block);
  }
};

// Movable; immutable once made, and so safe to share between threads.
class Encoder {
 public:
  static Result<Encoder> Create(const ModelConfig& config, const AdapterShape& adapters = {});

  const ParameterTable& parameters() const { return parameters_; }
  const std::vector<EncoderBlock>& blocks() const { return blocks_; }
  const AdapterShape& adapters() const { return adapters_; }
  // Numbers per feature frame: mel bins, or 1 of a wave.
  int64_t mels() const { return mels_; }
  int64_t tokens() const { return root_->out_dim(); }
  // Logit frames for feature frames of one utterance, or for frames of what enters `first_block`; 0
  // if it is too short.
  int64_t OutputFrames(int64_t frames, size_t first_block = 0) const {
    return root_->OutputFramesFrom(first_block, frames);
  }
  // Frames of what enters a block, for feature frames of one utterance; 0 if it is too short.
  int64_t InputFrames(size_t block, int64_t frames) const;
  // Width of what enters a block: mels for the first.
  int64_t InputDim(size_t block) const;
  // Tells what the blocks compute, from the first to the head.
  void Accept(LayerVisitor& visitor) const { root_->Accept(visitor); }

  // Trainable parameters of the configuration, in elements.
  int64_t parameter_count() const;

  // Plans a batch whose utterances have `frames[u]` feature frames. Without backward it is
  // inference.
  Result<LayerPlan> Plan(const std::vector<int64_t>& frames, bool backward,
                         LayerPlanner& planner) const {
    return PlanBlocks({0, blocks_.size()}, frames, {.backward = backward}, planner);
  }
  // The same for some of the blocks: frames are those of what enters the first of them, which
  // Forward then takes for features, [rows, InputDim(begin)]; what the last of them gives,
  // [out rows, InputDim(end)], it takes for logits. With mode.input_gradient, Backward gives the
  // gradient of what enters.
  Result<LayerPlan> PlanBlocks(const BlockRange& range, const std::vector<int64_t>& frames,
                               const Mode& mode, LayerPlanner& planner) const;

  // features [rows, mels] -> logits [out rows, tokens]. Fills the position tables first.
  void Forward(const LayerRun& run, const LayerPlan& plan, const LayerPlanner& planner,
               const float* features, float* logits) const;
  // `dfeatures` is null unless the plan gives the gradient of what enters. `block_done`, if any, is
  // told of each block as soon as its gradients are added, from the head down to the lowest block
  // that learns.
  void Backward(const LayerRun& run, const LayerPlan& plan, const float* features,
                const float* logits, const float* dlogits, float* dfeatures = nullptr,
                const ChildDone& block_done = {}) const;

 private:
  ParameterTable parameters_;
  std::vector<EncoderBlock> blocks_;
  std::unique_ptr<Sequential> root_;
  AdapterShape adapters_;
  int64_t mels_ = 0;
};

}  // namespace masr

#endif  // MOBILEASR_MODEL_ENCODER_H_
