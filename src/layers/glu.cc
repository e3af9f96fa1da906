#include "layers/pointwise.h"

namespace masr {
namespace {

class Glu final : public Layer {
 public:
  Glu(int64_t in_dim, ParameterTable& table) : out_dim_(in_dim / 2) {
    set_parameters(table.size(), table.size());
  }

  int64_t out_dim() const override { return out_dim_; }

  Result<LayerPlan> Plan(const SequenceShape& in, const Mode& mode,
                         LayerPlanner& planner) const override {
    LayerPlan plan = LeafPlan(in, {in.offsets, out_dim_}, mode, planner);
    plan.backward_needs_input = mode.input_gradient;
    return plan;
  }

  void Forward(const LayerRun& run, const LayerPlan& plan, const float* x,
               float* y) const override {
    GluForward(run.kernels, plan.in.rows(), out_dim_, x, y);
  }

  void Backward(const LayerRun& run, const LayerPlan& plan, const float* x, const float*,
                const float* dy, float* dx) const override {
    if (dx == nullptr) return;
    GluBackward(run.kernels, plan.in.rows(), out_dim_, x, dy, dx);
  }

  void Accept(LayerVisitor& visitor) const override { visitor.VisitGlu(); }

 private:
  int64_t out_dim_;
};

}  // namespace

LayerPtr MakeGlu(int64_t in_dim, ParameterTable& table) {
  return std::make_unique<Glu>(in_dim, table);
}

}  // namespace masr
