#include "kernels/normalization.h"
#include "layers/norm.h"

namespace masr {
namespace {

class BatchNorm final : public Layer {
 public:
  BatchNorm(int64_t dim, float epsilon, ParameterTable& table) : dim_(dim), epsilon_(epsilon) {
    const ParameterId first = table.size();
    gamma_ = table.Add({.name = "weight", .shape = {dim}, .init = Init::kOnes});
    beta_ = table.Add({.name = "bias", .shape = {dim}});
    mean_ = table.Add({.name = "running_mean", .shape = {dim}, .trainable = false});
    variance_ =
        table.Add({.name = "running_var", .shape = {dim}, .init = Init::kOnes, .trainable = false});
    set_parameters(first, table.size());
  }

  int64_t out_dim() const override { return dim_; }

  Result<LayerPlan> Plan(const SequenceShape& in, const Mode& mode,
                         LayerPlanner& planner) const override {
    LayerPlan plan = LeafPlan(in, in, mode, planner);
    plan.backward_needs_input = mode.backward && planner.IsTrainable(gamma_);
    return plan;
  }

  void Forward(const LayerRun& run, const LayerPlan& plan, const float* x,
               float* y) const override {
    BatchNormForward(run.kernels, plan.in.rows(), dim_, epsilon_, x, run.parameters.Vector(mean_),
                     run.parameters.Vector(variance_), run.parameters.Vector(gamma_),
                     run.parameters.Vector(beta_), y);
  }

  void Backward(const LayerRun& run, const LayerPlan& plan, const float* x, const float*,
                const float* dy, float* dx) const override {
    BatchNormBackward(run.kernels, plan.in.rows(), dim_, epsilon_, x, run.parameters.Vector(mean_),
                      run.parameters.Vector(variance_), run.parameters.Vector(gamma_), dy, dx,
                      run.gradients[gamma_], run.gradients[beta_]);
  }

  void Accept(LayerVisitor& visitor) const override {
    visitor.Visit(NormMath{NormOver::kNothing, epsilon_, gamma_, beta_, mean_, variance_});
  }

 private:
  int64_t dim_;
  float epsilon_;
  ParameterId gamma_ = kNoParameter;
  ParameterId beta_ = kNoParameter;
  ParameterId mean_ = kNoParameter;
  ParameterId variance_ = kNoParameter;
};

}  // namespace

LayerPtr MakeBatchNorm(int64_t dim, float epsilon, ParameterTable& table) {
  return std::make_unique<BatchNorm>(dim, epsilon, table);
}

}  // namespace masr
