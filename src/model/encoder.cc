#include "model/encoder.h"

#include <nlohmann/json.hpp>

#include "io/config_reader.h"
#include "kernels/attention.h"
#include "layers/containers.h"
#include "layers/linear.h"
#include "layers/registry.h"

namespace masr {
namespace {

// A hostile configuration must not make us allocate without bound.
constexpr int64_t kMaxParameters = int64_t{2} << 30;
constexpr int64_t kMaxBlocks = 4096;

}  // namespace

Result<Encoder> Encoder::Create(const ModelConfig& config) {
  MASR_TRY(const nlohmann::json list, ParseConfig(config.encoder_json, "encoder"));
  Encoder encoder;
  encoder.mels_ = config.features.log_mel.mels;
  std::vector<LayerPtr> layers;
  int64_t dim = encoder.mels_;
  const auto add_block = [&](const std::string& name, ParameterId first) {
    encoder.blocks_.push_back({name, first, encoder.parameters_.size()});
  };
  for (const nlohmann::json& entry : list) {
    int64_t repeat = 1;
    if (entry.is_object() && entry.contains("repeat") && entry["repeat"].is_number_integer()) {
      repeat = entry["repeat"].get<int64_t>();
    }
    for (int64_t i = 0; i < repeat; ++i) {
      if (static_cast<int64_t>(layers.size()) >= kMaxBlocks) {
        return Fail(ErrorCode::kInvalidArgument, "encoder: more than 4096 layers; lower 'repeat'");
      }
      const std::string name = "blocks." + std::to_string(layers.size());
      const ParameterId first = encoder.parameters_.size();
      const ParameterScope scope(encoder.parameters_, name);
      MASR_TRY(LayerPtr layer, MakeLayer(entry, "encoder layer " + std::to_string(layers.size()),
                                         dim, encoder.parameters_));
      dim = layer->out_dim();
      layers.push_back(std::move(layer));
      add_block(name, first);
      if (encoder.parameter_count() > kMaxParameters) {
        return Fail(ErrorCode::kInvalidArgument,
                    "encoder: over 2^31 parameters; make its layers smaller");
      }
    }
  }
  const ParameterId first = encoder.parameters_.size();
  {
    const ParameterScope scope(encoder.parameters_, "head");
    const int64_t tokens = static_cast<int64_t>(config.characters.size()) + 1;
    layers.push_back(MakeLinear(dim, {.out_dim = tokens}, encoder.parameters_));
  }
  add_block("head", first);
  encoder.root_ = MakeSequential(std::move(layers));
  return encoder;
}

int64_t Encoder::parameter_count() const {
  int64_t count = 0;
  for (const ParameterSpec& spec : parameters_.specs()) count += spec.elements();
  return count;
}

Result<LayerPlan> Encoder::Plan(const std::vector<int64_t>& frames, bool backward,
                                LayerPlanner& planner) const {
  SequenceShape in{{0}, mels_};
  for (size_t u = 0; u < frames.size(); ++u) {
    if (OutputFrames(frames[u]) < 1) {
      return Fail(ErrorCode::kInvalidArgument,
                  "utterance " + std::to_string(u) + " of the batch has " +
                      std::to_string(frames[u]) +
                      " feature frames, too few for this encoder; leave it out");
    }
    in.offsets.push_back(in.offsets.back() + frames[u]);
  }
  return root_->Plan(in, {.backward = backward, .input_gradient = false}, planner);
}

void Encoder::Forward(const LayerRun& run, const LayerPlan& plan, const LayerPlanner& planner,
                      const float* features, float* logits) const {
  for (const LayerPlanner::PositionTable& table : planner.positions()) {
    RelativePositions(table.max_frames, table.dim, run.Buffer(table.buffer));
  }
  root_->Forward(run, plan, features, logits);
}

void Encoder::Backward(const LayerRun& run, const LayerPlan& plan, const float* features,
                       const float* logits, const float* dlogits) const {
  root_->Backward(run, plan, features, logits, dlogits, nullptr);
}

}  // namespace masr
