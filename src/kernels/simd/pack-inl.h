// Packing of matrix operands into the order in which the product's innermost loop reads them:
// out[k * out_stride + i] for the rows (or columns) i of one panel, always as f32.
//
// Per target: include after hwy/foreach_target.h. All strides and counts are in elements.
#if defined(MOBILEASR_KERNELS_SIMD_PACK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MOBILEASR_KERNELS_SIMD_PACK_INL_H_
#undef MOBILEASR_KERNELS_SIMD_PACK_INL_H_
#else
#define MOBILEASR_KERNELS_SIMD_PACK_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Stored element types: float, uint16_t (the bits of a bfloat16) and int8_t.
inline float ToF32(float value) { return value; }
inline float ToF32(int8_t value) { return static_cast<float>(value); }
inline float ToF32(uint16_t value) {
  const uint32_t bits = static_cast<uint32_t>(value) << 16;
  float result;
  std::memcpy(&result, &bits, sizeof(result));
  return result;
}

template <class D>
HWY_INLINE hn::Vec<D> LoadF32(D d, const float* from) {
  return hn::LoadU(d, from);
}

template <class D>
HWY_INLINE hn::Vec<D> LoadF32(D d, const uint16_t* from) {
  const hn::Rebind<uint16_t, D> d16;
  const hn::Rebind<uint32_t, D> d32;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::LoadU(d16, from))));
}

template <class D>
HWY_INLINE hn::Vec<D> LoadF32(D d, const int8_t* from) {
  const hn::Rebind<int8_t, D> d8;
  const hn::Rebind<int32_t, D> d32;
  return hn::ConvertTo(d, hn::PromoteTo(d32, hn::LoadU(d8, from)));
}

// out[k * out_stride + j] = in[k * in_stride + j] for k < depth, j < columns; int8 is multiplied by
// scales[k]. Lanes past `columns` are left as they are.
template <class D, class T>
HWY_INLINE void PackRows(D d, const T* HWY_RESTRICT in, int64_t in_stride, int64_t columns,
                         int64_t depth, const float* scales, float* HWY_RESTRICT out,
                         int64_t out_stride) {
  // Rows are too far apart for the CPU to foresee.
  constexpr int64_t kAhead = 8;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t whole = columns - columns % lanes;
  for (int64_t k = 0; k < depth; ++k) {
    const T* from = in + k * in_stride;
    if (k + kAhead < depth) {
      hwy::Prefetch(from + kAhead * in_stride);
      hwy::Prefetch(from + kAhead * in_stride + columns - 1);
    }
    float* to = out + k * out_stride;
    for (int64_t j = 0; j < whole; j += lanes) {
      hn::Vec<D> values = LoadF32(d, from + j);
      if constexpr (std::is_same_v<T, int8_t>) values = hn::Mul(values, hn::Set(d, scales[k]));
      hn::StoreU(values, d, to + j);
    }
    for (int64_t j = whole; j < columns; ++j) {
      to[j] = ToF32(from[j]);
      if constexpr (std::is_same_v<T, int8_t>) to[j] *= scales[k];
    }
  }
}

#if HWY_TARGET != HWY_SCALAR
// A vector of blocks of four: block i is from[4 * i * stride .. + 4).
template <class D, class T>
HWY_INLINE hn::Vec<D> LoadBlocks(D d, const T* HWY_RESTRICT from, int64_t stride) {
  if constexpr (hn::MaxLanes(D()) <= 4) {
    return LoadF32(d, from);
  } else {
    const hn::Half<D> half;
    const int64_t rows = static_cast<int64_t>(hn::MaxLanes(D())) / 2;
    return hn::Combine(d, LoadBlocks(half, from + rows * stride, stride),
                       LoadBlocks(half, from, stride));
  }
}

// out[k * out_stride + i] = in[i * in_stride + k] for k < depth (a multiple of 4) and i < lanes of
// d, in blocks of 4x4. Of each four rows, those past the first `rows` repeat the last of them.
// `scales` has an entry per lane, int8 only.
template <class D, class T>
HWY_INLINE void PackLanes(D d, const T* HWY_RESTRICT in, int64_t in_stride, int64_t rows,
                          int64_t depth, const float* HWY_RESTRICT scales, float* HWY_RESTRICT out,
                          int64_t out_stride) {
  using V = hn::Vec<D>;
  const hn::Repartition<uint64_t, D> pairs;
  const auto low = [&](V x, V y) HWY_ATTR {
    return hn::BitCast(d, hn::InterleaveLower(pairs, hn::BitCast(pairs, x), hn::BitCast(pairs, y)));
  };
  const auto high = [&](V x, V y) HWY_ATTR {
    return hn::BitCast(d, hn::InterleaveUpper(pairs, hn::BitCast(pairs, x), hn::BitCast(pairs, y)));
  };
  const auto store = [&](V values, float* to) HWY_ATTR {
    if constexpr (std::is_same_v<T, int8_t>) values = hn::Mul(values, hn::LoadU(d, scales));
    hn::StoreU(values, d, to);
  };
  const int64_t at1 = std::min<int64_t>(1, rows - 1) * in_stride;
  const int64_t at2 = std::min<int64_t>(2, rows - 1) * in_stride;
  const int64_t at3 = std::min<int64_t>(3, rows - 1) * in_stride;
  for (int64_t k = 0; k < depth; k += 4) {
    const V r0 = LoadBlocks(d, in + k, in_stride);
    const V r1 = LoadBlocks(d, in + k + at1, in_stride);
    const V r2 = LoadBlocks(d, in + k + at2, in_stride);
    const V r3 = LoadBlocks(d, in + k + at3, in_stride);
    const V r01_low = hn::InterleaveLower(d, r0, r1);
    const V r23_low = hn::InterleaveLower(d, r2, r3);
    const V r01_high = hn::InterleaveUpper(d, r0, r1);
    const V r23_high = hn::InterleaveUpper(d, r2, r3);
    float* to = out + k * out_stride;
    store(low(r01_low, r23_low), to);
    store(high(r01_low, r23_low), to + out_stride);
    store(low(r01_high, r23_high), to + 2 * out_stride);
    store(high(r01_high, r23_high), to + 3 * out_stride);
  }
}
#endif

// PackLanes for as many rows as d has lanes, or fewer than four with d of four, and any depth.
template <class D, class T>
HWY_INLINE void PackGroup(D d, const T* HWY_RESTRICT in, int64_t in_stride, int64_t rows,
                          int64_t depth, const float* scales, float* HWY_RESTRICT out,
                          int64_t out_stride) {
  float lane_scales[hn::MaxLanes(D())] = {};
  if constexpr (std::is_same_v<T, int8_t>) std::copy_n(scales, rows, lane_scales);
  int64_t k = 0;
#if HWY_TARGET != HWY_SCALAR
  k = depth - depth % 4;
  PackLanes(d, in, in_stride, rows, k, lane_scales, out, out_stride);
#else
  static_cast<void>(d);
#endif
  for (; k < depth; ++k) {
    for (int64_t i = 0; i < rows; ++i) {
      float value = ToF32(in[i * in_stride + k]);
      if constexpr (std::is_same_v<T, int8_t>) value *= lane_scales[i];
      out[k * out_stride + i] = value;
    }
  }
}

// out[k * out_stride + i] = in[i * in_stride + k] for k < depth, i < rows; int8 is multiplied by
// scales[i]. Up to three lanes past `rows` may be overwritten: out_stride must be at least `rows`
// rounded up to 4.
template <class T>
HWY_INLINE void PackTransposed(const T* in, int64_t in_stride, int64_t rows, int64_t depth,
                               const float* scales, float* out, int64_t out_stride) {
  // Eight rows at a time, because rows whose distance is a power of two share a cache set of eight
  // ways or so; slabs, because each line of `out` is written by several groups of rows.
  constexpr int64_t kSlab = 64;
  const hn::CappedTag<float, 8> wide;
  const hn::CappedTag<float, 4> narrow;
  const auto wide_rows = static_cast<int64_t>(hn::Lanes(wide));
  const auto narrow_rows = static_cast<int64_t>(hn::Lanes(narrow));
  const auto scales_at = [&](int64_t i) { return scales == nullptr ? nullptr : scales + i; };
  for (int64_t k = 0; k < depth; k += kSlab) {
    const int64_t slab = std::min(kSlab, depth - k);
    const T* from = in + k;
    float* to = out + k * out_stride;
    int64_t i = 0;
    for (; i + wide_rows <= rows; i += wide_rows) {
      PackGroup(wide, from + i * in_stride, in_stride, wide_rows, slab, scales_at(i), to + i,
                out_stride);
    }
    for (; i < rows; i += narrow_rows) {
      PackGroup(narrow, from + i * in_stride, in_stride, std::min(narrow_rows, rows - i), slab,
                scales_at(i), to + i, out_stride);
    }
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace masr
HWY_AFTER_NAMESPACE();

#endif  // MOBILEASR_KERNELS_SIMD_PACK_INL_H_
