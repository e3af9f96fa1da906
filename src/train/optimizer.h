// Optimizers over flat parameter arrays. State lives with the caller, so that a memory plan counts
// it and a checkpoint stores it.
#ifndef MOBILEASR_TRAIN_OPTIMIZER_H_
#define MOBILEASR_TRAIN_OPTIMIZER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"
#include "kernels/context.h"

namespace masr {

struct OptimizerOptions {
  enum class Kind : uint8_t { kAdamW, kSgd };
  Kind kind = Kind::kAdamW;
  float beta1 = 0.9f;          // AdamW
  float beta2 = 0.98f;         // AdamW; 0.98 as for Transformers and Conformers
  float epsilon = 1e-8f;       // AdamW
  float momentum = 0.9f;       // SGD
  float weight_decay = 1e-2f;  // decoupled for AdamW (Loshchilov and Hutter, 2019), L2 for SGD
  int state_bits = 32;         // 32 or, of AdamW only, 8 (kernels/optimizer_step_8bit.h)
};

// One of the virtual seams. Thread-safety: none; const methods only read.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  // Numbers of state per parameter: 2 for AdamW (m, v), 1 for SGD with momentum.
  virtual int64_t StatePerParameter() const = 0;
  // Bytes of state of an array of `count` parameters, a multiple of 4.
  virtual int64_t StateBytes(int64_t count) const {
    return StatePerParameter() * count * static_cast<int64_t>(sizeof(float));
  }
  // Whether the state is StatePerParameter() arrays of `count` floats, one after the other.
  virtual bool StateIsFloats() const { return true; }
  // One update of `count` parameters. `state` is StateBytes(count) bytes, aligned for floats, zero
  // before the first step. `step` counts from 1. Gradients are multiplied by `gradient_scale` first
  // (clipping). `decay` false leaves weight decay out (norms and biases).
  virtual void Step(const KernelContext& context, int64_t step, float learning_rate,
                    float gradient_scale, bool decay, int64_t count, const float* gradient,
                    float* parameter, std::byte* state) const = 0;
};

std::unique_ptr<Optimizer> MakeOptimizer(const OptimizerOptions& options);

// Sum of squares of gradient[count], in double, the same for any number of threads.
double SumOfSquares(const KernelContext& context, int64_t count, const float* gradient);

// min(1, max_norm / norm); 1 when max_norm <= 0.
float ClipScale(double norm, double max_norm);

struct ScheduleOptions {
  enum class Kind : uint8_t { kConstant, kCosine, kNoam, kLinear };
  Kind kind = Kind::kCosine;
  float peak = 1e-3f;        // learning rate after warm-up
  float floor = 1e-5f;       // where cosine and linear end
  int64_t warmup_steps = 0;  // linear from 0
  int64_t total_steps = 0;   // length of cosine and linear; beyond it the floor
};

// Learning rate of step 1, 2, ...
float LearningRate(const ScheduleOptions& options, int64_t step);

}  // namespace masr

#endif  // MOBILEASR_TRAIN_OPTIMIZER_H_
