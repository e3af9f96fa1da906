#include "kernels/elementwise.h"
#include "layers/containers.h"

namespace masr {
namespace {

// The sum of two branches over one input. A missing `g` is the identity.
class Residual final : public Layer {
 public:
  Residual(float scale, LayerPtr g, LayerPtr f)
      : scale_(scale), g_(std::move(g)), f_(std::move(f)) {
    set_parameters(g_ ? g_->first_parameter() : f_->first_parameter(), f_->end_parameter());
  }

  int64_t out_dim() const override { return f_->out_dim(); }
  int64_t OutputFrames(int64_t frames) const override { return f_->OutputFrames(frames); }

  Result<LayerPlan> Plan(const SequenceShape& in, const Mode& mode,
                         LayerPlanner& planner) const override {
    LayerPlan plan;
    plan.in = in;
    plan.mode = mode;
    plan.buffers.resize(kBuffers, kNoBuffer);
    if (g_) {
      MASR_TRY(LayerPlan g_plan, g_->Plan(in, ChildMode(*g_, mode, planner), planner));
      plan.children.push_back(std::move(g_plan));
    }
    MASR_TRY(LayerPlan f_plan, f_->Plan(in, ChildMode(*f_, mode, planner), planner));
    plan.children.push_back(std::move(f_plan));
    const LayerPlan& first = plan.children.front();
    const LayerPlan& f = plan.children.back();
    plan.out = f.out;
    plan.first_tick = first.first_tick;
    plan.last_tick = planner.NextTick();  // the addition
    if (plan.out.offsets != first.out.offsets || plan.out.dim != (g_ ? first.out.dim : in.dim)) {
      return Fail(ErrorCode::kInvalidArgument,
                  "the branches of a residual give different shapes (" +
                      std::to_string(plan.out.dim) + " and " +
                      std::to_string(g_ ? first.out.dim : in.dim) +
                      " wide); use the same width and stride in both");
    }
    for (const LayerPlan& child : plan.children) {
      plan.backward_needs_input |= child.backward_needs_input;
    }
    const int64_t end = LayerPlanner::BackwardOf(plan.first_tick);
    const int64_t begin = LayerPlanner::BackwardOf(plan.last_tick);
    // f writes straight into y unless its backward wants its own output, which the sum overwrites.
    if (f.backward_needs_output) {
      plan.buffers[kF] = planner.Request(plan.out.floats(), f.first_tick, end);
    }
    if (g_) {
      plan.buffers[kG] = planner.Request(plan.out.floats(), first.first_tick,
                                         first.backward_needs_output ? end : plan.last_tick);
    }
    if (mode.backward && scale_ != 1.0f && f.mode.backward) {
      plan.buffers[kScaledGradient] = planner.Request(plan.out.floats(), begin, end);
    }
    if (mode.input_gradient && g_) {
      plan.buffers[kInputGradient] = planner.Request(in.floats(), begin, end);
    }
    return plan;
  }

  void Forward(const LayerRun& run, const LayerPlan& plan, const float* x,
               float* y) const override {
    const int64_t n = plan.out.floats();
    const float* shortcut = x;
    if (g_) {
      float* g_out = run.Buffer(plan.buffers[kG]);
      g_->Forward(run, plan.children.front(), x, g_out);
      shortcut = g_out;
    }
    float* own = run.Buffer(plan.buffers[kF]);
    f_->Forward(run, plan.children.back(), x, own != nullptr ? own : y);
    if (own != nullptr) ScaleAdd(run.kernels, n, 1.0f, own, 0.0f, y);
    ScaleAdd(run.kernels, n, 1.0f, shortcut, scale_, y);
  }

  void Backward(const LayerRun& run, const LayerPlan& plan, const float* x, const float*,
                const float* dy, float* dx) const override {
    const LayerPlan& f_plan = plan.children.back();
    const int64_t n = plan.out.floats();
    if (f_plan.mode.backward) {
      const float* df = dy;
      if (float* scaled = run.Buffer(plan.buffers[kScaledGradient]); scaled != nullptr) {
        ScaleAdd(run.kernels, n, scale_, dy, 0.0f, scaled);
        df = scaled;
      }
      f_->Backward(run, f_plan, x, run.Buffer(plan.buffers[kF]), df, dx);
    }
    if (g_ && plan.children.front().mode.backward) {
      float* dg = run.Buffer(plan.buffers[kInputGradient]);
      g_->Backward(run, plan.children.front(), x, run.Buffer(plan.buffers[kG]), dy, dg);
      if (dx != nullptr) ScaleAdd(run.kernels, plan.in.floats(), 1.0f, dg, 1.0f, dx);
    } else if (!g_ && dx != nullptr) {
      ScaleAdd(run.kernels, n, 1.0f, dy, 1.0f, dx);
    }
  }

  void Accept(LayerVisitor& visitor) const override {
    visitor.VisitResidual(scale_, g_.get(), *f_);
  }

 private:
  enum BufferIndex { kF, kG, kScaledGradient, kInputGradient, kBuffers };

  static Mode ChildMode(const Layer& child, const Mode& mode, const LayerPlanner& planner) {
    const bool trains = planner.AnyTrainable(child.first_parameter(), child.end_parameter());
    return {.backward = mode.backward && (trains || mode.input_gradient),
            .input_gradient = mode.input_gradient};
  }

  float scale_;
  LayerPtr g_;
  LayerPtr f_;
};

}  // namespace

LayerPtr MakeResidual(float scale, LayerPtr f) {
  return std::make_unique<Residual>(scale, nullptr, std::move(f));
}

LayerPtr MakeShortcut(LayerPtr g, LayerPtr f) {
  return std::make_unique<Residual>(1.0f, std::move(g), std::move(f));
}

}  // namespace masr
