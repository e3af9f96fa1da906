#include "kernels/matmul.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>

#include "base/check.h"
#include "kernels/parallel.h"

// Tiles are arrays of vectors, which scalable vector types do not allow; such CPUs also have NEON.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE_256 | HWY_SVE2 | HWY_SVE2_128 | HWY_RVV)
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/matmul.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h: these are compiled once per target.
#include "hwy/highway.h"
#include "kernels/simd/matmul_kernel-inl.h"
#include "kernels/simd/pack-inl.h"

#ifndef MOBILEASR_KERNELS_SIMD_MATMUL_CC_
#define MOBILEASR_KERNELS_SIMD_MATMUL_CC_
namespace masr {

// The sum over k is cut into blocks of at most this many: deep enough that C is seldom read back.
constexpr int64_t kMaxDepth = 512;

// Columns of B packed at a time: 512 KiB at most, half of the second-level cache of a big core.
constexpr int64_t kMaxChunkColumns = 256;

// Below this many multiply-adds, waking another thread costs more than it saves.
constexpr int64_t kMinParallelWork = 64 * 1024;

// Below this many multiply-adds per task, handing out tasks and packing shows.
constexpr int64_t kMinTaskWork = 1024 * 1024;

struct ProductShape {
  int64_t m;
  int64_t n;
  int64_t k;
};

// Where the product goes, and what it is added to.
struct ProductOutput {
  float* c;  // [m, n]
  int64_t stride;
  const float* bias;  // [n] or null
  bool accumulate;
};

// C cut into tasks of `rows` x `columns`, the last ones smaller.
struct Grid {
  int64_t rows;
  int64_t columns;
  int64_t row_tasks;
  int64_t column_tasks;
};

}  // namespace masr
#endif  // MOBILEASR_KERNELS_SIMD_MATMUL_CC_

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {

// The operands, as what packs a part of them. A strip of A is [depth, kStripStride], a panel of B
// is [depth, kTileColumns]; i, j, k are the first row, column and term.

struct LeftRows {  // A[m, k]
  const float* data;
  int64_t stride;
  void Pack(int64_t i, int64_t rows, int64_t k, int64_t depth, float* out) const {
    PackTransposed(data + i * stride + k, stride, rows, depth, nullptr, out, kStripStride);
  }
};

struct LeftColumns {  // A[k, m]
  const float* data;
  int64_t stride;
  void Pack(int64_t i, int64_t rows, int64_t k, int64_t depth, float* out) const {
    PackRows(hn::CappedTag<float, 4>(), data + k * stride + i, stride, rows, depth, nullptr, out,
             kStripStride);
  }
};

template <class T>
struct RightTransposed {  // B[n, k]
  const T* data;
  int64_t stride;
  const float* scales;
  void Pack(int64_t j, int64_t columns, int64_t k, int64_t depth, float* out) const {
    PackTransposed(data + j * stride + k, stride, columns, depth,
                   std::is_same_v<T, int8_t> ? scales + j : nullptr, out, kTileColumns);
  }
};

template <class T>
struct RightStraight {  // B[k, n]
  const T* data;
  int64_t stride;
  const float* scales;
  void Pack(int64_t j, int64_t columns, int64_t k, int64_t depth, float* out) const {
    PackRows(Floats(), data + k * stride + j, stride, columns, depth,
             std::is_same_v<T, int8_t> ? scales + k : nullptr, out, kTileColumns);
  }
};

// The cut with the least estimated time among those with enough tasks for the threads.
inline Grid CutIntoTasks(const ProductShape& shape, int64_t threads) {
  // Packing an element of B or A, in multiply-adds of a vector.
  constexpr double kPackCost = 0.25;
  const int64_t work = shape.m * shape.n * shape.k;
  Grid best{shape.m, shape.n, 1, 1};
  if (threads == 1 || work < kMinParallelWork) return best;

  const int64_t strips = DivideRoundUp(shape.m, kTileRows);
  const int64_t panels = DivideRoundUp(shape.n, kTileColumns);
  // Four each: a thread held up by other work on the device then leaves little to wait for.
  const int64_t wanted = std::clamp<int64_t>(work / kMinTaskWork, threads, 4 * threads);
  double best_time = std::numeric_limits<double>::infinity();
  const auto consider = [&](int64_t row_tasks, int64_t column_tasks) {
    const int64_t rows = DivideRoundUp(shape.m, std::min(row_tasks, strips));
    const int64_t columns = DivideRoundUp(panels, column_tasks) * kTileColumns;
    const Grid grid{rows, columns, DivideRoundUp(shape.m, rows), DivideRoundUp(shape.n, columns)};
    const auto r = static_cast<double>(rows);
    const auto c = static_cast<double>(std::min(columns, shape.n));
    const int64_t rounds = DivideRoundUp(grid.row_tasks * grid.column_tasks, threads);
    const double time = (r * c / kLanes + kPackCost * (r + c)) * static_cast<double>(rounds);
    if (time < best_time) {
      best_time = time;
      best = grid;
    }
  };
  for (int64_t column_tasks = 1; column_tasks <= std::min(wanted, panels); ++column_tasks) {
    const int64_t row_tasks = DivideRoundUp(wanted, column_tasks);
    consider(row_tasks, column_tasks);
    consider(DivideRoundUp(row_tasks, threads) * threads, column_tasks);  // no last round for a few
  }
  return best;
}

// C[i0..i1, j0..j1], by one thread.
template <class Left, class Right>
void ProductTask(const ProductShape& shape, const Left& left, const Right& right,
                 const ProductOutput& output, int64_t i0, int64_t i1, int64_t j0, int64_t j1,
                 std::span<float> scratch) {
  static_assert((kMaxChunkColumns + kStripStride) * kMaxDepth <= ThreadPool::kScratchFloats);
  static_assert(kMaxChunkColumns % kTileColumns == 0);
  float* strip = scratch.data();
  float* chunk = strip + kStripStride * kMaxDepth;
  // A depth per block that depends on k alone: rows and columns get the same sums in any task.
  const int64_t blocks = std::max<int64_t>(1, DivideRoundUp(shape.k, kMaxDepth));
  const int64_t max_depth = DivideRoundUp(DivideRoundUp(shape.k, blocks), 8) * 8;
  // Even strips: 13 rows as 7 + 6 rather than 12 + 1.
  const int64_t strip_rows = DivideRoundUp(i1 - i0, DivideRoundUp(i1 - i0, kTileRows));
  // Panels that are used once are best used while they are in the first-level cache.
  const int64_t chunk_columns = i1 - i0 <= kTileRows ? kTileColumns : kMaxChunkColumns;

  for (int64_t jc = j0; jc < j1; jc += chunk_columns) {
    const int64_t jc_end = std::min(jc + chunk_columns, j1);
    for (int64_t block = 0; block < blocks; ++block) {
      const int64_t k = block * max_depth;
      const int64_t depth = std::min(max_depth, shape.k - k);
      const bool add = output.accumulate || block > 0;
      for (int64_t j = jc; j < jc_end; j += kTileColumns) {
        right.Pack(j, std::min(kTileColumns, jc_end - j), k, depth, chunk + (j - jc) * depth);
      }
      for (int64_t i = i0; i < i1; i += strip_rows) {
        const int64_t rows = std::min(strip_rows, i1 - i);
        left.Pack(i, rows, k, depth, strip);
        for (int64_t j = jc; j < jc_end; j += kTileColumns) {
          const float* bias = output.bias == nullptr || block > 0 ? nullptr : output.bias + j;
          AnyTile(rows, std::min(kTileColumns, jc_end - j), depth, strip, chunk + (j - jc) * depth,
                  bias, add, output.c + i * output.stride + j, output.stride);
        }
      }
    }
  }
}

template <class Left, class Right>
void Product(const KernelContext& context, const ProductShape& shape, const Left& left,
             const Right& right, const ProductOutput& output) {
  if (shape.m == 0 || shape.n == 0) return;
  const ThreadPool& threads = context.threads;
  const Grid grid = CutIntoTasks(shape, threads.threads());
  const auto tasks = static_cast<size_t>(grid.row_tasks * grid.column_tasks);
  threads.ParallelFor(tasks, [&](size_t task, int thread) {
    // Tasks of the same columns follow each other, so that threads share what they read of B.
    const int64_t i0 = static_cast<int64_t>(task) % grid.row_tasks * grid.rows;
    const int64_t j0 = static_cast<int64_t>(task) / grid.row_tasks * grid.columns;
    ProductTask(shape, left, right, output, i0, std::min(i0 + grid.rows, shape.m), j0,
                std::min(j0 + grid.columns, shape.n), threads.Scratch(thread));
  });
}

template <template <class> class Right, class Left>
void ProductWithWeight(const KernelContext& context, const ProductShape& shape, const Left& left,
                       const WeightView& b, const ProductOutput& output) {
  switch (b.type) {
    case WeightType::kF32: {
      const Right<float> right{static_cast<const float*>(b.data), b.stride, nullptr};
      return Product(context, shape, left, right, output);
    }
    case WeightType::kBf16: {
      const Right<uint16_t> right{static_cast<const uint16_t*>(b.data), b.stride, nullptr};
      return Product(context, shape, left, right, output);
    }
    case WeightType::kInt8: {
      const Right<int8_t> right{static_cast<const int8_t*>(b.data), b.stride, b.scales};
      return Product(context, shape, left, right, output);
    }
  }
}

void ProductNT(const KernelContext& context, int64_t m, const float* a, int64_t a_stride,
               const WeightView& b, const ProductOutput& output) {
  ProductWithWeight<RightTransposed>(context, {m, b.rows, b.cols}, LeftRows{a, a_stride}, b,
                                     output);
}

void ProductNN(const KernelContext& context, int64_t m, const float* a, int64_t a_stride,
               const WeightView& b, const ProductOutput& output) {
  ProductWithWeight<RightStraight>(context, {m, b.cols, b.rows}, LeftRows{a, a_stride}, b, output);
}

void ProductTN(const KernelContext& context, const ProductShape& shape, const float* a,
               int64_t a_stride, const float* b, int64_t b_stride, const ProductOutput& output) {
  Product(context, shape, LeftColumns{a, a_stride}, RightStraight<float>{b, b_stride, nullptr},
          output);
}

// Columns j0..j1 of AddColumnSums.
void SumColumns(int64_t m, int64_t n, const float* HWY_RESTRICT dy, int64_t j0, int64_t j1,
                float* HWY_RESTRICT db) {
  const Floats d;
  int64_t j = j0;
  for (; j + 2 * kLanes <= j1; j += 2 * kLanes) {
    auto sum0 = hn::Zero(d);
    auto sum1 = hn::Zero(d);
    for (int64_t i = 0; i < m; ++i) {
      sum0 = hn::Add(sum0, hn::LoadU(d, dy + i * n + j));
      sum1 = hn::Add(sum1, hn::LoadU(d, dy + i * n + j + kLanes));
    }
    hn::StoreU(hn::Add(hn::LoadU(d, db + j), sum0), d, db + j);
    hn::StoreU(hn::Add(hn::LoadU(d, db + j + kLanes), sum1), d, db + j + kLanes);
  }
  for (; j + kLanes <= j1; j += kLanes) {
    auto sum = hn::Zero(d);
    for (int64_t i = 0; i < m; ++i) sum = hn::Add(sum, hn::LoadU(d, dy + i * n + j));
    hn::StoreU(hn::Add(hn::LoadU(d, db + j), sum), d, db + j);
  }
  for (; j < j1; ++j) {
    float sum = 0.0f;
    for (int64_t i = 0; i < m; ++i) sum += dy[i * n + j];
    db[j] += sum;
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace masr
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace masr {
namespace {

HWY_EXPORT(ProductNT);
HWY_EXPORT(ProductNN);
HWY_EXPORT(ProductTN);
HWY_EXPORT(SumColumns);

}  // namespace

void MatmulNT(const KernelContext& context, int64_t m, const float* a, int64_t a_stride,
              const WeightView& b, const float* bias, float* c, int64_t c_stride, bool accumulate) {
  MASR_DCHECK(bias == nullptr || !accumulate);
  HWY_DYNAMIC_DISPATCH(ProductNT)
  (context, m, a, a_stride, b, ProductOutput{c, c_stride, bias, accumulate});
}

void MatmulNN(const KernelContext& context, int64_t m, const float* a, int64_t a_stride,
              const WeightView& b, float* c, int64_t c_stride, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(ProductNN)
  (context, m, a, a_stride, b, ProductOutput{c, c_stride, nullptr, accumulate});
}

void MatmulTN(const KernelContext& context, int64_t m, int64_t n, int64_t k, const float* a,
              int64_t a_stride, const float* b, int64_t b_stride, float* c, int64_t c_stride,
              bool accumulate) {
  HWY_DYNAMIC_DISPATCH(ProductTN)
  (context, ProductShape{m, n, k}, a, a_stride, b, b_stride,
   ProductOutput{c, c_stride, nullptr, accumulate});
}

void AddColumnSums(const KernelContext& context, int64_t m, int64_t n, const float* dy, float* db) {
  // A multiple of every target's vectors, and of a cache line.
  constexpr int64_t kTaskColumns = 64;
  const int64_t columns = m * n < kMinParallelWork ? n : kTaskColumns;
  if (n == 0) return;
  context.threads.ParallelFor(
      static_cast<size_t>(DivideRoundUp(n, columns)), [&](size_t task, int) {
        const int64_t j0 = static_cast<int64_t>(task) * columns;
        HWY_DYNAMIC_DISPATCH(SumColumns)(m, n, dy, j0, std::min(j0 + columns, n), db);
      });
}

}  // namespace masr
#endif  // HWY_ONCE
