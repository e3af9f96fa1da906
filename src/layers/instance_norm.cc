#include "kernels/instance_norm.h"
#include "layers/norm.h"

namespace masr {
namespace {

class InstanceNorm final : public Layer {
 public:
  InstanceNorm(int64_t dim, float epsilon, ParameterTable& table) : dim_(dim), epsilon_(epsilon) {
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
    // Where nothing comes back it may overwrite what is the longest of a network that hears waves.
    plan.may_run_in_place = !mode.backward;
    const int64_t moments = in.utterances() * dim_;
    plan.buffers = {planner.Saved(moments, plan.first_tick, mode),
                    planner.Saved(moments, plan.first_tick, mode)};
    return plan;
  }

  void Forward(const LayerRun& run, const LayerPlan& plan, const float* x,
               float* y) const override {
    InstanceNormForward(run.kernels, plan.in.offsets, dim_, epsilon_, x,
                        run.parameters.Vector(gamma_), run.parameters.Vector(beta_), y,
                        run.Buffer(plan.buffers[0]), run.Buffer(plan.buffers[1]));
  }

  void Backward(const LayerRun& run, const LayerPlan& plan, const float* x, const float*,
                const float* dy, float* dx) const override {
    InstanceNormBackward(run.kernels, plan.in.offsets, dim_, x, run.parameters.Vector(gamma_),
                         run.Buffer(plan.buffers[0]), run.Buffer(plan.buffers[1]), dy, dx,
                         run.gradients[gamma_], run.gradients[beta_]);
  }

  void Accept(LayerVisitor& visitor) const override {
    visitor.Visit(NormMath{NormOver::kSequence, epsilon_, gamma_, beta_});
  }

 private:
  int64_t dim_;
  float epsilon_;
  ParameterId gamma_ = kNoParameter;
  ParameterId beta_ = kNoParameter;
};

}  // namespace

LayerPtr MakeInstanceNorm(int64_t dim, float epsilon, ParameterTable& table) {
  return std::make_unique<InstanceNorm>(dim, epsilon, table);
}

}  // namespace masr
