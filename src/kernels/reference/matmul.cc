#include "kernels/reference/matmul.h"

#include <cstdint>
#include <cstring>

namespace masr::reference {

float WeightAt(const WeightView& weight, int64_t row, int64_t col) {
  const int64_t at = row * weight.stride + col;
  switch (weight.type) {
    case WeightType::kF32:
      return static_cast<const float*>(weight.data)[at];
    case WeightType::kBf16: {
      const uint32_t bits = uint32_t{static_cast<const uint16_t*>(weight.data)[at]} << 16;
      float value;
      std::memcpy(&value, &bits, sizeof(value));
      return value;
    }
    case WeightType::kInt8:
      return weight.scales[row] * static_cast<float>(static_cast<const int8_t*>(weight.data)[at]);
  }
  return 0.0f;
}

void MatmulNT(int64_t m, const float* a, int64_t a_stride, const WeightView& b, const float* bias,
              float* c, int64_t c_stride, bool accumulate) {
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < b.rows; ++j) {
      double sum = bias == nullptr ? 0.0 : bias[j];
      if (accumulate) sum += c[i * c_stride + j];
      for (int64_t k = 0; k < b.cols; ++k) sum += double{a[i * a_stride + k]} * WeightAt(b, j, k);
      c[i * c_stride + j] = static_cast<float>(sum);
    }
  }
}

void MatmulNN(int64_t m, const float* a, int64_t a_stride, const WeightView& b, float* c,
              int64_t c_stride, bool accumulate) {
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < b.cols; ++j) {
      double sum = accumulate ? c[i * c_stride + j] : 0.0;
      for (int64_t k = 0; k < b.rows; ++k) sum += double{a[i * a_stride + k]} * WeightAt(b, k, j);
      c[i * c_stride + j] = static_cast<float>(sum);
    }
  }
}

void MatmulTN(int64_t m, int64_t n, int64_t k, const float* a, int64_t a_stride, const float* b,
              int64_t b_stride, float* c, int64_t c_stride, bool accumulate) {
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = accumulate ? c[i * c_stride + j] : 0.0;
      for (int64_t t = 0; t < k; ++t) sum += double{a[t * a_stride + i]} * b[t * b_stride + j];
      c[i * c_stride + j] = static_cast<float>(sum);
    }
  }
}

void AddColumnSums(int64_t m, int64_t n, const float* dy, float* db) {
  for (int64_t j = 0; j < n; ++j) {
    double sum = db[j];
    for (int64_t i = 0; i < m; ++i) sum += dy[i * n + j];
    db[j] = static_cast<float>(sum);
  }
}

}  // namespace masr::reference
