#include <algorithm>

#include "layers/containers.h"

namespace masr {
namespace {

// Buffers 2i and 2i + 1: output of the plan's child i and its gradient, for all but the last.
float* Output(const LayerRun& run, const LayerPlan& plan, size_t i) {
  return run.Buffer(plan.buffers[2 * i]);
}
float* OutputGradient(const LayerRun& run, const LayerPlan& plan, size_t i) {
  return run.Buffer(plan.buffers[2 * i + 1]);
}

// Children that follow each other in one place share a buffer, which lives as long as any of them
// needs it.
void RequestBuffers(LayerPlan& plan, LayerPlanner& planner) {
  struct Life {
    size_t place;  // the child whose output lies there first
    int64_t first, last;
    int64_t gradient_first, gradient_last;
    bool has_gradient;
  };
  std::vector<Life> lives;
  for (size_t i = 0; i + 1 < plan.children.size(); ++i) {
    const LayerPlan& from = plan.children[i];
    const LayerPlan& to = plan.children[i + 1];
    int64_t last_use = to.last_tick;
    if (to.backward_needs_input) last_use = LayerPlanner::BackwardOf(to.first_tick);
    if (from.backward_needs_output) last_use = LayerPlanner::BackwardOf(from.first_tick);
    Life life = {i,
                 from.first_tick,
                 last_use,
                 LayerPlanner::BackwardOf(to.last_tick),
                 LayerPlanner::BackwardOf(from.first_tick),
                 to.mode.input_gradient};
    const bool in_place = i > 0 && from.may_run_in_place && from.in.dim == from.out.dim &&
                          !plan.children[i - 1].backward_needs_output;
    lives.push_back(life);
    if (!in_place) continue;
    Life& first = lives[lives[i - 1].place];
    lives[i].place = first.place;
    first.last = std::max(first.last, life.last);
    // The backward goes the other way: the later child's gradient is there first.
    first.gradient_first = std::min(first.gradient_first, life.gradient_first);
  }
  for (size_t i = 0; i < lives.size(); ++i) {
    const Life& life = lives[i];
    if (life.place < i) {
      plan.buffers.push_back(plan.buffers[2 * life.place]);
      plan.buffers.push_back(life.has_gradient ? plan.buffers[2 * life.place + 1] : kNoBuffer);
      continue;
    }
    const int64_t floats = plan.children[i].out.floats();
    plan.buffers.push_back(planner.Request(floats, life.first, life.last));
    plan.buffers.push_back(life.has_gradient
                               ? planner.Request(floats, life.gradient_first, life.gradient_last)
                               : kNoBuffer);
  }
}

}  // namespace

Sequential::Sequential(std::vector<LayerPtr> children) : children_(std::move(children)) {
  set_parameters(children_.front()->first_parameter(), children_.back()->end_parameter());
}

int64_t Sequential::OutputFramesFrom(size_t begin, int64_t frames) const {
  for (size_t i = begin; i < children_.size(); ++i) {
    // Padding alone would make frames of nothing again.
    if (frames < 1) return 0;
    frames = children_[i]->OutputFrames(frames);
  }
  return frames;
}

Result<LayerPlan> Sequential::Plan(const SequenceShape& in, const Mode& mode,
                                   LayerPlanner& planner) const {
  return PlanRange(0, children_.size(), in, mode, planner);
}

Result<LayerPlan> Sequential::PlanRange(size_t begin, size_t end, const SequenceShape& in,
                                        const Mode& mode, LayerPlanner& planner) const {
  LayerPlan plan;
  plan.in = in;
  plan.mode = mode;
  plan.first_child = begin;
  const SequenceShape* shape = &in;
  bool trains_below = mode.input_gradient;
  for (size_t i = begin; i < end; ++i) {
    const Layer& child = *children_[i];
    Mode child_mode;
    child_mode.input_gradient = mode.backward && trains_below;
    trains_below |= planner.AnyTrainable(child.first_parameter(), child.end_parameter());
    child_mode.backward = mode.backward && trains_below;
    MASR_TRY(LayerPlan child_plan, child.Plan(*shape, child_mode, planner));
    plan.children.push_back(std::move(child_plan));
    shape = &plan.children.back().out;
  }
  const LayerPlan& first = plan.children.front();
  const LayerPlan& last = plan.children.back();
  plan.out = last.out;
  plan.first_tick = first.first_tick;
  plan.last_tick = last.last_tick;
  plan.backward_needs_input = first.backward_needs_input;
  plan.backward_needs_output = last.backward_needs_output;
  RequestBuffers(plan, planner);
  return plan;
}

void Sequential::Forward(const LayerRun& run, const LayerPlan& plan, const float* x,
                         float* y) const {
  const size_t n = plan.children.size();
  for (size_t i = 0; i < n; ++i) {
    child(plan.first_child + i)
        .Forward(run, plan.children[i], i == 0 ? x : Output(run, plan, i - 1),
                 i + 1 == n ? y : Output(run, plan, i));
  }
}

void Sequential::BackwardTelling(const LayerRun& run, const LayerPlan& plan, const float* x,
                                 const float* y, const float* dy, float* dx,
                                 const ChildDone& done) const {
  const size_t n = plan.children.size();
  for (size_t i = n; i-- > 0;) {
    if (!plan.children[i].mode.backward) return;
    child(plan.first_child + i)
        .Backward(run, plan.children[i], i == 0 ? x : Output(run, plan, i - 1),
                  i + 1 == n ? y : Output(run, plan, i),
                  i + 1 == n ? dy : OutputGradient(run, plan, i),
                  i == 0 ? dx : OutputGradient(run, plan, i - 1));
    if (done) done(plan.first_child + i);
  }
}

}  // namespace masr
