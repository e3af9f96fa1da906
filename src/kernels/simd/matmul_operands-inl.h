// The operands of a product, by how they lie in memory, as what packs a part of them.
//
// Per target: include after hwy/foreach_target.h.
#if defined(MOBILEASR_KERNELS_SIMD_MATMUL_OPERANDS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MOBILEASR_KERNELS_SIMD_MATMUL_OPERANDS_INL_H_
#undef MOBILEASR_KERNELS_SIMD_MATMUL_OPERANDS_INL_H_
#else
#define MOBILEASR_KERNELS_SIMD_MATMUL_OPERANDS_INL_H_
#endif

#include <cstdint>
#include <optional>
#include <type_traits>

#include "hwy/highway.h"
#include "kernels/simd/activation-inl.h"
#include "kernels/simd/matmul_bf16-inl.h"
#include "kernels/simd/matmul_kernel-inl.h"
#include "kernels/simd/pack-inl.h"

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {

// Pack() is for F32Tiles or Bf16Tiles, as the element type tells; i, j, k are the first row, column
// and term. `turn` has room for one more strip or panel.

struct LeftRows {  // f(A[m, k])
  const float* data;
  int64_t stride;
  std::optional<Activation> f = {};
  void Pack(int64_t i, int64_t rows, int64_t k, int64_t depth, float*, float* out) const {
    PackTransposed(data + i * stride + k, stride, rows, depth, nullptr, out, kStripStride);
    if (f) ActivationRange(*f, static_cast<size_t>(F32Tiles::StripSize(depth)), out, out);
  }
#if MASR_BF16_TILES
  void Pack(int64_t i, int64_t rows, int64_t k, int64_t depth, uint16_t*, uint16_t* out) const {
    Bf16Tiles::PackRows(data + i * stride + k, stride, rows, depth, f, out);
  }
#endif
};

struct LeftColumns {  // A[k, m]
  const float* data;
  int64_t stride;
  static constexpr std::optional<Activation> f = {};
  void Pack(int64_t i, int64_t rows, int64_t k, int64_t depth, float*, float* out) const {
    PackRows(hn::CappedTag<float, 4>(), data + k * stride + i, stride, rows, depth, nullptr, out,
             kStripStride);
  }
#if MASR_BF16_TILES
  void Pack(int64_t i, int64_t rows, int64_t k, int64_t depth, uint16_t* turn,
            uint16_t* out) const {
    Bf16Tiles::PackRowsTransposed(data + k * stride + i, stride, rows, depth, turn, out);
  }
#endif
};

template <class T>
struct RightTransposed {  // B[n, k]
  const T* data;
  int64_t stride;
  const float* scales;
  static constexpr std::optional<Activation> f = {};
  void Pack(int64_t j, int64_t columns, int64_t k, int64_t depth, float*, float* out) const {
    PackTransposed(data + j * stride + k, stride, columns, depth,
                   std::is_same_v<T, int8_t> ? scales + j : nullptr, out, kTileColumns);
  }
#if MASR_BF16_TILES
  void Pack(int64_t j, int64_t columns, int64_t k, int64_t depth, uint16_t* turn,
            uint16_t* out) const {
    Bf16Tiles::PackPairsTransposed(data + j * stride + k, stride, columns, depth, turn, out);
  }
#endif
};

template <class T>
struct RightStraight {  // f(B[k, n])
  const T* data;
  int64_t stride;
  const float* scales;
  std::optional<Activation> f = {};
  void Pack(int64_t j, int64_t columns, int64_t k, int64_t depth, float*, float* out) const {
    PackRows(Floats(), data + k * stride + j, stride, columns, depth,
             std::is_same_v<T, int8_t> ? scales + k : nullptr, out, kTileColumns);
    if (f) ActivationRange(*f, static_cast<size_t>(F32Tiles::PanelSize(depth)), out, out);
  }
#if MASR_BF16_TILES
  void Pack(int64_t j, int64_t columns, int64_t k, int64_t depth, uint16_t*, uint16_t* out) const {
    Bf16Tiles::PackPairs(data + k * stride + j, stride, columns, depth, f, out);
  }
#endif
};

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace masr
HWY_AFTER_NAMESPACE();

#endif  // MOBILEASR_KERNELS_SIMD_MATMUL_OPERANDS_INL_H_
