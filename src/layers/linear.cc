#include "layers/linear.h"

#include "layers/product.h"

namespace masr {
namespace {

class Linear final : public Layer {
 public:
  Linear(int64_t in_dim, const LinearOptions& options, ParameterTable& table) : options_(options) {
    const ParameterId first = table.size();
    product_ = Product({.name = "weight",
                        .shape = {options.out_dim, in_dim},
                        .init = options.init,
                        .fan_in = in_dim},
                       table);
    if (options.bias) bias_ = table.Add({.name = "bias", .shape = {options.out_dim}});
    set_parameters(first, table.size());
  }

  int64_t out_dim() const override { return options_.out_dim; }

  Result<LayerPlan> Plan(const SequenceShape& in, const Mode& mode,
                         LayerPlanner& planner) const override {
    LayerPlan plan = LeafPlan(in, {in.offsets, options_.out_dim}, mode, planner);
    const Product::Buffers buffers = product_.Plan(in.rows(), plan.first_tick, mode, planner);
    plan.buffers.assign(buffers.begin(), buffers.end());
    plan.backward_needs_input =
        product_.NeedsInput(mode, planner, options_.input_activation.has_value());
    return plan;
  }

  void Forward(const LayerRun& run, const LayerPlan& plan, const float* x,
               float* y) const override {
    product_.Forward(run, plan.buffers.data(), plan.in.rows(), x, run.parameters.Vector(bias_), y,
                     options_.input_activation);
  }

  void Backward(const LayerRun& run, const LayerPlan& plan, const float* x, const float*,
                const float* dy, float* dx) const override {
    if (float* db = run.gradients[bias_]; db != nullptr) {
      AddColumnSums(run.kernels, plan.in.rows(), options_.out_dim, dy, db);
    }
    product_.Backward(run, plan.buffers.data(), plan.in.rows(), x, dy, dx,
                      options_.input_activation);
  }

  void Accept(LayerVisitor& visitor) const override {
    visitor.Visit(LinearMath{product_.weight(), bias_, options_.input_activation});
  }

 private:
  LinearOptions options_;
  Product product_;
  ParameterId bias_ = kNoParameter;
};

}  // namespace

LayerPtr MakeLinear(int64_t in_dim, const LinearOptions& options, ParameterTable& table) {
  return std::make_unique<Linear>(in_dim, options, table);
}

}  // namespace masr
