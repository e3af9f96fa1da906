// Plain twins of kernels/optimizer_step.h in double; formulas as there. Linked into tests only.
#ifndef MOBILEASR_KERNELS_REFERENCE_OPTIMIZER_STEP_H_
#define MOBILEASR_KERNELS_REFERENCE_OPTIMIZER_STEP_H_

#include <cstdint>

#include "kernels/optimizer_step.h"

namespace masr::reference {

void ApplyAdamW(const AdamWStep& step, int64_t n, const double* gradient, double* p, double* m,
                double* v);
void ApplySgd(const SgdStep& step, int64_t n, const double* gradient, double* p, double* b);

}  // namespace masr::reference

#endif  // MOBILEASR_KERNELS_REFERENCE_OPTIMIZER_STEP_H_
