#include "layers/linear.h"

namespace masr {
namespace {

class Linear final : public Layer {
 public:
  Linear(int64_t in_dim, const LinearOptions& options, ParameterTable& table)
      : in_dim_(in_dim), options_(options) {
    const ParameterId first = table.size();
    weight_ = table.Add({.name = "weight",
                         .shape = {options.out_dim, in_dim},
                         .init = options.init,
                         .fan_in = in_dim,
                         .matrix = true});
    if (options.bias) bias_ = table.Add({.name = "bias", .shape = {options.out_dim}});
    set_parameters(first, table.size());
  }

  int64_t out_dim() const override { return options_.out_dim; }

  Result<LayerPlan> Plan(const SequenceShape& in, const Mode& mode,
                         LayerPlanner& planner) const override {
    LayerPlan plan = LeafPlan(in, {in.offsets, options_.out_dim}, mode, planner);
    const bool trains = planner.IsTrainable(weight_);
    plan.backward_needs_input =
        mode.backward && (trains || (options_.input_activation && mode.input_gradient));
    return plan;
  }

  void Forward(const LayerRun& run, const LayerPlan& plan, const float* x,
               float* y) const override {
    MatmulNT(run.kernels, plan.in.rows(), x, in_dim_, run.parameters.Matrix(weight_),
             run.parameters.Vector(bias_), y, options_.out_dim, /*accumulate=*/false,
             options_.input_activation);
  }

  void Backward(const LayerRun& run, const LayerPlan& plan, const float* x, const float*,
                const float* dy, float* dx) const override {
    const int64_t rows = plan.in.rows();
    if (float* dw = run.gradients[weight_]; dw != nullptr) {
      MatmulTN(run.kernels, options_.out_dim, in_dim_, rows, dy, options_.out_dim, x, in_dim_, dw,
               in_dim_, /*accumulate=*/true, options_.input_activation);
    }
    if (float* db = run.gradients[bias_]; db != nullptr) {
      AddColumnSums(run.kernels, rows, options_.out_dim, dy, db);
    }
    if (dx == nullptr) return;
    ActivationGradient through;
    if (options_.input_activation) through = {*options_.input_activation, x, in_dim_};
    MatmulNN(run.kernels, rows, dy, options_.out_dim, run.parameters.Matrix(weight_), dx, in_dim_,
             /*accumulate=*/false, options_.input_activation ? &through : nullptr);
  }

 private:
  int64_t in_dim_;
  LinearOptions options_;
  ParameterId weight_ = kNoParameter;
  ParameterId bias_ = kNoParameter;
};

}  // namespace

LayerPtr MakeLinear(int64_t in_dim, const LinearOptions& options, ParameterTable& table) {
  return std::make_unique<Linear>(in_dim, options, table);
}

}  // namespace masr
