// Depthwise convolution over time at the sizes of QuartzNet and the Conformer, on one thread.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "base/rng.h"
#include "base/thread_pool.h"
#include "kernels/conv1d.h"

namespace masr {
namespace {

constexpr int64_t kFrames = 1000;

struct Problem {
  explicit Problem(const benchmark::State& state)
      : channels(state.range(0)),
        shape{.kernel = state.range(1),
              .stride = state.range(2),
              .padding = state.range(3) * (state.range(1) - 1) / 2,
              .dilation = state.range(3)},
        out_frames(ConvOutputLength(kFrames, shape)),
        x(Random(kFrames * channels)),
        w(Random(channels * shape.kernel)),
        dy(Random(out_frames * channels)),
        y(out_frames * channels),
        dx(kFrames * channels),
        dw(channels * shape.kernel) {}

  static std::vector<float> Random(int64_t size) {
    Rng rng(7);
    std::vector<float> values(size);
    for (float& v : values) v = static_cast<float>(rng.Normal());
    return values;
  }

  void CountFlops(benchmark::State& state) const {
    const double flops = 2.0 * static_cast<double>(out_frames * channels * shape.kernel);
    state.counters["flops"] =
        benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
  }

  ThreadPool threads{1};
  const KernelContext context{threads};
  int64_t channels;
  Conv1dShape shape;
  int64_t out_frames;
  std::vector<float> x, w, dy, y, dx, dw;
  const std::vector<int64_t> in_offsets{0, kFrames};
  const std::vector<int64_t> out_offsets{0, out_frames};
};

void Forward(benchmark::State& state) {
  Problem p(state);
  for (auto _ : state) {
    DepthwiseConv1dForward(p.context, p.in_offsets, p.out_offsets, p.channels, p.shape, p.x.data(),
                           p.w.data(), nullptr, p.y.data());
    benchmark::DoNotOptimize(p.y.data());
  }
  p.CountFlops(state);
}

void InputGradient(benchmark::State& state) {
  Problem p(state);
  for (auto _ : state) {
    DepthwiseConv1dBackward(p.context, p.in_offsets, p.out_offsets, p.channels, p.shape, p.x.data(),
                            p.w.data(), p.dy.data(), p.dx.data(), nullptr, nullptr);
    benchmark::DoNotOptimize(p.dx.data());
  }
  p.CountFlops(state);
}

void WeightGradient(benchmark::State& state) {
  Problem p(state);
  for (auto _ : state) {
    DepthwiseConv1dBackward(p.context, p.in_offsets, p.out_offsets, p.channels, p.shape, p.x.data(),
                            p.w.data(), p.dy.data(), nullptr, p.dw.data(), nullptr);
    benchmark::DoNotOptimize(p.dw.data());
  }
  p.CountFlops(state);
}

// Channels, kernel, stride, dilation.
void Shapes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"channels", "kernel", "stride", "dilation"});
  bench->Args({512, 75, 1, 1})->Args({256, 33, 1, 1})->Args({256, 33, 2, 1});
  bench->Args({512, 87, 1, 2})->Args({256, 31, 1, 1})->Args({176, 9, 1, 1})->Args({512, 3, 1, 1});
}

BENCHMARK(Forward)->Apply(Shapes)->Unit(benchmark::kMicrosecond);
BENCHMARK(InputGradient)->Apply(Shapes)->Unit(benchmark::kMicrosecond);
BENCHMARK(WeightGradient)->Apply(Shapes)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace masr
