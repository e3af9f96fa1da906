// Matrix products, register-blocked on packed panels, for every instruction set.
//
// Weights keep PyTorch's orientation, [outputs, inputs]. Three products cover a linear layer
// y = x W^T: forward is NT, the input's gradient dx = dy W is NN, the weight's dW = dy^T x is TN.
// The right operand may be f32, bf16, or int8 with one scale per row of the stored matrix (the
// output channel); it is converted to f32 while it is packed, so that the arithmetic is f32. An
// activation is applied to an operand while that is packed, and its derivative to a result while
// that is still in a near cache: neither is ever in memory.
#ifndef MOBILEASR_KERNELS_MATMUL_H_
#define MOBILEASR_KERNELS_MATMUL_H_

#include <cstdint>
#include <optional>

#include "kernels/activation.h"
#include "kernels/context.h"

namespace masr {

// A matrix in memory as stored, row-major, `stride` elements from row to row.
enum class WeightType : uint8_t { kF32, kBf16, kInt8 };

struct WeightView {
  const void* data = nullptr;
  WeightType type = WeightType::kF32;
  const float* scales = nullptr;  // [rows], int8 only: value = scales[row] * int8
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t stride = 0;
};

inline WeightView F32Weight(const float* data, int64_t rows, int64_t cols) {
  return {data, WeightType::kF32, nullptr, rows, cols, cols};
}

// The gradient of what an activation let through: C[i, j] *= f'(x[i, j]), after everything else.
struct ActivationGradient {
  Activation f;
  const float* x;  // [m, n], the activation's input
  int64_t stride;
};

// C[m, n] (+)= f(A[m, k]) * B[n, k]^T, with k = b.cols, n = b.rows, and f the identity unless
// `f_of_a` is given. `bias` is [n] or null, added once (not with accumulate). a_stride, c_stride:
// elements from row to row.
void MatmulNT(const KernelContext& context, int64_t m, const float* a, int64_t a_stride,
              const WeightView& b, const float* bias, float* c, int64_t c_stride,
              bool accumulate = false, std::optional<Activation> f_of_a = {});

// C[m, n] (+)= A[m, k] * B[k, n], with k = b.rows, n = b.cols; `through` may be null.
void MatmulNN(const KernelContext& context, int64_t m, const float* a, int64_t a_stride,
              const WeightView& b, float* c, int64_t c_stride, bool accumulate = false,
              const ActivationGradient* through = nullptr);

// C[m, n] (+)= A[k, m]^T * f(B[k, n]): both operands f32 activations, the sum runs over frames.
void MatmulTN(const KernelContext& context, int64_t m, int64_t n, int64_t k, const float* a,
              int64_t a_stride, const float* b, int64_t b_stride, float* c, int64_t c_stride,
              bool accumulate = false, std::optional<Activation> f_of_b = {});

// db[n] += column sums of dy[m, n]: the bias's gradient.
void AddColumnSums(const KernelContext& context, int64_t m, int64_t n, const float* dy, float* db);

}  // namespace masr

#endif  // MOBILEASR_KERNELS_MATMUL_H_
