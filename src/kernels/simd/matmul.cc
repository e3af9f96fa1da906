#include "kernels/matmul.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
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
#include "kernels/simd/amx.h"
#include "kernels/simd/matmul_operands-inl.h"

#ifndef MOBILEASR_KERNELS_SIMD_MATMUL_CC_
#define MOBILEASR_KERNELS_SIMD_MATMUL_CC_
namespace masr {

// The sum over k is cut into blocks of at most this many: deep enough that C is seldom read back.
constexpr int64_t kMaxDepth = 512;

// A pass packs as much of k as leaves room for this many columns of B.
constexpr int64_t kPassColumns = 256;

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
  const ActivationGradient* through;  // or null
};

// Of packing one element of an operand, in multiply-adds of a vector.
struct PackCosts {
  double left;
  double right;
};

// C cut into tasks of `rows` x `columns`, the last ones smaller.
struct Grid {
  int64_t rows;
  int64_t columns;
  int64_t row_tasks;
  int64_t column_tasks;
};

// The part of k that one pass over C sums up, in blocks of `block_depth`, the last one smaller.
struct Pass {
  int64_t begin;
  int64_t end;
  int64_t block_depth;
  bool first;
  bool last;
};

}  // namespace masr
#endif  // MOBILEASR_KERNELS_SIMD_MATMUL_CC_

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {

// A thread's scratch: which columns of B are packed in it, a strip of A, room to turn one, and the
// columns, which stay for the thread's next task of the same columns.
template <class Tiles>
struct Scratch {
  using Element = typename Tiles::Element;
  static constexpr int64_t kStrip = Tiles::StripSize(kMaxDepth);
  static constexpr int64_t kTurn = std::max(kStrip, Tiles::PanelSize(kMaxDepth));
  static constexpr int64_t kLine = 64;
  static constexpr int64_t kCapacity =
      (static_cast<int64_t>(ThreadPool::kScratchFloats * sizeof(float)) - kLine) /
          static_cast<int64_t>(sizeof(Element)) -
      kStrip - kTurn;
  static_assert(kCapacity >= Tiles::PanelSize(kMaxDepth) * kPassColumns / Tiles::kTileColumns);

  explicit Scratch(std::span<float> scratch)
      : packed(reinterpret_cast<int64_t*>(scratch.data())),
        strip(reinterpret_cast<Element*>(scratch.data() + kLine / sizeof(float))),
        turn(strip + kStrip),
        columns(turn + kTurn) {}

  int64_t* packed;  // the first of the columns, or -1
  Element* strip;
  Element* turn;
  Element* columns;
};

// Elements of a packed panel of B, all blocks of a pass.
template <class Tiles>
int64_t PassPanelSize(const Pass& pass) {
  const int64_t depth = pass.end - pass.begin;
  return depth / pass.block_depth * Tiles::PanelSize(pass.block_depth) +
         Tiles::PanelSize(depth % pass.block_depth);
}

// The cut with the least estimated time among those with enough tasks for the threads.
template <class Tiles>
Grid CutIntoTasks(const ProductShape& shape, const Pass& pass, const PackCosts& costs,
                  int64_t threads) {
  const int64_t work = shape.m * shape.n * (pass.end - pass.begin);
  const int64_t strips = DivideRoundUp(shape.m, Tiles::kTileRows);
  const int64_t panels = DivideRoundUp(shape.n, Tiles::kTileColumns);
  const int64_t room = Scratch<Tiles>::kCapacity / std::max<int64_t>(1, PassPanelSize<Tiles>(pass));
  const int64_t fewest_columns = DivideRoundUp(panels, std::min(room, panels));
  // Several each: a thread held up by other work on the device then leaves little to wait for.
  const int64_t wanted = threads == 1 || work < kMinParallelWork
                             ? 1
                             : std::clamp<int64_t>(work / kMinTaskWork, threads, 4 * threads);
  Grid best{};
  double best_time = std::numeric_limits<double>::infinity();
  const auto consider = [&](int64_t row_tasks, int64_t column_tasks) {
    // Whole strips, or even parts where there are few: 13 rows as 7 + 6 rather than 12 + 1.
    const int64_t rows = strips < 4 * row_tasks
                             ? DivideRoundUp(shape.m, std::min(row_tasks, strips))
                             : DivideRoundUp(strips, row_tasks) * Tiles::kTileRows;
    const int64_t columns = DivideRoundUp(panels, column_tasks) * Tiles::kTileColumns;
    const Grid grid{rows, columns, DivideRoundUp(shape.m, rows), DivideRoundUp(shape.n, columns)};
    const auto r = static_cast<double>(rows);
    const auto c = static_cast<double>(std::min(columns, shape.n));
    const int64_t rounds = DivideRoundUp(grid.row_tasks * grid.column_tasks, threads);
    const auto tasks = static_cast<double>(rounds);
    const auto packings = static_cast<double>(std::min(grid.column_tasks, rounds));
    const double time = (r * c / kLanes + costs.left * r) * tasks + costs.right * c * packings;
    if (time < best_time) {
      best_time = time;
      best = grid;
    }
  };
  for (int64_t column_tasks = fewest_columns;
       column_tasks <= std::max(fewest_columns, std::min(wanted, panels)); ++column_tasks) {
    // Some more than wanted: a number that leaves no last round for a few.
    const int64_t row_tasks = DivideRoundUp(wanted, column_tasks);
    for (int64_t more = 0; more < 2 * threads && row_tasks + more <= strips; ++more) {
      consider(row_tasks + more, column_tasks);
    }
    if (row_tasks > strips) consider(strips, column_tasks);
  }
  return best;
}

// One pass over C[i0..i1, j0..j1], by one thread.
template <class Tiles, class Left, class Right>
void ProductTask(const Pass& pass, const Left& left, const Right& right,
                 const ProductOutput& output, int64_t i0, int64_t i1, int64_t j0, int64_t j1,
                 const Scratch<Tiles>& scratch) {
  const int64_t panels = DivideRoundUp(j1 - j0, Tiles::kTileColumns);
  const int64_t strip_rows = DivideRoundUp(i1 - i0, DivideRoundUp(i1 - i0, Tiles::kTileRows));
  const bool pack = *scratch.packed != j0;
  *scratch.packed = j0;
  typename Tiles::Element* block = scratch.columns;
  for (int64_t k = pass.begin; k < pass.end || k == pass.begin; k += pass.block_depth) {
    const int64_t depth = std::min(pass.block_depth, pass.end - k);
    const int64_t panel_size = Tiles::PanelSize(depth);
    const bool first = pass.first && k == pass.begin;
    const bool last = pass.last && k + depth == pass.end;
    for (int64_t i = i0; i < i1; i += strip_rows) {
      const int64_t rows = std::min(strip_rows, i1 - i);
      left.Pack(i, rows, k, depth, scratch.turn, scratch.strip);
      typename Tiles::Element* panel = block;
      for (int64_t j = j0; j < j1; j += Tiles::kTileColumns, panel += panel_size) {
        const int64_t columns = std::min(Tiles::kTileColumns, j1 - j);
        // Just before its first use: with a single strip it is then read from the nearest cache.
        if (pack && i == i0) right.Pack(j, columns, k, depth, scratch.turn, panel);
        const float* bias = output.bias == nullptr || !first ? nullptr : output.bias + j;
        Tiles::Tile(rows, columns, depth, scratch.strip, panel, bias, output.accumulate || !first,
                    output.c + i * output.stride + j, output.stride);
      }
      if (output.through == nullptr || !last) continue;
      const auto [f, x, x_stride] = *output.through;
      for (int64_t r = i; r < i + rows; ++r) {
        float* c = output.c + r * output.stride + j0;
        ActivationGradientRange(f, static_cast<size_t>(j1 - j0), x + r * x_stride + j0, c, c);
      }
    }
    block += panels * panel_size;
  }
}

template <class Tiles, class Left, class Right>
void ProductPass(const KernelContext& context, const ProductShape& shape, const Pass& pass,
                 const Left& left, const Right& right, const ProductOutput& output) {
  const ThreadPool& threads = context.threads;
  const auto cost = [](bool activated) {
    return Tiles::kPackCost + (activated ? Tiles::kActivationCost : 0.0);
  };
  const Grid grid = CutIntoTasks<Tiles>(
      shape, pass, {cost(left.f.has_value()), cost(right.f.has_value())}, threads.threads());
  for (int t = 0; t < threads.threads(); ++t) *Scratch<Tiles>(threads.Scratch(t)).packed = -1;
  const auto tasks = static_cast<size_t>(grid.row_tasks * grid.column_tasks);
  threads.ParallelFor(tasks, [&](size_t task, int thread) {
    // Tasks of the same columns follow each other, so that a thread packs them once.
    const int64_t i0 = static_cast<int64_t>(task) % grid.row_tasks * grid.rows;
    const int64_t j0 = static_cast<int64_t>(task) / grid.row_tasks * grid.columns;
    const typename Tiles::Registers registers;
    ProductTask<Tiles>(pass, left, right, output, i0, std::min(i0 + grid.rows, shape.m), j0,
                       std::min(j0 + grid.columns, shape.n),
                       Scratch<Tiles>(threads.Scratch(thread)));
  });
}

template <class Tiles, class Left, class Right>
void ProductOf(const KernelContext& context, const ProductShape& shape, const Left& left,
               const Right& right, const ProductOutput& output) {
  if (shape.m == 0 || shape.n == 0) return;
  // A depth per block that depends on k alone: rows and columns get the same sums in any task.
  const int64_t blocks = std::max<int64_t>(1, DivideRoundUp(shape.k, kMaxDepth));
  const int64_t block_depth =
      std::max<int64_t>(8, DivideRoundUp(DivideRoundUp(shape.k, blocks), 8) * 8);
  const int64_t panels = DivideRoundUp(std::min(shape.n, kPassColumns), Tiles::kTileColumns);
  const int64_t pass_depth =
      block_depth * (Scratch<Tiles>::kCapacity / (panels * Tiles::PanelSize(block_depth)));
  int64_t k = 0;
  do {
    const int64_t end = std::min(k + pass_depth, shape.k);
    const Pass pass{k, end, block_depth, k == 0, end == shape.k};
    ProductPass<Tiles>(context, shape, pass, left, right, output);
    k = end;
  } while (k < shape.k);
}

template <class Left, class Right>
void Product(const KernelContext& context, const ProductShape& shape, const Left& left,
             const Right& right, const ProductOutput& output) {
#if MASR_BF16_TILES
  constexpr bool kFloats = std::is_same_v<decltype(right.data), const float*>;
  if constexpr (kFloats) {
    if (context.precision == Precision::kBf16 && amx::Available()) {
      return ProductOf<Bf16Tiles>(context, shape, left, right, output);
    }
  }
#endif
  ProductOf<F32Tiles>(context, shape, left, right, output);
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
               std::optional<Activation> f_of_a, const WeightView& b, const ProductOutput& output) {
  ProductWithWeight<RightTransposed>(context, {m, b.rows, b.cols}, LeftRows{a, a_stride, f_of_a}, b,
                                     output);
}

void ProductNN(const KernelContext& context, int64_t m, const float* a, int64_t a_stride,
               const WeightView& b, const ProductOutput& output) {
  ProductWithWeight<RightStraight>(context, {m, b.cols, b.rows}, LeftRows{a, a_stride}, b, output);
}

void ProductTN(const KernelContext& context, const ProductShape& shape, const float* a,
               int64_t a_stride, const float* b, int64_t b_stride, std::optional<Activation> f_of_b,
               const ProductOutput& output) {
  Product(context, shape, LeftColumns{a, a_stride},
          RightStraight<float>{b, b_stride, nullptr, f_of_b}, output);
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
              const WeightView& b, const float* bias, float* c, int64_t c_stride, bool accumulate,
              std::optional<Activation> f_of_a) {
  MASR_DCHECK(bias == nullptr || !accumulate);
  HWY_DYNAMIC_DISPATCH(ProductNT)
  (context, m, a, a_stride, f_of_a, b, ProductOutput{c, c_stride, bias, accumulate, nullptr});
}

void MatmulNN(const KernelContext& context, int64_t m, const float* a, int64_t a_stride,
              const WeightView& b, float* c, int64_t c_stride, bool accumulate,
              const ActivationGradient* through) {
  HWY_DYNAMIC_DISPATCH(ProductNN)
  (context, m, a, a_stride, b, ProductOutput{c, c_stride, nullptr, accumulate, through});
}

void MatmulTN(const KernelContext& context, int64_t m, int64_t n, int64_t k, const float* a,
              int64_t a_stride, const float* b, int64_t b_stride, float* c, int64_t c_stride,
              bool accumulate, std::optional<Activation> f_of_b) {
  HWY_DYNAMIC_DISPATCH(ProductTN)
  (context, ProductShape{m, n, k}, a, a_stride, b, b_stride, f_of_b,
   ProductOutput{c, c_stride, nullptr, accumulate, nullptr});
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
