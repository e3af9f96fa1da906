// The plain twin of kernels/attention.h, in double: loops as in the formulas, nothing clever.
#ifndef MOBILEASR_KERNELS_REFERENCE_ATTENTION_H_
#define MOBILEASR_KERNELS_REFERENCE_ATTENTION_H_

#include <cstdint>

#include "kernels/attention.h"

namespace masr::reference {

void RelativePositions(int64_t max_frames, int64_t dim, double* out);

// Shapes as in kernels/attention.h.
void RelativeAttentionForward(Offsets offsets, const AttentionShape& shape, const double* q,
                              const double* k, const double* v, int64_t stride, const double* r,
                              const double* u, const double* w, double* probabilities, double* out);

// Gradients of inputs are written, du and dw accumulate. dr, du and dw are null together with r.
void RelativeAttentionBackward(Offsets offsets, const AttentionShape& shape, const double* q,
                               const double* k, const double* v, int64_t stride, const double* r,
                               const double* u, const double* w, const double* probabilities,
                               const double* dout, double* dq, double* dk, double* dv, double* dr,
                               double* du, double* dw);

}  // namespace masr::reference

#endif  // MOBILEASR_KERNELS_REFERENCE_ATTENTION_H_
