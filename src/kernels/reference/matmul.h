// Plain twins of kernels/matmul.h: the same products by three loops, summed in double. Linked into
// tests only.
#ifndef MOBILEASR_KERNELS_REFERENCE_MATMUL_H_
#define MOBILEASR_KERNELS_REFERENCE_MATMUL_H_

#include <cstdint>

#include "kernels/matmul.h"

namespace masr::reference {

// The value of a stored weight.
float WeightAt(const WeightView& weight, int64_t row, int64_t col);

// Shapes and meaning as in kernels/matmul.h.
void MatmulNT(int64_t m, const float* a, int64_t a_stride, const WeightView& b, const float* bias,
              float* c, int64_t c_stride, bool accumulate = false);
void MatmulNN(int64_t m, const float* a, int64_t a_stride, const WeightView& b, float* c,
              int64_t c_stride, bool accumulate = false);
void MatmulTN(int64_t m, int64_t n, int64_t k, const float* a, int64_t a_stride, const float* b,
              int64_t b_stride, float* c, int64_t c_stride, bool accumulate = false);
void AddColumnSums(int64_t m, int64_t n, const float* dy, float* db);

}  // namespace masr::reference

#endif  // MOBILEASR_KERNELS_REFERENCE_MATMUL_H_
