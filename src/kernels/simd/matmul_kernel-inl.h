// The innermost loop of a product: one tile of C, held in registers, from a packed strip of A and a
// packed panel of B.
//
// Each element of C is one chain of multiply-adds over k, in the order of k. The chain is the same
// for every tile shape, so neither the position of a row nor the rows beside it change its bits.
//
// Per target: include after hwy/foreach_target.h.
#if defined(MOBILEASR_KERNELS_SIMD_MATMUL_KERNEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MOBILEASR_KERNELS_SIMD_MATMUL_KERNEL_INL_H_
#undef MOBILEASR_KERNELS_SIMD_MATMUL_KERNEL_INL_H_
#else
#define MOBILEASR_KERNELS_SIMD_MATMUL_KERNEL_INL_H_
#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(Floats()));

// Rows of a tile: as many as the registers hold beside two vectors of B and one broadcast.
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
constexpr int64_t kTileRows = 12;
#elif HWY_TARGET == HWY_AVX2
constexpr int64_t kTileRows = 6;
#elif HWY_ARCH_ARM_A64
constexpr int64_t kTileRows = 8;
#else
constexpr int64_t kTileRows = 4;
#endif
constexpr int64_t kTileVectors = 2;
constexpr int64_t kTileColumns = kTileVectors * kLanes;

// Distance between the k's of a packed strip of A: a multiple of 4, as PackTransposed asks.
constexpr int64_t kStripStride = (kTileRows + 3) / 4 * 4;

// a: [depth, kStripStride], b: [depth, kTileColumns], c: kRows x (kVectors * kLanes), whole.
// C = or += the product; `bias`, when not null, has an entry per column and is added.
template <int64_t kRows, int64_t kVectors>
void Tile(int64_t depth, const float* HWY_RESTRICT a, const float* HWY_RESTRICT b,
          const float* bias, bool add, float* HWY_RESTRICT c, int64_t c_stride) {
  const Floats d;
  using V = hn::Vec<Floats>;
  // C is wanted at the end: often it is no longer in a near cache.
#pragma GCC unroll 16
  for (int64_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int64_t v = 0; v < kVectors; ++v) hwy::Prefetch(c + r * c_stride + v * kLanes);
  }
  V sums[kRows][kVectors];
#pragma GCC unroll 16
  for (int64_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int64_t v = 0; v < kVectors; ++v) sums[r][v] = hn::Zero(d);
  }
  for (int64_t k = 0; k < depth; ++k) {
    V right[kVectors];
#pragma GCC unroll 2
    for (int64_t v = 0; v < kVectors; ++v) right[v] = hn::Load(d, b + v * kLanes);
#pragma GCC unroll 16
    for (int64_t r = 0; r < kRows; ++r) {
      const V left = hn::Set(d, a[r]);
#pragma GCC unroll 2
      for (int64_t v = 0; v < kVectors; ++v) {
        sums[r][v] = hn::MulAdd(left, right[v], sums[r][v]);
      }
    }
    a += kStripStride;
    b += kTileColumns;
  }
#pragma GCC unroll 16
  for (int64_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int64_t v = 0; v < kVectors; ++v) {
      float* to = c + r * c_stride + v * kLanes;
      V sum = sums[r][v];
      if (bias != nullptr) sum = hn::Add(sum, hn::LoadU(d, bias + v * kLanes));
      if (add) sum = hn::Add(sum, hn::LoadU(d, to));
      hn::StoreU(sum, d, to);
    }
  }
}

using TileFunction = void (*)(int64_t depth, const float* a, const float* b, const float* bias,
                              bool add, float* c, int64_t c_stride);

template <int64_t kVectors, size_t... kRowsMinus1>
constexpr std::array<TileFunction, sizeof...(kRowsMinus1)> TileFunctions(
    std::index_sequence<kRowsMinus1...>) {
  return {&Tile<static_cast<int64_t>(kRowsMinus1) + 1, kVectors>...};
}

// One tile of `rows` <= kTileRows and `columns` <= kTileColumns; the rest of the panel is padding.
inline void AnyTile(int64_t rows, int64_t columns, int64_t depth, const float* a, const float* b,
                    const float* bias, bool add, float* c, int64_t c_stride) {
  static constexpr auto kWide = TileFunctions<kTileVectors>(std::make_index_sequence<kTileRows>());
  static constexpr auto kNarrow = TileFunctions<1>(std::make_index_sequence<kTileRows>());
  const TileFunction tile = (columns <= kLanes ? kNarrow : kWide)[rows - 1];
  if (columns == kTileColumns || columns == kLanes) {
    tile(depth, a, b, bias, add, c, c_stride);
    return;
  }
  // C ends within a vector: the same sums, by way of a whole tile beside it.
  HWY_ALIGN float whole[kTileRows * kTileColumns];
  tile(depth, a, b, nullptr, false, whole, kTileColumns);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t j = 0; j < columns; ++j) {
      float sum = whole[r * kTileColumns + j];
      if (bias != nullptr) sum += bias[j];
      if (add) sum += c[r * c_stride + j];
      c[r * c_stride + j] = sum;
    }
  }
}

// The product's innermost loop as ProductTask wants it; see Bf16Tiles for the other one.
struct F32Tiles {
  using Element = float;
  static constexpr int64_t kTileRows = HWY_NAMESPACE::kTileRows;
  static constexpr int64_t kTileColumns = HWY_NAMESPACE::kTileColumns;
  // Packing an element of A or B, and applying an activation to it, in multiply-adds of a vector.
  static constexpr double kPackCost = 0.25;
  static constexpr double kActivationCost = 3;

  static constexpr int64_t StripSize(int64_t depth) { return kStripStride * depth; }
  static constexpr int64_t PanelSize(int64_t depth) { return kTileColumns * depth; }

  struct Registers {  // nothing to set up
    Registers() {}
  };

  static void Tile(int64_t rows, int64_t columns, int64_t depth, const float* a, const float* b,
                   const float* bias, bool add, float* c, int64_t c_stride) {
    AnyTile(rows, columns, depth, a, b, bias, add, c, c_stride);
  }
};

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace masr
HWY_AFTER_NAMESPACE();

#endif  // MOBILEASR_KERNELS_SIMD_MATMUL_KERNEL_INL_H_
