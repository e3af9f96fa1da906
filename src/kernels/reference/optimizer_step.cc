#include "kernels/reference/optimizer_step.h"

#include <cmath>

namespace masr::reference {

void ApplyAdamW(const AdamWStep& step, int64_t n, const double* gradient, double* p, double* m,
                double* v) {
  for (int64_t i = 0; i < n; ++i) {
    const double g = step.gradient_scale * gradient[i];
    m[i] = step.beta1 * m[i] + (1.0 - step.beta1) * g;
    v[i] = step.beta2 * v[i] + (1.0 - step.beta2) * g * g;
    const double size = std::sqrt(v[i]) * step.inverse_v + step.epsilon;
    p[i] = p[i] * (1.0 - step.decay) - step.rate * m[i] / size;
  }
}

void ApplySgd(const SgdStep& step, int64_t n, const double* gradient, double* p, double* b) {
  for (int64_t i = 0; i < n; ++i) {
    const double g = step.gradient_scale * gradient[i] + step.weight_decay * p[i];
    b[i] = step.momentum * b[i] + g;
    p[i] -= step.learning_rate * b[i];
  }
}

}  // namespace masr::reference
