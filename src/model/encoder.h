// A network from features to logits, built from a configuration.
#ifndef MOBILEASR_MODEL_ENCODER_H_
#define MOBILEASR_MODEL_ENCODER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "layers/layer.h"
#include "model/model_config.h"

namespace masr {

// The unit in which training is cut off: one entry of the configuration's list (each repeat
// counts).
struct EncoderBlock {
  std::string name;  // "blocks.3"; the last one is "head"
  ParameterId first = 0;
  ParameterId end = 0;
};

// Movable; immutable once made, and so safe to share between threads.
class Encoder {
 public:
  static Result<Encoder> Create(const ModelConfig& config);

  const ParameterTable& parameters() const { return parameters_; }
  const std::vector<EncoderBlock>& blocks() const { return blocks_; }
  int64_t mels() const { return mels_; }
  int64_t tokens() const { return root_->out_dim(); }
  // Logit frames for feature frames of one utterance; 0 if it is too short.
  int64_t OutputFrames(int64_t frames) const { return root_->OutputFrames(frames); }
  // Trainable parameters of the configuration, in elements.
  int64_t parameter_count() const;

  // Plans a batch whose utterances have `frames[u]` feature frames. A mode without backward is
  // inference.
  Result<LayerPlan> Plan(const std::vector<int64_t>& frames, bool backward,
                         LayerPlanner& planner) const;

  // features [rows, mels] -> logits [out rows, tokens]. Fills the position tables first.
  void Forward(const LayerRun& run, const LayerPlan& plan, const LayerPlanner& planner,
               const float* features, float* logits) const;
  void Backward(const LayerRun& run, const LayerPlan& plan, const float* features,
                const float* logits, const float* dlogits) const;

 private:
  ParameterTable parameters_;
  std::vector<EncoderBlock> blocks_;
  LayerPtr root_;
  int64_t mels_ = 0;
};

}  // namespace masr

#endif  // MOBILEASR_MODEL_ENCODER_H_
