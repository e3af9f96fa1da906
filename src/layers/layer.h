// The contract of every layer. A layer owns its configuration, never weights or buffers.
//
//   Plan      declares buffers and their lifetimes for one batch shape, and says what the backward
//   pass
//             will want to see again; refuses shapes that the layer cannot take.
//   Forward   y from x.
//   Backward  dx from dy, and adds the gradients of the trainable parameters.
// Forward and Backward get views, allocate nothing, and cannot fail.
//
// Activations are [frames of all utterances, dim], packed without padding (kernels/context.h).
#ifndef MOBILEASR_LAYERS_LAYER_H_
#define MOBILEASR_LAYERS_LAYER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "kernels/context.h"
#include "layers/layer_planner.h"
#include "layers/layer_visitor.h"
#include "layers/parameter.h"
#include "tensor/memory_planner.h"

namespace masr {

struct SequenceShape {
  std::vector<int64_t> offsets;  // utterances + 1 entries, rising; rows of utterance u: [u, u + 1)
  int64_t dim = 0;

  int64_t utterances() const { return static_cast<int64_t>(offsets.size()) - 1; }
  int64_t rows() const { return offsets.back(); }
  int64_t floats() const { return rows() * dim; }
  int64_t max_frames() const {
    int64_t most = 0;
    for (size_t u = 0; u + 1 < offsets.size(); ++u) {
      most = most < offsets[u + 1] - offsets[u] ? offsets[u + 1] - offsets[u] : most;
    }
    return most;
  }
};

// What Plan decided, for one layer and what is inside it.
struct LayerPlan {
  SequenceShape in;
  SequenceShape out;
  Mode mode;
  int64_t first_tick = 0;
  int64_t last_tick = 0;
  bool stochastic = false;
  bool backward_needs_input = false;   // x must still be there
  bool backward_needs_output = false;  // y must still be there
  bool may_run_in_place = false;       // y may lie where x does, and dx where dy does
  std::vector<BufferId> buffers;       // the layer's own, in an order that it knows
  std::vector<LayerPlan> children;
  size_t first_child = 0;  // which child of the layer children[0] is for
};

// Everything that a pass gives to each layer.
struct LayerRun {
  KernelContext kernels;
  ParameterViews parameters;
  GradientViews gradients;
  const MemoryPlan& memory;
  std::byte* arena;
  uint64_t step_key;  // seeds dropout

  float* Buffer(BufferId id) const {
    return id == kNoBuffer ? nullptr : reinterpret_cast<float*>(arena + memory.offsets[id]);
  }
};

class Layer {
 public:
  virtual ~Layer() = default;

  virtual int64_t out_dim() const = 0;
  // Frames out for frames in, of one utterance.
  virtual int64_t OutputFrames(int64_t frames) const { return frames; }

  virtual Result<LayerPlan> Plan(const SequenceShape& in, const Mode& mode,
                                 LayerPlanner& planner) const = 0;
  virtual void Forward(const LayerRun& run, const LayerPlan& plan, const float* x,
                       float* y) const = 0;
  // dx is null if mode.input_gradient is false; x and y are valid only where the plan asked for
  // them.
  virtual void Backward(const LayerRun& run, const LayerPlan& plan, const float* x, const float* y,
                        const float* dy, float* dx) const = 0;

  // Tells what it computes (layers/layer_visitor.h).
  virtual void Accept(LayerVisitor& visitor) const = 0;

  // The parameters of this layer and of what is inside it are [first, end) of the table.
  ParameterId first_parameter() const { return first_parameter_; }
  ParameterId end_parameter() const { return end_parameter_; }

 protected:
  void set_parameters(ParameterId first, ParameterId end) {
    first_parameter_ = first;
    end_parameter_ = end;
  }

  // A plan for a leaf: takes one tick, output shape as given.
  static LayerPlan LeafPlan(const SequenceShape& in, SequenceShape out, const Mode& mode,
                            LayerPlanner& planner) {
    LayerPlan plan;
    plan.in = in;
    plan.out = std::move(out);
    plan.mode = mode;
    plan.first_tick = plan.last_tick = planner.NextTick();
    plan.stochastic = planner.stochastic();
    return plan;
  }

 private:
  ParameterId first_parameter_ = 0;
  ParameterId end_parameter_ = 0;
};

using LayerPtr = std::unique_ptr<Layer>;

}  // namespace masr

#endif  // MOBILEASR_LAYERS_LAYER_H_
