#include "layers/squeeze_excite.h"

#include <algorithm>

#include "kernels/sequence_gate.h"
#include "layers/product.h"

namespace masr {
namespace {

class SqueezeExcite final : public Layer {
 public:
  SqueezeExcite(int64_t dim, int64_t inner, ParameterTable& table) : dim_(dim), inner_(inner) {
    const ParameterId first = table.size();
    squeeze_ = Product(
        {.name = "squeeze.weight", .shape = {inner, dim}, .init = Init::kReluFanIn, .fan_in = dim},
        table);
    excite_ = Product({.name = "excite.weight",
                       .shape = {dim, inner},
                       .init = Init::kUniformFanIn,
                       .fan_in = inner},
                      table);
    set_parameters(first, table.size());
  }

  int64_t out_dim() const override { return dim_; }

  Result<LayerPlan> Plan(const SequenceShape& in, const Mode& mode,
                         LayerPlanner& planner) const override {
    LayerPlan plan = LeafPlan(in, in, mode, planner);
    const int64_t tick = plan.first_tick;
    const int64_t n = in.utterances();
    // The gate's gradient wants x; where only what is below trains, that goes through it too.
    plan.backward_needs_input = mode.backward;
    plan.may_run_in_place = !mode.backward;
    plan.buffers.resize(kBuffers, kNoBuffer);
    plan.buffers[kMean] = planner.Saved(n * dim_, tick, mode);
    plan.buffers[kInner] = planner.Saved(n * inner_, tick, mode);
    plan.buffers[kGate] = planner.Saved(n * dim_, tick, mode);
    plan.buffers[kDMean] = planner.BackwardScratch(n * dim_, tick, mode);
    plan.buffers[kDInner] = planner.BackwardScratch(n * inner_, tick, mode);
    plan.buffers[kDGate] = planner.BackwardScratch(n * dim_, tick, mode);
    const auto keep = [&](const Product& product, size_t place) {
      const Product::Buffers buffers = product.Plan(n, tick, mode, planner);
      std::copy(buffers.begin(), buffers.end(), plan.buffers.begin() + place);
    };
    keep(squeeze_, kSqueezePair);
    keep(excite_, kExcitePair);
    return plan;
  }

  void Forward(const LayerRun& run, const LayerPlan& plan, const float* x,
               float* y) const override {
    const int64_t n = plan.in.utterances();
    float* mean = run.Buffer(plan.buffers[kMean]);
    float* inner = run.Buffer(plan.buffers[kInner]);
    float* gate = run.Buffer(plan.buffers[kGate]);
    SequenceMeans(run.kernels, plan.in.offsets, dim_, x, mean);
    squeeze_.Forward(run, &plan.buffers[kSqueezePair], n, mean, nullptr, inner);
    excite_.Forward(run, &plan.buffers[kExcitePair], n, inner, nullptr, gate, Activation::kRelu);
    SequenceGateForward(run.kernels, plan.in.offsets, dim_, gate, x, y);
  }

  void Backward(const LayerRun& run, const LayerPlan& plan, const float* x, const float*,
                const float* dy, float* dx) const override {
    const int64_t n = plan.in.utterances();
    const float* gate = run.Buffer(plan.buffers[kGate]);
    float* dmean = run.Buffer(plan.buffers[kDMean]);
    float* dinner = run.Buffer(plan.buffers[kDInner]);
    float* dgate = run.Buffer(plan.buffers[kDGate]);
    SequenceGateBackward(run.kernels, plan.in.offsets, dim_, gate, x, dy, dgate);
    excite_.Backward(run, &plan.buffers[kExcitePair], n, run.Buffer(plan.buffers[kInner]), dgate,
                     dinner, Activation::kRelu);
    squeeze_.Backward(run, &plan.buffers[kSqueezePair], n, run.Buffer(plan.buffers[kMean]), dinner,
                      dx == nullptr ? nullptr : dmean);
    if (dx == nullptr) return;
    SequenceGateInputBackward(run.kernels, plan.in.offsets, dim_, gate, dmean, dy, dx);
  }

  void Accept(LayerVisitor& visitor) const override {
    visitor.Visit(SqueezeExciteMath{squeeze_.weight(), excite_.weight()});
  }

 private:
  enum BufferIndex {
    kMean,
    kInner,
    kGate,
    kDMean,
    kDInner,
    kDGate,
    kSqueezePair,  // two each
    kExcitePair = kSqueezePair + 2,
    kBuffers = kExcitePair + 2
  };

  int64_t dim_;
  int64_t inner_;
  Product squeeze_;
  Product excite_;
};

}  // namespace

LayerPtr MakeSqueezeExcite(int64_t dim, int64_t inner, ParameterTable& table) {
  return std::make_unique<SqueezeExcite>(dim, inner, table);
}

}  // namespace masr
