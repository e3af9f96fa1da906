#include "model/encoder.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

#include "io/config_reader.h"
#include "kernels/attention.h"
#include "layers/containers.h"
#include "layers/linear.h"
#include "layers/registry.h"
#include "layers/residual_adapter.h"

namespace masr {
namespace {

// A hostile configuration must not make us allocate without bound, nor overflow the sizes of plans.
constexpr int64_t kMaxParameters = int64_t{2} << 30;
constexpr int64_t kMaxTensors = 1 << 16;
constexpr int64_t kMaxBlocks = 4096;

int64_t CountElements(std::span<const ParameterSpec> specs) {
  int64_t count = 0;
  for (const ParameterSpec& spec : specs) count += spec.elements();
  return count;
}

// How often MakeLayer is called for an entry: at least once, because it is what refuses a `repeat`
// that is not a number or out of range.
int64_t RepeatOf(const nlohmann::json& entry) {
  if (!entry.is_object()) return 1;
  const auto repeat = entry.find("repeat");
  if (repeat == entry.end() || !repeat->is_number_integer()) return 1;
  return std::max<int64_t>(1, repeat->get<int64_t>());
}

// The first parameter of the adapter of a block whose parameters begin at `first`; the table's end
// if it has none.
ParameterId FindAdapter(const ParameterTable& table, const std::string& block, ParameterId first) {
  const std::string name = block + "." + kAdapterName + ".";
  while (first < table.size() && !table[first].name.starts_with(name)) ++first;
  return first;
}

// An odd kernel's own padding keeps the number of frames, an even one's may add one.
bool MultipliesFrames(const Layer& layer) {
  constexpr int64_t kFrames = 100'000;
  return layer.OutputFrames(kFrames) > kFrames + 1;
}

}  // namespace

Result<Encoder> Encoder::Create(const ModelConfig& config, const AdapterShape& adapters) {
  MASR_TRY(const nlohmann::json list, ParseConfig(config.encoder_json, "encoder"));
  Encoder encoder;
  encoder.mels_ = config.features.width();
  encoder.adapters_ = adapters;
  std::vector<LayerPtr> layers;
  int64_t dim = encoder.mels_;
  int64_t elements = 0;
  const auto add_block = [&](const std::string& name, ParameterId first) -> Status {
    const ParameterId end = encoder.parameters_.size();
    encoder.blocks_.push_back({name, first, end, FindAdapter(encoder.parameters_, name, first)});
    elements += CountElements(encoder.parameters_.specs().subspan(first));
    if (elements > kMaxParameters || end > kMaxTensors) {
      return Fail(ErrorCode::kInvalidArgument,
                  "encoder: over 2^31 parameters or 65536 tensors; make its layers smaller");
    }
    return {};
  };
  for (const nlohmann::json& entry : list) {
    const int64_t repeat = RepeatOf(entry);
    for (int64_t i = 0; i < repeat; ++i) {
      if (static_cast<int64_t>(layers.size()) >= kMaxBlocks) {
        return Fail(ErrorCode::kInvalidArgument, "encoder: more than 4096 layers; lower 'repeat'");
      }
      const std::string name = "blocks." + std::to_string(layers.size());
      const std::string where = "encoder layer " + std::to_string(layers.size());
      const ParameterId first = encoder.parameters_.size();
      const ParameterScope scope(encoder.parameters_, name);
      encoder.parameters_.set_adapter_rank(layers.size() < adapters.first_block ? 0
                                                                                : adapters.rank);
      MASR_TRY(LayerPtr layer, MakeLayer(entry, where, dim, encoder.parameters_));
      if (adapters.width > 0 && layers.size() >= adapters.first_block &&
          TakesResidualAdapter(encoder.parameters_.specs().subspan(first)) &&
          FindAdapter(encoder.parameters_, name, first) == encoder.parameters_.size()) {
        layer = WithResidualAdapter(std::move(layer), adapters.width, encoder.parameters_);
      }
      if (MultipliesFrames(*layer)) {
        return Fail(ErrorCode::kInvalidArgument,
                    where + ": gives more frames than it takes; lower its padding");
      }
      dim = layer->out_dim();
      layers.push_back(std::move(layer));
      MASR_RETURN_IF_ERROR(add_block(name, first));
    }
  }
  const ParameterId first = encoder.parameters_.size();
  {
    const ParameterScope scope(encoder.parameters_, "head");
    encoder.parameters_.set_adapter_rank(0);
    const int64_t tokens = config.tokens();
    layers.push_back(MakeLinear(dim, {.out_dim = tokens}, encoder.parameters_));
  }
  MASR_RETURN_IF_ERROR(add_block("head", first));
  encoder.root_ = std::make_unique<Sequential>(std::move(layers));
  return encoder;
}

int64_t Encoder::parameter_count() const { return CountElements(parameters_.specs()); }

int64_t Encoder::InputFrames(size_t block, int64_t frames) const {
  for (size_t i = 0; i < block && frames > 0; ++i) frames = root_->child(i).OutputFrames(frames);
  return std::max<int64_t>(frames, 0);
}

int64_t Encoder::InputDim(size_t block) const {
  return block == 0 ? mels_ : root_->child(block - 1).out_dim();
}

Result<LayerPlan> Encoder::PlanBlocks(const BlockRange& range, const std::vector<int64_t>& frames,
                                      const Mode& mode, LayerPlanner& planner) const {
  SequenceShape in{{0}, InputDim(range.begin)};
  for (size_t u = 0; u < frames.size(); ++u) {
    if (OutputFrames(frames[u], range.begin) < 1) {
      return Fail(ErrorCode::kInvalidArgument,
                  "utterance " + std::to_string(u) + " of the batch has " +
                      std::to_string(frames[u]) + (range.begin == 0 ? " feature" : "") +
                      " frames, too few for this encoder; leave it out");
    }
    in.offsets.push_back(in.offsets.back() + frames[u]);
  }
  return root_->PlanRange(range.begin, range.end, in, mode, planner);
}

void Encoder::Forward(const LayerRun& run, const LayerPlan& plan, const LayerPlanner& planner,
                      const float* features, float* logits) const {
  for (const LayerPlanner::PositionTable& table : planner.positions()) {
    RelativePositions(table.max_frames, table.dim, run.Buffer(table.buffer));
  }
  root_->Forward(run, plan, features, logits);
}

void Encoder::Backward(const LayerRun& run, const LayerPlan& plan, const float* features,
                       const float* logits, const float* dlogits, float* dfeatures,
                       const ChildDone& block_done) const {
  root_->BackwardTelling(run, plan, features, logits, dlogits, dfeatures, block_done);
}

}  // namespace masr
