#include "layers/recurrent_layer.h"

#include <array>

namespace masr {
namespace {

class Recurrent final : public Layer {
 public:
  Recurrent(int64_t in_dim, const RecurrentOptions& options, ParameterTable& table)
      : in_dim_(in_dim),
        options_(options),
        shape_{.cell = options.cell, .hidden = options.hidden},
        directions_(options.bidirectional ? 2 : 1) {
    const ParameterId first = table.size();
    const int64_t hidden = options.hidden;
    const int64_t gates = shape_.gates() * hidden;
    for (int d = 0; d < directions_; ++d) {
      const ParameterScope scope(table, d == 0 ? "forward" : "reverse");
      Direction direction;
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
      parameters_.push_back(direction);
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
    const int64_t scratch = RecurrentScratchFloats(in.offsets, shape_);
    const int64_t units = in.rows() * options_.hidden;
    const int64_t tick = plan.first_tick;
    for (int d = 0; d < directions_; ++d) {
      plan.buffers.push_back(planner.Saved(shape_.gates() * units, tick, mode));
      plan.buffers.push_back(planner.Saved(shape_.saved() * units, tick, mode));
      plan.buffers.push_back(planner.ForwardScratch(scratch, tick));
      plan.buffers.push_back(planner.BackwardScratch(scratch, tick, mode));
    }
    return plan;
  }

  void Forward(const LayerRun& run, const LayerPlan& plan, const float* x,
               float* y) const override {
    const ParameterViews& p = run.parameters;
    std::array<ForwardDirection, kMaxDirections> directions;
    for (int d = 0; d < directions_; ++d) {
      const Direction& own = parameters_[d];
      const Buffers buffers = BuffersOf(run, plan, d);
      MatmulNT(run.kernels, plan.in.rows(), x, in_dim_, p.Matrix(own.w_ih), p.Vector(own.b_ih),
               buffers.gates, shape_.gates() * shape_.hidden);
      directions[d] = {.reverse = d == 1,
                       .gates = buffers.gates,
                       .w_hh = p.Matrix(own.w_hh),
                       .b_hh = p.Vector(own.b_hh),
                       .saved = buffers.saved,
                       .h = y + d * shape_.hidden,
                       .scratch = buffers.forward_scratch};
    }
    RecurrentForward(run.kernels, plan.in.offsets, shape_,
                     {directions.data(), static_cast<size_t>(directions_)}, out_dim());
  }

  void Backward(const LayerRun& run, const LayerPlan& plan, const float* x, const float* y,
                const float* dy, float* dx) const override {
    std::array<BackwardDirection, kMaxDirections> directions;
    for (int d = 0; d < directions_; ++d) {
      const Direction& own = parameters_[d];
      const Buffers buffers = BuffersOf(run, plan, d);
      directions[d] = {.reverse = d == 1,
                       .gates = buffers.gates,
                       .w_hh = run.parameters.Matrix(own.w_hh),
                       .saved = buffers.saved,
                       .h = y + d * shape_.hidden,
                       .dh = dy + d * shape_.hidden,
                       .dw_hh = run.gradients[own.w_hh],
                       .db_hh = run.gradients[own.b_hh],
                       .scratch = buffers.backward_scratch};
    }
    RecurrentBackward(run.kernels, plan.in.offsets, shape_,
                      {directions.data(), static_cast<size_t>(directions_)}, out_dim());

    const int64_t rows = plan.in.rows();
    const int64_t gate_dim = shape_.gates() * shape_.hidden;
    for (int d = 0; d < directions_; ++d) {
      const Direction& own = parameters_[d];
      const float* dgates = directions[d].gates;
      if (float* dw = run.gradients[own.w_ih]; dw != nullptr) {
        MatmulTN(run.kernels, gate_dim, in_dim_, rows, dgates, gate_dim, x, in_dim_, dw, in_dim_,
                 /*accumulate=*/true);
      }
      if (float* db = run.gradients[own.b_ih]; db != nullptr) {
        AddColumnSums(run.kernels, rows, gate_dim, dgates, db);
      }
      if (dx != nullptr) {
        MatmulNN(run.kernels, rows, dgates, gate_dim, run.parameters.Matrix(own.w_ih), dx, in_dim_,
                 /*accumulate=*/d > 0);
      }
    }
  }

  void Accept(LayerVisitor& visitor) const override {
    visitor.Visit(RecurrentMath{options_.cell, in_dim_, options_.hidden, parameters_});
  }

 private:
  using Direction = RecurrentMath::Direction;

  struct Buffers {
    float* gates;
    float* saved;
    float* forward_scratch;
    float* backward_scratch;
  };

  static Buffers BuffersOf(const LayerRun& run, const LayerPlan& plan, int direction) {
    const BufferId* own = plan.buffers.data() + 4 * direction;
    return {run.Buffer(own[0]), run.Buffer(own[1]), run.Buffer(own[2]), run.Buffer(own[3])};
  }

  int64_t in_dim_;
  RecurrentOptions options_;
  RecurrentShape shape_;
  int directions_;
  std::vector<Direction> parameters_;
};

}  // namespace

LayerPtr MakeRecurrent(int64_t in_dim, const RecurrentOptions& options, ParameterTable& table) {
  return std::make_unique<Recurrent>(in_dim, options, table);
}

}  // namespace masr
