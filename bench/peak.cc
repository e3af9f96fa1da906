// What this machine can do: multiply-adds per second for each instruction set, and products of the
// Conformer's shapes, ours beside OpenBLAS's. One JSON line each.
//
//   peak [--products]     OPENBLAS_CORETYPE chooses OpenBLAS's kernels.
//
// Every figure is from the fastest of many short runs: other work on the machine disturbs it least.
#include <cblas.h>
#include <dnnl.h>
#include <omp.h>
#include <openblas_config.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <limits>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/matmul.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "peak.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h: compiled once per target.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace masr_bench {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Ten chains, more than latency times units needs, from ten numbers (equal chains would be computed
// once). Returns the floating-point operations done.
double MultiplyAdds(int64_t rounds, float* numbers) {
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
}  // namespace masr_bench
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace masr_bench {
namespace {

HWY_EXPORT(MultiplyAdds);

// Seconds of the fastest call within a fifth of a second, and of at least five.
template <class Run>
double BestSeconds(const Run& run) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  double best = std::numeric_limits<double>::infinity();
  for (int calls = 0; calls < 5 || Clock::now() - start < std::chrono::milliseconds(200); ++calls) {
    const auto begin = Clock::now();
    run();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count());
  }
  return best;
}

void PrintPeak(int threads) {
  const masr::ThreadPool pool(threads);
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    std::vector<double> operations(static_cast<size_t>(threads));
    const double seconds = BestSeconds([&] {
      pool.ParallelFor(operations.size(), [&](size_t task, int) {
        float numbers[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
        operations[task] = HWY_DYNAMIC_DISPATCH(MultiplyAdds)(200000, numbers);
        volatile float keep = numbers[0];
        static_cast<void>(keep);
      });
    });
    std::printf(R"({"kind": "peak", "target": "%s", "threads": %d, "gflops": %.1f})"
                "\n",
                hwy::TargetName(target), threads, threads * operations[0] / seconds * 1e-9);
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
}

struct Shape {
  int64_t frames;
  int64_t out;
  int64_t in;
};

// Frames of one and of four utterances of 8 s; outputs and inputs of the linear layers, then the
// second convolution of the subsampling.
std::vector<Shape> ConformerShapes() {
  std::vector<Shape> shapes;
  for (int64_t frames : {200, 800}) {
    for (const auto& [out, in] : {std::pair{704, 176},
                                  {176, 704},
                                  {528, 176},
                                  {176, 176},
                                  {352, 176},
                                  {1024, 176},
                                  {176, 3520}}) {
      shapes.push_back({frames, out, in});
    }
    shapes.push_back({20 * frames, 176, 9 * 176});
  }
  return shapes;
}

// Seconds of one product by each library.
struct ProductSeconds {
  double ours;
  double openblas;
  double onednn;
};

void PrintProduct(const char* form, const Shape& shape, int threads,
                  const ProductSeconds& seconds) {
  const double gflop = 2e-9 * static_cast<double>(shape.frames * shape.out * shape.in);
  std::printf(
      R"({"kind": "product", "form": "%s", "frames": %ld, "out": %ld, "in": %ld, )"
      R"("threads": %d, "ours_gflops": %.1f, "openblas_gflops": %.1f, "onednn_gflops": %.1f})"
      "\n",
      form, static_cast<long>(shape.frames), static_cast<long>(shape.out),
      static_cast<long>(shape.in), threads, gflop / seconds.ours, gflop / seconds.openblas,
      gflop / seconds.onednn);
}

void PrintProducts(int threads) {
  const masr::ThreadPool pool(threads);
  const masr::KernelContext context{pool};
  openblas_set_num_threads(threads);
  omp_set_num_threads(threads);  // oneDNN's
  for (const Shape& shape : ConformerShapes()) {
    const int64_t m = shape.frames, n = shape.out, k = shape.in;
    const auto bm = static_cast<blasint>(m);
    const auto bn = static_cast<blasint>(n);
    const auto bk = static_cast<blasint>(k);
    std::vector<float> x(static_cast<size_t>(m * k), 0.5f);
    std::vector<float> w(static_cast<size_t>(n * k), 0.25f);
    std::vector<float> y(static_cast<size_t>(m * n), 0.125f);
    const masr::WeightView weight = masr::F32Weight(w.data(), n, k);
    const auto onednn = [&](char transpose_a, char transpose_b, int64_t rows, int64_t columns,
                            int64_t depth, const float* a, int64_t a_stride, const float* b,
                            int64_t b_stride, float* c) {
      dnnl_sgemm(transpose_a, transpose_b, rows, columns, depth, 1, a, a_stride, b, b_stride, 0, c,
                 columns);
    };
    // y = x W^T
    PrintProduct(
        "NT", shape, threads,
        {BestSeconds(
             [&] { masr::MatmulNT(context, m, x.data(), k, weight, nullptr, y.data(), n); }),
         BestSeconds([&] {
           cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, bm, bn, bk, 1, x.data(), bk,
                       w.data(), bk, 0, y.data(), bn);
         }),
         BestSeconds([&] { onednn('N', 'T', m, n, k, x.data(), k, w.data(), k, y.data()); })});
    // dx = dy W
    PrintProduct(
        "NN", shape, threads,
        {BestSeconds([&] { masr::MatmulNN(context, m, y.data(), n, weight, x.data(), k); }),
         BestSeconds([&] {
           cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, bm, bk, bn, 1, y.data(), bn,
                       w.data(), bk, 0, x.data(), bk);
         }),
         BestSeconds([&] { onednn('N', 'N', m, k, n, y.data(), n, w.data(), k, x.data()); })});
    // dW = dy^T x
    PrintProduct(
        "TN", shape, threads,
        {BestSeconds(
             [&] { masr::MatmulTN(context, n, k, m, y.data(), n, x.data(), k, w.data(), k); }),
         BestSeconds([&] {
           cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, bn, bk, bm, 1, y.data(), bn,
                       x.data(), bk, 0, w.data(), bk);
         }),
         BestSeconds([&] { onednn('T', 'N', n, k, m, y.data(), n, x.data(), k, w.data()); })});
  }
}

}  // namespace
}  // namespace masr_bench

int main(int argc, char** argv) {
  for (int threads : {1, 2}) {
    masr_bench::PrintPeak(threads);
    if (argc > 1 && std::strcmp(argv[1], "--products") == 0) masr_bench::PrintProducts(threads);
  }
}
#endif  // HWY_ONCE
