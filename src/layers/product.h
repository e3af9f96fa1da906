// The matrix product inside a layer, y = f(x) W^T + b, with a low-rank pair beside the matrix where
// the model learns by LoRA (Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021):
//
//   y = f(x) W^T + b + (alpha / r) (f(x) A^T) B^T,   W [out, in], A [r, in], B [out, r]
//
// A starts at random and B at zero, so that the start is exactly what it is without the pair. f is
// the identity unless an activation is given (LinearOptions::input_activation).
#ifndef MOBILEASR_LAYERS_PRODUCT_H_
#define MOBILEASR_LAYERS_PRODUCT_H_

#include <array>
#include <optional>

#include "kernels/activation.h"
#include "layers/layer.h"

namespace masr {

class Product {
 public:
  // What it asks the plan for; a layer keeps it at a place that it knows among its own buffers.
  using Buffers = std::array<BufferId, 2>;

  Product() = default;
  // Adds `weight`, a matrix named "...weight", and, if the table has an adapter rank, the pair as
  // "...lora_a" and "...lora_b" behind it.
  Product(ParameterSpec weight, ParameterTable& table);

  // Whether the backward of `mode` reads x.
  ParameterId weight() const { return weight_; }

  bool NeedsInput(const Mode& mode, const LayerPlanner& planner, bool has_activation) const;
  // For a product of `rows` rows that is computed at `tick`.
  Buffers Plan(int64_t rows, int64_t tick, const Mode& mode, LayerPlanner& planner) const;

  // y[rows, out] from x[rows, in]; `bias` [out] or null.
  void Forward(const LayerRun& run, const BufferId* buffers, int64_t rows, const float* x,
               const float* bias, float* y, std::optional<Activation> f = {}) const;
  // Adds the gradients of what trains; writes dx[rows, in] unless it is null. x is read only where
  // NeedsInput.
  void Backward(const LayerRun& run, const BufferId* buffers, int64_t rows, const float* x,
                const float* dy, float* dx, std::optional<Activation> f = {}) const;

 private:
  bool adapted() const { return a_ != kNoParameter; }

  int64_t in_ = 0;
  int64_t out_ = 0;
  int64_t rank_ = 0;
  ParameterId weight_ = kNoParameter;
  ParameterId a_ = kNoParameter;
  ParameterId b_ = kNoParameter;
};

}  // namespace masr

#endif  // MOBILEASR_LAYERS_PRODUCT_H_
