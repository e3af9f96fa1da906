// One update of an array of parameters; the algorithms and their options are in train/optimizer.h.
#ifndef MOBILEASR_KERNELS_OPTIMIZER_STEP_H_
#define MOBILEASR_KERNELS_OPTIMIZER_STEP_H_

#include <cstdint>

#include "kernels/context.h"

namespace masr {

// AdamW (Loshchilov and Hutter, 2019, Algorithm 2), with g = gradient_scale * gradient[i]:
//   m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2,
//   p = p * (1 - decay) - rate * m / (sqrt(v) * inverse_v + epsilon)
// where rate = learning_rate / (1 - beta1^t), inverse_v = 1 / sqrt(1 - beta2^t) and decay =
// learning_rate * weight_decay.
struct AdamWStep {
  float beta1;
  float beta2;
  float rate;
  float inverse_v;
  float epsilon;
  float decay;
  float gradient_scale;
};
void ApplyAdamW(const KernelContext& context, const AdamWStep& step, int64_t n,
                const float* gradient, float* p, float* m, float* v);

// SGD with momentum as PyTorch does it: g = gradient_scale * gradient[i] + weight_decay * p,
// b = momentum * b + g, p -= learning_rate * b.
struct SgdStep {
  float learning_rate;
  float momentum;
  float weight_decay;
  float gradient_scale;
};
void ApplySgd(const KernelContext& context, const SgdStep& step, int64_t n, const float* gradient,
              float* p, float* b);

// The sum of x[i]^2, in double; the same on every instruction set.
double SumOfSquares(int64_t n, const float* x);

}  // namespace masr

#endif  // MOBILEASR_KERNELS_OPTIMIZER_STEP_H_
