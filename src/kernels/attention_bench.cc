// Relative attention; the rate counts the products (forward 3, backward 7 of frames^2 * dim).
#include "kernels/attention.h"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "base/rng.h"
#include "base/thread_pool.h"

namespace masr {
namespace {

struct Problem {
  Problem(int64_t frames, int64_t dim, int64_t heads, int64_t batch)
      : shape{.dim = dim, .heads = heads, .max_frames = frames} {
    for (int64_t i = 0; i <= batch; ++i) offsets.push_back(i * frames);
    const int64_t rows = offsets.back();
    qkv = Random(rows * 3 * dim);
    r = Random(shape.positions() * dim);
    u = Random(dim);
    w = Random(dim);
    dout = Random(rows * dim);
    probabilities.resize(AttentionProbabilityFloats(offsets, heads));
    out.resize(dout.size());
    dqkv.resize(qkv.size());
    dr.resize(r.size());
    du.resize(dim);
    dw.resize(dim);
    scratch.resize(AttentionBackwardScratchFloats(offsets, shape));
  }

  static std::vector<float> Random(int64_t size) {
    Rng rng(1);
    std::vector<float> values(static_cast<size_t>(size));
    for (float& v : values) v = static_cast<float>(rng.Uniform() * 2.0 - 1.0);
    return values;
  }

  void Forward(const ThreadPool& pool) {
    RelativeAttentionForward({pool}, offsets, shape, qkv.data(), qkv.data() + shape.dim,
                             qkv.data() + 2 * shape.dim, 3 * shape.dim, r.data(), u.data(),
                             w.data(), probabilities.data(), out.data());
  }

  void Backward(const ThreadPool& pool) {
    RelativeAttentionBackward({pool}, offsets, shape, qkv.data(), qkv.data() + shape.dim,
                              qkv.data() + 2 * shape.dim, 3 * shape.dim, r.data(), u.data(),
                              w.data(), probabilities.data(), dout.data(), dqkv.data(),
                              dqkv.data() + shape.dim, dqkv.data() + 2 * shape.dim, dr.data(),
                              du.data(), dw.data(), scratch.data());
  }

  double Flops(double products) const {
    const double frames = static_cast<double>(shape.max_frames);
    return products * 2.0 * static_cast<double>(offsets.back() * shape.dim) * frames;
  }

  std::vector<int64_t> offsets;
  AttentionShape shape;
  std::vector<float> qkv, r, u, w, dout, probabilities, out, dqkv, dr, du, dw, scratch;
};

void Report(benchmark::State& state, double flops) {
  state.counters["FLOP/s"] =
      benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}

// Arguments: frames, dim, heads, batch, threads.
void BM_AttentionForward(benchmark::State& state) {
  Problem p(state.range(0), state.range(1), state.range(2), state.range(3));
  const ThreadPool pool(static_cast<int>(state.range(4)));
  for (auto _ : state) p.Forward(pool);
  Report(state, p.Flops(3));
}

void BM_AttentionBackward(benchmark::State& state) {
  Problem p(state.range(0), state.range(1), state.range(2), state.range(3));
  const ThreadPool pool(static_cast<int>(state.range(4)));
  p.Forward(pool);
  for (auto _ : state) p.Backward(pool);
  Report(state, p.Flops(7));
}

void Sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"frames", "dim", "heads", "batch", "threads"})
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
  for (const int64_t frames : {50, 200, 500}) {
    for (const int64_t dim : {176, 256}) {
      for (const int64_t batch : {1, 4}) {
        for (const int64_t threads : {1, 2}) b->Args({frames, dim, 4, batch, threads});
      }
    }
  }
}

BENCHMARK(BM_AttentionForward)->Apply(Sizes);
BENCHMARK(BM_AttentionBackward)->Apply(Sizes);

void BM_RelativePositions(benchmark::State& state) {
  std::vector<float> out((2 * state.range(0) - 1) * state.range(1));
  for (auto _ : state) {
    RelativePositions(state.range(0), state.range(1), out.data());
    benchmark::DoNotOptimize(out.data());
  }
}

BENCHMARK(BM_RelativePositions)->Args({200, 256});

}  // namespace
}  // namespace masr
