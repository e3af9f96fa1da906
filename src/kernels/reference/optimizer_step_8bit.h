// Plain twin of kernels/optimizer_step_8bit.h: the step in double, the codes as that header says.
// Linked into tests only.
#ifndef MOBILEASR_KERNELS_REFERENCE_OPTIMIZER_STEP_8BIT_H_
#define MOBILEASR_KERNELS_REFERENCE_OPTIMIZER_STEP_8BIT_H_

#include <cstdint>

#include "kernels/optimizer_step_8bit.h"

namespace masr::reference {

// What a byte stands for, as a share of its block's scale: of m, -1 to 1, and of sqrt(v), 0 to 1.
double DecodeMoment(uint8_t code);
double DecodeRoot(uint8_t code);

void ApplyAdamW8(const AdamWStep& step, uint32_t key, int64_t n, const double* gradient, double* p,
                 const Moments8& moments);

}  // namespace masr::reference

#endif  // MOBILEASR_KERNELS_REFERENCE_OPTIMIZER_STEP_8BIT_H_
