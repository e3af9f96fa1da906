#include "base/rng.h"
#include "layers/pointwise.h"

namespace masr {
namespace {

class DropoutLayer final : public Layer {
 public:
  DropoutLayer(int64_t dim, float probability, ParameterTable& table)
      : dim_(dim), probability_(probability) {
    set_parameters(table.size(), table.size());
  }

  int64_t out_dim() const override { return dim_; }

  Result<LayerPlan> Plan(const SequenceShape& in, const Mode& mode,
                         LayerPlanner& planner) const override {
    LayerPlan plan = LeafPlan(in, in, mode, planner);
    plan.may_run_in_place = true;
    return plan;
  }

  void Forward(const LayerRun& run, const LayerPlan& plan, const float* x,
               float* y) const override {
    Apply(run, plan, x, y);
  }

  void Backward(const LayerRun& run, const LayerPlan& plan, const float*, const float*,
                const float* dy, float* dx) const override {
    if (dx != nullptr) Apply(run, plan, dy, dx);
  }

  void Accept(LayerVisitor&) const override {}

 private:
  // The mask is a function of the key: forward and backward are the same multiplication.
  void Apply(const LayerRun& run, const LayerPlan& plan, const float* from, float* to) const {
    if (!plan.stochastic || probability_ == 0) {
      ScaleAdd(run.kernels, plan.in.floats(), 1.0f, from, 0.0f, to);
      return;
    }
    const uint64_t key = MixKeys(run.step_key, static_cast<uint64_t>(plan.first_tick));
    Dropout(run.kernels, plan.in.floats(), probability_, key, from, to);
  }

  int64_t dim_;
  float probability_;
};

}  // namespace

LayerPtr MakeDropout(int64_t dim, float probability, ParameterTable& table) {
  return std::make_unique<DropoutLayer>(dim, probability, table);
}

}  // namespace masr
