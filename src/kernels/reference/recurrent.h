// The plain twin of kernels/recurrent.h, in double: one frame, one unit at a time.
#ifndef MOBILEASR_KERNELS_REFERENCE_RECURRENT_H_
#define MOBILEASR_KERNELS_REFERENCE_RECURRENT_H_

#include <cstdint>

#include "kernels/recurrent.h"

namespace masr::reference {

// Shapes as in kernels/recurrent.h; w_hh [G * hidden, hidden] is already in double.
void RecurrentForward(Offsets offsets, const RecurrentShape& shape, double* gates,
                      const double* w_hh, const double* b_hh, double* saved, double* h,
                      int64_t h_stride);

// dw_hh and db_hh accumulate.
void RecurrentBackward(Offsets offsets, const RecurrentShape& shape, double* gates,
                       const double* w_hh, const double* saved, const double* h, int64_t h_stride,
                       const double* dh, double* dw_hh, double* db_hh);

}  // namespace masr::reference

#endif  // MOBILEASR_KERNELS_REFERENCE_RECURRENT_H_
