#include "layers/pointwise.h"

namespace masr {
namespace {

class ActivationLayer final : public Layer {
 public:
  ActivationLayer(int64_t dim, Activation activation, ParameterTable& table)
      : dim_(dim), activation_(activation) {
    set_parameters(table.size(), table.size());
  }

  int64_t out_dim() const override { return dim_; }

  Result<LayerPlan> Plan(const SequenceShape& in, const Mode& mode,
                         LayerPlanner& planner) const override {
    LayerPlan plan = LeafPlan(in, in, mode, planner);
    (SlopeFromOutput() ? plan.backward_needs_output : plan.backward_needs_input) =
        mode.input_gradient;
    plan.may_run_in_place = !plan.backward_needs_input;
    return plan;
  }

  void Forward(const LayerRun& run, const LayerPlan& plan, const float* x,
               float* y) const override {
    ActivationForward(run.kernels, activation_, plan.in.floats(), x, y);
  }

  void Backward(const LayerRun& run, const LayerPlan& plan, const float* x, const float* y,
                const float* dy, float* dx) const override {
    if (dx == nullptr) return;
    ActivationBackward(run.kernels, activation_, plan.in.floats(), SlopeFromOutput() ? y : x, dy,
                       dx);
  }

  void Accept(LayerVisitor& visitor) const override { visitor.Visit(activation_); }

 private:
  // A rectifier's slope is 1 where its output lies strictly between its limits: of input and output
  // only the one that the next layer keeps anyway is kept.
  bool SlopeFromOutput() const {
    return activation_ == Activation::kRelu || activation_ == Activation::kClippedRelu;
  }

  int64_t dim_;
  Activation activation_;
};

}  // namespace

LayerPtr MakeActivation(int64_t dim, Activation activation, ParameterTable& table) {
  return std::make_unique<ActivationLayer>(dim, activation, table);
}

}  // namespace masr
