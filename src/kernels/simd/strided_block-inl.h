// Small products within one task: the left operand is read in place, at any strides, the right one
// is packed into panels of kPanel columns. For the blocks of attention and of recurrent layers,
// which are too small to share a parallel product.
//
// Each element of C is one chain of multiply-adds over the depth, in order, that starts from what
// is in C: neither the split of the depth, nor the position of a row, nor its neighbours change its
// bits.
//
// Per target: include after hwy/foreach_target.h. All strides and counts are in elements.
#if defined(MOBILEASR_KERNELS_SIMD_STRIDED_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MOBILEASR_KERNELS_SIMD_STRIDED_BLOCK_INL_H_
#undef MOBILEASR_KERNELS_SIMD_STRIDED_BLOCK_INL_H_
#else
#define MOBILEASR_KERNELS_SIMD_STRIDED_BLOCK_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/simd/math-inl.h"
#include "kernels/simd/pack-inl.h"

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using BlockTag = hn::ScalableTag<float>;
constexpr int64_t kVector = static_cast<int64_t>(hn::MaxLanes(BlockTag()));

// Rows and vectors of a tile of C: twelve sums, two vectors and a broadcast fit in 16 registers.
constexpr int64_t kBlockRows = 6;
// PackTransposed writes four columns at a time.
constexpr int64_t kBlockVectors = kVector == 1 ? 4 : 2;
constexpr int64_t kPanel = kBlockVectors * kVector;

constexpr int64_t RoundUp(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// c[r][v] += sum over k < depth of a[r][k * a_step] * b(k, v) for kRows rows and kVectors vectors
// of columns, all sums in registers. Vector v of row k of b lies in panel v / kPanelVectors at row
// k, vector v % kPanelVectors; panels are panel_stride apart.
template <int64_t kRows, int64_t kVectors, int64_t kPanelVectors>
HWY_NOINLINE void AccumulateTile(int64_t depth, const float* const* a, int64_t a_step,
                                 const float* HWY_RESTRICT b, int64_t panel_stride,
                                 float* const* c) {
  const BlockTag d;
  using V = hn::Vec<BlockTag>;
  const float* left_rows[kRows];
  V sums[kRows][kVectors];
#pragma GCC unroll 8
  for (int64_t r = 0; r < kRows; ++r) {
    left_rows[r] = a[r];
#pragma GCC unroll 8
    for (int64_t v = 0; v < kVectors; ++v) sums[r][v] = hn::LoadU(d, c[r] + v * kVector);
  }
  for (int64_t k = 0, at = 0; k < depth; ++k, at += a_step) {
    V right[kVectors];
#pragma GCC unroll 8
    for (int64_t v = 0; v < kVectors; ++v) {
      right[v] = hn::LoadU(d, b + v / kPanelVectors * panel_stride + v % kPanelVectors * kVector);
    }
#pragma GCC unroll 8
    for (int64_t r = 0; r < kRows; ++r) {
      const V left = hn::Set(d, left_rows[r][at]);
#pragma GCC unroll 8
      for (int64_t v = 0; v < kVectors; ++v) sums[r][v] = hn::MulAdd(left, right[v], sums[r][v]);
    }
    b += kPanelVectors * kVector;
  }
#pragma GCC unroll 8
  for (int64_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int64_t v = 0; v < kVectors; ++v) hn::StoreU(sums[r][v], d, c[r] + v * kVector);
  }
}

template <int64_t kRows>
HWY_INLINE void BlockRows(int64_t panels, int64_t depth, const float* a, int64_t a_row,
                          int64_t a_step, const float* b, int64_t panel_stride, float* c,
                          int64_t c_row) {
  const float* a_rows[kRows];
  for (int64_t r = 0; r < kRows; ++r) a_rows[r] = a + r * a_row;
  for (int64_t p = 0; p < panels; ++p) {
    float* c_rows[kRows];
    for (int64_t r = 0; r < kRows; ++r) c_rows[r] = c + r * c_row + p * kPanel;
    AccumulateTile<kRows, kBlockVectors, kBlockVectors>(depth, a_rows, a_step, b + p * panel_stride,
                                                        0, c_rows);
  }
}

// C[rows, panels * kPanel] += A[rows, depth] * B, where A(r, k) = a[r * a_row + k * a_step], panel
// p of B is [depth, kPanel] at b + p * panel_stride, and rows of C are c_row apart.
inline void BlockProduct(int64_t rows, int64_t panels, int64_t depth, const float* a, int64_t a_row,
                         int64_t a_step, const float* b, int64_t panel_stride, float* c,
                         int64_t c_row) {
  int64_t r = 0;
  for (; r + kBlockRows <= rows; r += kBlockRows) {
    BlockRows<kBlockRows>(panels, depth, a + r * a_row, a_row, a_step, b, panel_stride,
                          c + r * c_row, c_row);
  }
  for (; r + 3 <= rows; r += 3) {
    BlockRows<3>(panels, depth, a + r * a_row, a_row, a_step, b, panel_stride, c + r * c_row,
                 c_row);
  }
  for (; r < rows; ++r) {
    BlockRows<1>(panels, depth, a + r * a_row, a_row, a_step, b, panel_stride, c + r * c_row,
                 c_row);
  }
}

// Panels of the matrix itself: panel p of out is [depth, kPanel] at out + p * depth * kPanel, zeros
// past `columns`. `bias` [columns], or null, is added to every row.
inline void PackPanels(const float* in, int64_t in_stride, int64_t columns, int64_t depth,
                       const float* bias, float* out) {
  const BlockTag d;
  for (int64_t p = 0; p < columns; p += kPanel) {
    for (int64_t j = p; j < p + kPanel; j += kVector) {
      const size_t count = static_cast<size_t>(std::clamp<int64_t>(columns - j, 0, kVector));
      const auto add =
          bias == nullptr || count == 0 ? hn::Zero(d) : LoadPartial(d, bias + j, count);
      float* to = out + p * depth + (j - p);
      for (int64_t k = 0; k < depth; ++k) {
        const auto values =
            count == 0 ? hn::Zero(d) : LoadPartial(d, in + k * in_stride + j, count);
        hn::StoreU(hn::Add(values, add), d, to + k * kPanel);
      }
    }
  }
}

// Panels of the transpose of in [rows, depth]: panel p holds rows p * kPanel and on as columns,
// [depth, kPanel] at out + p * depth * kPanel.
inline void PackTransposedPanels(const float* in, int64_t in_stride, int64_t rows, int64_t depth,
                                 float* out) {
  for (int64_t i = 0; i < rows; i += kPanel) {
    const int64_t count = std::min(kPanel, rows - i);
    float* panel = out + i * depth;
    if (count < kPanel) std::fill_n(panel, depth * kPanel, 0.0f);
    PackTransposed(in + i * in_stride, in_stride, count, depth, nullptr, panel, kPanel);
  }
}

// A square matrix of scores seen along its diagonals: A(m, k) is the element of column
// j = m + k - origin, zero unless 0 <= j < frames, at values[m * m_step + k * k_step - origin].
struct Band {
  const float* values;
  int64_t m_step;
  int64_t k_step;
  int64_t origin;
  int64_t frames;
};

// Rows [m, m + rows) and depth [k_begin, k_end) of the band, some of which is outside: through a
// copy with zeros. At most kBlockRows rows and 2 * kBlockRows of depth.
inline void BandEdge(const Band& band, int64_t m, int64_t rows, int64_t k_begin, int64_t k_end,
                     int64_t panels, const float* b, int64_t panel_stride, float* c,
                     int64_t c_row) {
  if (k_begin >= k_end) return;
  float edge[2 * kBlockRows * kBlockRows];
  for (int64_t k = k_begin; k < k_end; ++k) {
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t j = m + r + k - band.origin;
      const bool inside = j >= 0 && j < band.frames;
      edge[(k - k_begin) * kBlockRows + r] =
          inside ? band.values[(m + r) * band.m_step + k * band.k_step - band.origin] : 0.0f;
    }
  }
  BlockProduct(rows, panels, k_end - k_begin, edge, 1, kBlockRows, b, panel_stride, c, c_row);
}

// C[rows, panels * kPanel] += A[m_begin .. m_begin + rows, k_begin .. k_end] * B, with A a band and
// the rows of B's panels starting at k_begin.
inline void BandProduct(const Band& band, int64_t m_begin, int64_t rows, int64_t k_begin,
                        int64_t k_end, int64_t panels, const float* b, int64_t panel_stride,
                        float* c, int64_t c_row) {
  for (int64_t r = 0; r < rows; r += kBlockRows) {
    const int64_t count = std::min(kBlockRows, rows - r);
    const int64_t m = m_begin + r;
    const int64_t last = m + count - 1;
    // Where some row is inside the band, and where all are.
    const int64_t some_begin = std::max(k_begin, band.origin - last);
    const int64_t some_end = std::min(k_end, band.origin - m + band.frames);
    const int64_t all_begin = std::max(k_begin, band.origin - m);
    const int64_t all_end = std::min(k_end, band.origin - last + band.frames);
    float* c_rows = c + r * c_row;
    const auto b_at = [&](int64_t k) { return b + (k - k_begin) * kPanel; };
    if (some_begin >= some_end) continue;
    if (all_begin >= all_end) {
      BandEdge(band, m, count, some_begin, some_end, panels, b_at(some_begin), panel_stride, c_rows,
               c_row);
      continue;
    }
    BandEdge(band, m, count, some_begin, all_begin, panels, b_at(some_begin), panel_stride, c_rows,
             c_row);
    BlockProduct(count, panels, all_end - all_begin,
                 band.values + (m * band.m_step + all_begin * band.k_step - band.origin),
                 band.m_step, band.k_step, b_at(all_begin), panel_stride, c_rows, c_row);
    BandEdge(band, m, count, all_end, some_end, panels, b_at(all_end), panel_stride, c_rows, c_row);
  }
}

// Writes the first `columns` of each row of a padded tile to where they belong.
inline void StoreTile(const float* tile, int64_t tile_stride, int64_t rows, int64_t columns,
                      float* out, int64_t out_stride) {
  for (int64_t r = 0; r < rows; ++r) {
    std::copy_n(tile + r * tile_stride, columns, out + r * out_stride);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace masr
HWY_AFTER_NAMESPACE();

#endif  // MOBILEASR_KERNELS_SIMD_STRIDED_BLOCK_INL_H_
