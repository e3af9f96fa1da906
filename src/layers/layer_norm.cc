#include "kernels/normalization.h"
#include "layers/norm.h"

namespace masr {
namespace {

class LayerNorm final : public Layer {
 public:
  LayerNorm(int64_t dim, float epsilon, ParameterTable& table) : dim_(dim), epsilon_(epsilon) {
    const ParameterId first = table.size();
    gamma_ = table.Add({.name = "weight", .shape = {dim}, .init = Init::kOnes});
    beta_ = table.Add({.name = "bias", .shape = {dim}});
    set_parameters(first, table.size());
  }

  int64_t out_dim() const override { return dim_; }

  Result<LayerPlan> Plan(const SequenceShape& in, const Mode& mode,
                         LayerPlanner& planner) const override {
    LayerPlan plan = LeafPlan(in, in, mode, planner);
    plan.backward_needs_input = mode.backward;
    if (mode.backward) {
      plan.buffers = {planner.Saved(in.rows(), plan.first_tick, mode),
                      planner.Saved(in.rows(), plan.first_tick, mode)};
    } else {
      plan.buffers = {kNoBuffer, kNoBuffer};
    }
    return plan;
  }

  void Forward(const LayerRun& run, const LayerPlan& plan, const float* x,
               float* y) const override {
    LayerNormForward(run.kernels, plan.in.rows(), dim_, epsilon_, x, run.parameters.Vector(gamma_),
                     run.parameters.Vector(beta_), y, run.Buffer(plan.buffers[0]),
                     run.Buffer(plan.buffers[1]));
  }

  void Backward(const LayerRun& run, const LayerPlan& plan, const float* x, const float*,
                const float* dy, float* dx) const override {
    LayerNormBackward(run.kernels, plan.in.rows(), dim_, x, run.parameters.Vector(gamma_),
                      run.Buffer(plan.buffers[0]), run.Buffer(plan.buffers[1]), dy, dx,
                      run.gradients[gamma_], run.gradients[beta_]);
  }

  void Accept(LayerVisitor& visitor) const override {
    visitor.Visit(NormMath{NormOver::kRow, epsilon_, gamma_, beta_});
  }

 private:
  int64_t dim_;
  float epsilon_;
  ParameterId gamma_ = kNoParameter;
  ParameterId beta_ = kNoParameter;
};

}  // namespace

LayerPtr MakeLayerNorm(int64_t dim, float epsilon, ParameterTable& table) {
  return std::make_unique<LayerNorm>(dim, epsilon, table);
}

}  // namespace masr
