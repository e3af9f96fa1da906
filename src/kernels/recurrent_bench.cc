// LSTM and GRU over batches of 400 frames; the rate counts the recurrent products only (the
// backward pass: the walk back and dW_hh).
#include "kernels/recurrent.h"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "base/rng.h"
#include "base/thread_pool.h"

namespace masr {
namespace {

constexpr int64_t kFrames = 400;

struct Problem {
  Problem(Cell cell, int64_t hidden, int64_t batch)
      : shape{.cell = cell, .hidden = hidden, .reverse = false} {
    for (int64_t u = 0; u <= batch; ++u) offsets.push_back(u * kFrames);
    const int64_t width = shape.gates() * hidden;
    gates = Random(offsets.back() * width);
    w_hh = Random(width * hidden);
    for (float& w : w_hh) w *= 0.05f;
    b_hh = Random(width);
    dh = Random(offsets.back() * hidden);
    h.resize(dh.size());
    saved.resize(dh.size());
    dw_hh.resize(w_hh.size());
    db_hh.resize(b_hh.size());
    scratch.resize(RecurrentScratchFloats(offsets, shape));
  }

  static std::vector<float> Random(int64_t size) {
    Rng rng(1);
    std::vector<float> values(static_cast<size_t>(size));
    for (float& v : values) v = static_cast<float>(rng.Uniform() * 2.0 - 1.0);
    return values;
  }

  WeightView weight() const {
    return F32Weight(w_hh.data(), shape.gates() * shape.hidden, shape.hidden);
  }

  double Flops(double products) const {
    return products * 2.0 * static_cast<double>(offsets.back() * shape.gates()) *
           static_cast<double>(shape.hidden * shape.hidden);
  }

  std::vector<int64_t> offsets;
  RecurrentShape shape;
  std::vector<float> gates, w_hh, b_hh, dh, h, saved, dw_hh, db_hh, scratch;
};

void Report(benchmark::State& state, double flops) {
  state.counters["FLOP/s"] =
      benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}

// Arguments: cell, hidden, batch, threads. The gates are overwritten from call to call: they stay
// bounded, and the time does not depend on them.
void BM_RecurrentForward(benchmark::State& state) {
  Problem p(static_cast<Cell>(state.range(0)), state.range(1), state.range(2));
  const ThreadPool pool(static_cast<int>(state.range(3)));
  for (auto _ : state) {
    RecurrentForward({pool}, p.offsets, p.shape, p.gates.data(), p.weight(), p.b_hh.data(),
                     p.saved.data(), p.h.data(), p.shape.hidden, p.scratch.data());
  }
  Report(state, p.Flops(1));
}

void BM_RecurrentBackward(benchmark::State& state) {
  Problem p(static_cast<Cell>(state.range(0)), state.range(1), state.range(2));
  const ThreadPool pool(static_cast<int>(state.range(3)));
  RecurrentForward({pool}, p.offsets, p.shape, p.gates.data(), p.weight(), p.b_hh.data(),
                   p.saved.data(), p.h.data(), p.shape.hidden, p.scratch.data());
  const std::vector<float> gates = p.gates;
  for (auto _ : state) {
    p.gates = gates;
    RecurrentBackward({pool}, p.offsets, p.shape, p.gates.data(), p.weight(), p.saved.data(),
                      p.h.data(), p.shape.hidden, p.dh.data(), p.dw_hh.data(), p.db_hh.data(),
                      p.scratch.data());
  }
  Report(state, p.Flops(2));
}

void Sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"gru", "hidden", "batch", "threads"})->Unit(benchmark::kMillisecond)->UseRealTime();
  for (const int64_t cell : {0, 1}) {
    for (const int64_t hidden : {128, 256, 512, 1024}) {
      for (const int64_t batch : {1, 4, 8}) {
        for (const int64_t threads : {1, 2}) b->Args({cell, hidden, batch, threads});
      }
    }
  }
}

BENCHMARK(BM_RecurrentForward)->Apply(Sizes);
BENCHMARK(BM_RecurrentBackward)->Apply(Sizes);

}  // namespace
}  // namespace masr
