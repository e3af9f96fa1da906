// The product of a recurrent step: a few rows of state times W_hh, which is converted to f32 and
// packed once per call, so that a step only streams it.
//
// Per target: include after hwy/foreach_target.h.
#if defined(MOBILEASR_KERNELS_SIMD_RECURRENT_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MOBILEASR_KERNELS_SIMD_RECURRENT_PRODUCT_INL_H_
#undef MOBILEASR_KERNELS_SIMD_RECURRENT_PRODUCT_INL_H_
#else
#define MOBILEASR_KERNELS_SIMD_RECURRENT_PRODUCT_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/matmul.h"
#include "kernels/simd/pack-inl.h"
#include "kernels/simd/recurrent_steps.h"
#include "kernels/simd/strided_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Rows of one product, with four vectors of sums each: as many as the registers hold.
#if (HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86) || HWY_ARCH_ARM_A64
constexpr int64_t kStepRows = 4;
#else
constexpr int64_t kStepRows = 3;
#endif

// A row alone takes two panels at once: four sums would wait for each other.
constexpr int64_t kStepVectors = 8;

// Rows for the next product when `left` are left; never one alone out of several.
constexpr int64_t RowsAtOnce(int64_t left) {
  return left == kStepRows + 1 ? kStepRows - 1 : std::min(left, kStepRows);
}

// Calls pack(data) with the weights' own type.
template <class Pack>
void WithStoredType(const WeightView& weight, const Pack& pack) {
  switch (weight.type) {
    case WeightType::kF32:
      return pack(static_cast<const float*>(weight.data));
    case WeightType::kBf16:
      return pack(static_cast<const uint16_t*>(weight.data));
    case WeightType::kInt8:
      return pack(static_cast<const int8_t*>(weight.data));
  }
}

// For h W^T: panel b holds, for every k, the gates of kVector units, [hidden, gates, kVector].
template <class T>
void PackGatePanel(const T* data, const WeightView& weight, const RecurrentShape& shape,
                   int64_t panel, float* packed) {
  const int64_t hidden = shape.hidden;
  const int64_t width = shape.gates() * kVector;
  const int64_t units = std::min(kVector, hidden - panel * kVector);
  float* to = packed + panel * hidden * width;
  if (units < kVector) std::fill_n(to, hidden * width, 0.0f);
  for (int64_t g = 0; g < shape.gates(); ++g) {
    const int64_t row = g * hidden + panel * kVector;
    const float* scales = weight.scales == nullptr ? nullptr : weight.scales + row;
    if constexpr (kVector < 4) {  // fewer columns than PackTransposed writes
      for (int64_t i = 0; i < units; ++i) {
        for (int64_t k = 0; k < hidden; ++k) {
          const float value = ToF32(data[(row + i) * weight.stride + k]);
          to[k * width + g * kVector + i] = scales == nullptr ? value : value * scales[i];
        }
      }
    } else {
      PackTransposed(data + row * weight.stride, weight.stride, units, hidden, scales,
                     to + g * kVector, width);
    }
  }
}

// For dgates W: panel b holds the columns of four vectors of units, [gates * hidden, 4 * kVector].
template <class T>
void PackUnitPanel(const T* data, const WeightView& weight, const RecurrentShape& shape,
                   int64_t panel, float* packed) {
  const int64_t width = 4 * kVector;
  const int64_t depth = shape.gates() * shape.hidden;
  const int64_t units = std::min(width, shape.hidden - panel * width);
  float* to = packed + panel * depth * width;
  if (units < width) std::fill_n(to, depth * width, 0.0f);
  PackRows(BlockTag(), data + panel * width, weight.stride, units, depth, weight.scales, to, width);
}

// sums[r] += rows[r] [depth] times one panel [depth, kPanelVectors * kVector], for r < count <=
// kStepRows; with two_panels, which only a single row may have, times that and the next one.
template <int64_t kPanelVectors>
HWY_INLINE void StepProduct(int64_t count, int64_t depth, const float* const* rows,
                            const float* packed, int64_t panel_stride, bool two_panels,
                            float* const* sums) {
  if (count == 1 && two_panels) {
    return AccumulateTile<1, 2 * kPanelVectors, kPanelVectors>(depth, rows, 1, packed, panel_stride,
                                                               sums);
  }
  switch (count) {
    case 1:
      return AccumulateTile<1, kPanelVectors, kPanelVectors>(depth, rows, 1, packed, 0, sums);
    case 2:
      return AccumulateTile<2, kPanelVectors, kPanelVectors>(depth, rows, 1, packed, 0, sums);
    case 3:
      return AccumulateTile<3, kPanelVectors, kPanelVectors>(depth, rows, 1, packed, 0, sums);
    default:
      return AccumulateTile<kStepRows, kPanelVectors, kPanelVectors>(depth, rows, 1, packed, 0,
                                                                     sums);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace masr
HWY_AFTER_NAMESPACE();

#endif  // MOBILEASR_KERNELS_SIMD_RECURRENT_PRODUCT_INL_H_
