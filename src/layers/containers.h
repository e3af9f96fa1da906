// Layers made of layers. They own the buffers between their children, and decide how long each
// lives.
#ifndef MOBILEASR_LAYERS_CONTAINERS_H_
#define MOBILEASR_LAYERS_CONTAINERS_H_

#include <functional>
#include <vector>

#include "layers/layer.h"

namespace masr {

// Told of a child whose gradients are complete.
using ChildDone = std::function<void(size_t child)>;

// One after the other; at least one. A child below which nothing trains gets no backward, and what
// it computes is kept only until the next child has read it.
class Sequential final : public Layer {
 public:
  explicit Sequential(std::vector<LayerPtr> children);

  const Layer& child(size_t i) const { return *children_[i]; }

  int64_t out_dim() const override { return children_.back()->out_dim(); }
  int64_t OutputFrames(int64_t frames) const override { return OutputFramesFrom(0, frames); }
  // Of children `begin` and above, for frames of what enters the first of them; 0 if too few.
  int64_t OutputFramesFrom(size_t begin, int64_t frames) const;
  Result<LayerPlan> Plan(const SequenceShape& in, const Mode& mode,
                         LayerPlanner& planner) const override;
  void Forward(const LayerRun& run, const LayerPlan& plan, const float* x, float* y) const override;
  void Backward(const LayerRun& run, const LayerPlan& plan, const float* x, const float* y,
                const float* dy, float* dx) const override {
    BackwardTelling(run, plan, x, y, dy, dx, {});
  }
  // The same; `done`, if any, is called after each child's backward, from the last child down.
  void BackwardTelling(const LayerRun& run, const LayerPlan& plan, const float* x, const float* y,
                       const float* dy, float* dx, const ChildDone& done) const;

  // A plan for children [begin, end) alone, at least one; Forward and Backward follow it.
  Result<LayerPlan> PlanRange(size_t begin, size_t end, const SequenceShape& in, const Mode& mode,
                              LayerPlanner& planner) const;

  void Accept(LayerVisitor& visitor) const override {
    for (const LayerPtr& child : children_) child->Accept(visitor);
  }

 private:
  std::vector<LayerPtr> children_;
};

// y = x + scale * f(x); f keeps the shape.
LayerPtr MakeResidual(float scale, LayerPtr f);

// y = g(x) + f(x); both give the same shape.
LayerPtr MakeShortcut(LayerPtr g, LayerPtr f);

}  // namespace masr

#endif  // MOBILEASR_LAYERS_CONTAINERS_H_
