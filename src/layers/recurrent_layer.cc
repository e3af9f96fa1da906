#include "layers/recurrent_layer.h"

#include <algorithm>

namespace masr {
namespace {

class Recurrent final : public Layer {
 public:
  Recurrent(int64_t in_dim, const RecurrentOptions& options, ParameterTable& table)
      : in_dim_(in_dim), options_(options), directions_(options.bidirectional ? 2 : 1) {
    const ParameterId first = table.size();
    const int64_t hidden = options.hidden;
    const int64_t gates = Shape(0).gates() * hidden;
    for (int d = 0; d < directions_; ++d) {
      const ParameterScope scope(table, d == 0 ? "forward" : "reverse");
      Direction& direction = parameters_[d];
      const auto add = [&](const char* name, std::vector<int64_t> shape, bool matrix) {
        return table.Add({.name = name,
                          .shape = std::move(shape),
                          .init = Init::kRecurrent,
                          .fan_in = hidden,
                          .matrix = matrix});
      };
      direction.w_ih = add("weight_ih", {gates, in_dim}, true);
      direction.w_hh = add("weight_hh", {gates, hidden}, true);
      direction.b_ih = add("bias_ih", {gates}, false);
      direction.b_hh = add("bias_hh", {gates}, false);
    }
    set_parameters(first, table.size());
  }

  int64_t out_dim() const override { return directions_ * options_.hidden; }

  Result<LayerPlan> Plan(const SequenceShape& in, const Mode& mode,
                         LayerPlanner& planner) const override {
    LayerPlan plan = LeafPlan(in, {in.offsets, out_dim()}, mode, planner);
    for (const Direction& direction : parameters_) {
      plan.backward_needs_input |= mode.backward && planner.IsTrainable(direction.w_ih);
    }
    plan.backward_needs_output = mode.backward;
    const int64_t scratch = RecurrentScratchFloats(in.offsets, Shape(0));
    for (int d = 0; d < directions_; ++d) {
      const int64_t units = in.rows() * options_.hidden;
      plan.buffers.push_back(planner.Saved(Shape(d).gates() * units, plan.first_tick, mode));
      plan.buffers.push_back(planner.Saved(Shape(d).saved() * units, plan.first_tick, mode));
    }
    plan.buffers.push_back(planner.ForwardScratch(scratch, plan.first_tick));
    plan.buffers.push_back(planner.BackwardScratch(scratch, plan.first_tick, mode));
    return plan;
  }

  void Forward(const LayerRun& run, const LayerPlan& plan, const float* x,
               float* y) const override {
    const ParameterViews& p = run.parameters;
    for (int d = 0; d < directions_; ++d) {
      const Direction& direction = parameters_[d];
      const RecurrentShape shape = Shape(d);
      float* gates = run.Buffer(plan.buffers[2 * d]);
      MatmulNT(run.kernels, plan.in.rows(), x, in_dim_, p.Matrix(direction.w_ih),
               p.Vector(direction.b_ih), gates, shape.gates() * shape.hidden);
      RecurrentForward(run.kernels, plan.in.offsets, shape, gates, p.Matrix(direction.w_hh),
                       p.Vector(direction.b_hh), run.Buffer(plan.buffers[2 * d + 1]),
                       y + d * shape.hidden, out_dim(), run.Buffer(plan.buffers[2 * directions_]));
    }
  }

  void Backward(const LayerRun& run, const LayerPlan& plan, const float* x, const float* y,
                const float* dy, float* dx) const override {
    const int64_t rows = plan.in.rows();
    for (int d = 0; d < directions_; ++d) {
      const Direction& direction = parameters_[d];
      const RecurrentShape shape = Shape(d);
      const int64_t gate_dim = shape.gates() * shape.hidden;
      float* gates = run.Buffer(plan.buffers[2 * d]);
      RecurrentBackward(run.kernels, plan.in.offsets, shape, gates,
                        run.parameters.Matrix(direction.w_hh), run.Buffer(plan.buffers[2 * d + 1]),
                        y + d * shape.hidden, out_dim(), dy + d * shape.hidden,
                        run.gradients[direction.w_hh], run.gradients[direction.b_hh],
                        run.Buffer(plan.buffers[2 * directions_ + 1]));
      if (float* dw = run.gradients[direction.w_ih]; dw != nullptr) {
        MatmulTN(run.kernels, gate_dim, in_dim_, rows, gates, gate_dim, x, in_dim_, dw, in_dim_,
                 /*accumulate=*/true);
      }
      if (float* db = run.gradients[direction.b_ih]; db != nullptr) {
        AddColumnSums(run.kernels, rows, gate_dim, gates, db);
      }
      if (dx != nullptr) {
        MatmulNN(run.kernels, rows, gates, gate_dim, run.parameters.Matrix(direction.w_ih), dx,
                 in_dim_, /*accumulate=*/d > 0);
      }
    }
  }

 private:
  struct Direction {
    ParameterId w_ih = kNoParameter;
    ParameterId w_hh = kNoParameter;
    ParameterId b_ih = kNoParameter;
    ParameterId b_hh = kNoParameter;
  };

  RecurrentShape Shape(int direction) const {
    return {.cell = options_.cell, .hidden = options_.hidden, .reverse = direction == 1};
  }

  int64_t in_dim_;
  RecurrentOptions options_;
  int directions_;
  Direction parameters_[2];
};

}  // namespace

LayerPtr MakeRecurrent(int64_t in_dim, const RecurrentOptions& options, ParameterTable& table) {
  return std::make_unique<Recurrent>(in_dim, options, table);
}

}  // namespace masr
