// Products over the shapes of the models, beside the CPU's peak. The counter `best_gflops` is from
// the fastest single call: other work on the machine disturbs it least.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/matmul.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/matmul_bench.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h: compiled once per target.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Ten chains, more than latency times units needs, from ten numbers (equal chains would be computed
// once). Returns the floating-point operations done.
double MultiplyAdd(int64_t rounds, float* numbers) {
  const hn::ScalableTag<float> d;
  const auto x = hn::Set(d, 0.5f);
  auto s0 = hn::Set(d, numbers[0]), s1 = hn::Set(d, numbers[1]), s2 = hn::Set(d, numbers[2]);
  auto s3 = hn::Set(d, numbers[3]), s4 = hn::Set(d, numbers[4]), s5 = hn::Set(d, numbers[5]);
  auto s6 = hn::Set(d, numbers[6]), s7 = hn::Set(d, numbers[7]), s8 = hn::Set(d, numbers[8]);
  auto s9 = hn::Set(d, numbers[9]);
  for (int64_t i = 0; i < rounds; ++i) {
    s0 = hn::MulAdd(s0, x, x);
    s1 = hn::MulAdd(s1, x, x);
    s2 = hn::MulAdd(s2, x, x);
    s3 = hn::MulAdd(s3, x, x);
    s4 = hn::MulAdd(s4, x, x);
    s5 = hn::MulAdd(s5, x, x);
    s6 = hn::MulAdd(s6, x, x);
    s7 = hn::MulAdd(s7, x, x);
    s8 = hn::MulAdd(s8, x, x);
    s9 = hn::MulAdd(s9, x, x);
  }
  const auto low = hn::Add(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), s4);
  const auto high = hn::Add(hn::Add(hn::Add(s5, s6), hn::Add(s7, s8)), s9);
  numbers[0] = hn::GetLane(hn::Add(low, high));
  return 2.0 * 10.0 * static_cast<double>(rounds) * static_cast<double>(hn::Lanes(d));
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace masr
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace masr {
namespace {

HWY_EXPORT(MultiplyAdd);

// Calls `run`, which returns the operations it did, once per iteration.
template <class Run>
void Measure(benchmark::State& state, const Run& run) {
  using Clock = std::chrono::steady_clock;
  double best_seconds_per_op = std::numeric_limits<double>::infinity();
  for (auto _ : state) {
    const auto start = Clock::now();
    const double operations = run();
    const std::chrono::duration<double> time = Clock::now() - start;
    best_seconds_per_op = std::min(best_seconds_per_op, time.count() / operations);
  }
  state.counters["best_gflops"] = 1e-9 / best_seconds_per_op;
}

void BM_Peak(benchmark::State& state) {
  const int threads = static_cast<int>(state.range(0));
  const ThreadPool pool(threads);
  Measure(state, [&] {
    std::vector<double> operations(threads);
    pool.ParallelFor(operations.size(), [&](size_t task, int) {
      float numbers[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
      operations[task] = HWY_DYNAMIC_DISPATCH(MultiplyAdd)(200000, numbers);
      benchmark::DoNotOptimize(numbers);
    });
    return operations[0] * threads;
  });
}
BENCHMARK(BM_Peak)->Arg(1)->Arg(2)->UseRealTime();

enum Kind { kNT, kNN, kTN };

template <Kind kKind, WeightType kType>
void BM_Matmul(benchmark::State& state) {
  const int64_t m = state.range(0), n = state.range(1), k = state.range(2);
  const ThreadPool pool(static_cast<int>(state.range(3)));
  const KernelContext context{pool};
  const std::vector<float> a(m * k, 0.5f);
  const std::vector<float> b(n * k, 0.25f);  // as bf16 and int8, other harmless numbers
  const std::vector<float> scales(std::max(n, k), 1.0f);
  std::vector<float> c(m * n);
  const int64_t rows = kKind == kNT ? n : k;
  const int64_t cols = kKind == kNT ? k : n;
  const WeightView weight{b.data(), kType, scales.data(), rows, cols, cols};
  Measure(state, [&] {
    if (kKind == kNT) MatmulNT(context, m, a.data(), k, weight, nullptr, c.data(), n);
    if (kKind == kNN) MatmulNN(context, m, a.data(), k, weight, c.data(), n);
    if (kKind == kTN) MatmulTN(context, m, n, k, a.data(), m, b.data(), n, c.data(), n);
    benchmark::DoNotOptimize(c.data());
    return 2.0 * static_cast<double>(m * n * k);
  });
}

void Forward(benchmark::internal::Benchmark* b) {
  const std::vector<int64_t> widths = {144, 176, 256, 512, 704, 1024, 2048};
  b->ArgNames({"m", "n", "k", "threads"})->UseRealTime()->MinTime(0.05);
  b->ArgsProduct({{64, 200, 800}, widths, widths, {1, 2}});
}
BENCHMARK(BM_Matmul<kNT, WeightType::kF32>)->Apply(Forward);

void Other(benchmark::internal::Benchmark* b) {
  const std::vector<int64_t> widths = {176, 512, 1024};
  b->ArgNames({"m", "n", "k", "threads"})->UseRealTime()->MinTime(0.05);
  b->ArgsProduct({{1, 4, 64, 200, 800}, widths, widths, {1, 2}});
}
BENCHMARK(BM_Matmul<kNT, WeightType::kBf16>)->Apply(Other);
BENCHMARK(BM_Matmul<kNT, WeightType::kInt8>)->Apply(Other);
BENCHMARK(BM_Matmul<kNN, WeightType::kF32>)->Apply(Other);

// k counts frames here.
void WeightGradient(benchmark::internal::Benchmark* b) {
  b->ArgNames({"m", "n", "k", "threads"})->UseRealTime()->MinTime(0.05);
  b->ArgsProduct({{176, 512, 1024}, {176, 512, 1024}, {100, 200, 800, 3200}, {1, 2}});
}
BENCHMARK(BM_Matmul<kTN, WeightType::kF32>)->Apply(WeightGradient);

void BM_AddColumnSums(benchmark::State& state) {
  const int64_t m = state.range(0), n = state.range(1);
  const ThreadPool pool(static_cast<int>(state.range(2)));
  const std::vector<float> dy(m * n, 0.5f);
  std::vector<float> db(n);
  Measure(state, [&] {
    AddColumnSums(KernelContext{pool}, m, n, dy.data(), db.data());
    benchmark::DoNotOptimize(db.data());
    return static_cast<double>(m * n);
  });
}
BENCHMARK(BM_AddColumnSums)
    ->ArgNames({"m", "n", "threads"})
    ->ArgsProduct({{200, 800}, {176, 1024}, {1, 2}});

}  // namespace
}  // namespace masr
#endif  // HWY_ONCE
