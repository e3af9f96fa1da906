#include "kernels/conv2d.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/reference/conv2d.h"
#include "kernels/reference/testing.h"

namespace masr {
namespace {

using reference::AllFinite;
using reference::Doubles;
using reference::ExpectClose;
using reference::ExpectNumericGradient;
using reference::ForEachTarget;
using reference::PackedOffsets;
using reference::RandomFloats;
using reference::SameBits;

std::string Describe(const Conv1dShape& axis) {
  return "(kernel " + std::to_string(axis.kernel) + ", stride " + std::to_string(axis.stride) +
         ", padding " + std::to_string(axis.padding) + ", dilation " +
         std::to_string(axis.dilation) + ") ";
}

// A batch of utterances through one convolution.
struct Problem {
  Problem(const Conv2dShape& conv, bool is_depthwise, const std::vector<int64_t>& lengths,
          double scale = 1.0)
      : shape(conv), depthwise(is_depthwise), in(PackedOffsets(lengths)) {
    std::vector<int64_t> out_lengths;
    for (const int64_t length : lengths) {
      out_lengths.push_back(ConvOutputLength(length, shape.time));
    }
    out = PackedOffsets(out_lengths);
    x = RandomFloats(in.back() * in_row(), 1, scale);
    w = RandomFloats(shape.taps() * shape.in_channels * (depthwise ? 1 : shape.out_channels), 2);
    bias = RandomFloats(shape.out_channels, 3);
    dy = RandomFloats(out.back() * out_row(), 4, scale);
    y.resize(dy.size());
    dx.resize(x.size());
    dw.assign(w.size(), 0.25f);
    dbias.assign(bias.size(), -0.25f);
    scratch.resize(depthwise ? 0 : Conv2dScratchFloats(shape, out.back()));
  }

  int64_t in_row() const { return shape.in_bins * shape.in_channels; }
  int64_t out_row() const { return shape.out_bins() * shape.out_channels; }
  WeightView weight() const {
    return F32Weight(w.data(), shape.out_channels, shape.taps() * shape.in_channels);
  }

  void Forward(const ThreadPool& threads, const float* with_bias) {
    if (depthwise) {
      DepthwiseConv2dForward({threads}, in, out, shape, x.data(), w.data(), with_bias, y.data());
    } else {
      Conv2dForward({threads}, in, out, shape, x.data(), weight(), with_bias, y.data(),
                    scratch.data());
    }
  }

  void Backward(const ThreadPool& threads, float* to_dx, float* to_dw, float* to_dbias) {
    if (depthwise) {
      DepthwiseConv2dBackward({threads}, in, out, shape, x.data(), w.data(), dy.data(), to_dx,
                              to_dw, to_dbias);
    } else {
      Conv2dBackward({threads}, in, out, shape, x.data(), weight(), dy.data(), to_dx, to_dw,
                     to_dbias, scratch.data());
    }
  }

  void Run(const ThreadPool& threads) {
    Forward(threads, bias.data());
    Backward(threads, dx.data(), dw.data(), dbias.data());
  }

  Conv2dShape shape;
  bool depthwise;
  std::vector<int64_t> in, out;
  std::vector<float> x, w, bias, dy, y, dx, dw, dbias, scratch;
};

// The same by the twin.
struct Twin {
  explicit Twin(const Problem& p)
      : problem(p),
        x(Doubles(p.x)),
        w(Doubles(p.w)),
        bias(Doubles(p.bias)),
        dy(Doubles(p.dy)),
        y(p.y.size()),
        dx(p.x.size()),
        dw(p.w.size(), 0.25),
        dbias(p.bias.size(), -0.25) {}

  void Forward() {
    const auto forward =
        problem.depthwise ? reference::DepthwiseConv2dForward : reference::Conv2dForward;
    forward(problem.in, problem.out, problem.shape, x.data(), w.data(), bias.data(), y.data());
  }

  void Backward() {
    const auto backward =
        problem.depthwise ? reference::DepthwiseConv2dBackward : reference::Conv2dBackward;
    backward(problem.in, problem.out, problem.shape, x.data(), w.data(), dy.data(), dx.data(),
             dw.data(), dbias.data());
  }

  const Problem& problem;
  std::vector<double> x, w, bias, dy, y, dx, dw, dbias;
};

void ExpectMatchesTwin(Problem problem, const ThreadPool& threads) {
  SCOPED_TRACE("time " + Describe(problem.shape.time) + "frequency " +
               Describe(problem.shape.frequency) + "bins " + std::to_string(problem.shape.in_bins) +
               " channels " + std::to_string(problem.shape.in_channels));
  problem.Run(threads);
  Twin twin(problem);
  twin.Forward();
  twin.Backward();
  ExpectClose(problem.y, twin.y, 2e-5, "y");
  ExpectClose(problem.dx, twin.dx, 2e-5, "dx");
  ExpectClose(problem.dw, twin.dw, 5e-5, "dw");
  ExpectClose(problem.dbias, twin.dbias, 2e-5, "dbias");
}

template <class T>
T Pick(Rng& rng, const std::vector<T>& values) {
  return values[rng.Below(values.size())];
}

Conv1dShape RandomAxis(Rng& rng) {
  return {.kernel = Pick<int64_t>(rng, {1, 2, 3, 3, 5}),
          .stride = Pick<int64_t>(rng, {1, 2, 2, 3}),
          .padding = Pick<int64_t>(rng, {0, 1, 2, 5}),
          .dilation = Pick<int64_t>(rng, {1, 1, 2, 3})};
}

// With at least one out bin.
Conv2dShape RandomShape(Rng& rng, int64_t ins, int64_t outs) {
  for (;;) {
    const Conv2dShape shape{.time = RandomAxis(rng),
                            .frequency = RandomAxis(rng),
                            .in_bins = Pick<int64_t>(rng, {1, 4, 7, 13}),
                            .in_channels = ins,
                            .out_channels = outs};
    if (shape.out_bins() > 0) return shape;
  }
}

const std::vector<std::vector<int64_t>> kBatches = {{1}, {20}, {0, 13, 1, 9}, {2, 30, 0}};

TEST(Conv2dTest, MatchesTwinOnRandomShapes) {
  ForEachTarget([&] {
    ThreadPool threads(2);
    Rng rng(21);
    for (int i = 0; i < 60; ++i) {
      const int64_t ins = Pick<int64_t>(rng, {1, 3, 8});
      const Conv2dShape shape = RandomShape(rng, ins, Pick<int64_t>(rng, {1, 5, 17}));
      ExpectMatchesTwin(Problem(shape, false, Pick(rng, kBatches)), threads);
    }
  });
}

TEST(DepthwiseConv2dTest, MatchesTwinOnRandomShapes) {
  ForEachTarget([&] {
    ThreadPool threads(2);
    Rng rng(22);
    for (int i = 0; i < 80; ++i) {
      const int64_t channels = Pick<int64_t>(rng, {1, 3, 8, 16, 17, 40, 64, 67, 130});
      const Conv2dShape shape = RandomShape(rng, channels, channels);
      ExpectMatchesTwin(Problem(shape, true, Pick(rng, kBatches)), threads);
    }
  });
}

TEST(DepthwiseConv2dTest, ShapesThatFit) {
  const auto shape = [](int64_t time, int64_t frequency) {
    return Conv2dShape{.time = {.kernel = time}, .frequency = {.kernel = frequency}};
  };
  EXPECT_TRUE(DepthwiseConv2dFits(shape(100, 120)));
  EXPECT_FALSE(DepthwiseConv2dFits(shape(255, 255)));
}

// The subsampling of the Conformer (3 x 3, stride 2) and of Deep Speech 2 (11 x 41, cut down), in
// several chunks of patches.
TEST(Conv2dTest, MatchesTwinOnSubsampling) {
  const Conv1dShape half{.kernel = 3, .stride = 2, .padding = 1};
  ForEachTarget([&] {
    ThreadPool threads(2);
    ExpectMatchesTwin(Problem({half, half, 80, 1, 8}, false, {61, 0, 33}), threads);
    ExpectMatchesTwin(Problem({half, half, 20, 96, 2}, false, {70, 40}), threads);
    ExpectMatchesTwin(Problem({half, half, 20, 48, 48}, true, {61, 33}), threads);
    ExpectMatchesTwin(
        Problem({{.kernel = 11, .stride = 2, .padding = 5}, {21, 2, 10}, 41, 2, 3}, false, {25}),
        threads);
  });
}

TEST(Conv2dTest, TwinGradientsAreDerivatives) {
  const Conv1dShape time{.kernel = 3, .stride = 2, .padding = 2, .dilation = 2};
  const Conv1dShape frequency{.kernel = 2, .stride = 1, .padding = 1};
  for (const bool depthwise : {false, true}) {
    const Problem problem({time, frequency, 3, 2, depthwise ? 2 : 3}, depthwise, {5, 0, 6});
    Twin twin(problem);
    twin.dw.assign(twin.dw.size(), 0.0);
    twin.dbias.assign(twin.dbias.size(), 0.0);
    twin.Backward();
    const auto loss = [&] {
      twin.Forward();
      return reference::Dot(twin.y, twin.dy);
    };
    ExpectNumericGradient(twin.x, twin.dx, loss, "dx");
    ExpectNumericGradient(twin.w, twin.dw, loss, "dw");
    ExpectNumericGradient(twin.bias, twin.dbias, loss, "dbias");
  }
}

// Large enough for several threads, and for several chunks of patches.
std::vector<Problem> LargeProblems() {
  const Conv1dShape half{.kernel = 3, .stride = 2, .padding = 1};
  const Conv1dShape same{.kernel = 3, .padding = 2, .dilation = 2};
  const std::vector<int64_t> lengths = {40, 1, 50};
  std::vector<Problem> problems;
  for (const Conv1dShape& axis : {half, same}) {
    problems.emplace_back(Conv2dShape{axis, axis, 20, 20, 20}, true, lengths);
    problems.emplace_back(Conv2dShape{axis, axis, 20, 20, 7}, false, lengths);
  }
  return problems;
}

TEST(Conv2dTest, ThreadsDoNotChangeBits) {
  ForEachTarget([&] {
    for (const Problem& problem : LargeProblems()) {
      ThreadPool one(1);
      Problem expected = problem;
      expected.Run(one);
      for (const int count : {2, 3}) {
        ThreadPool threads(count);
        Problem p = problem;
        p.Run(threads);
        EXPECT_TRUE(SameBits(p.y, expected.y));
        EXPECT_TRUE(SameBits(p.dx, expected.dx));
        EXPECT_TRUE(SameBits(p.dw, expected.dw));
        EXPECT_TRUE(SameBits(p.dbias, expected.dbias));
      }
    }
  });
}

TEST(Conv2dTest, BatchEqualsItsUtterancesAlone) {
  ForEachTarget([&] {
    ThreadPool threads(2);
    for (Problem& batch : LargeProblems()) {
      batch.Forward(threads, batch.bias.data());
      for (size_t u = 0; u + 1 < batch.in.size(); ++u) {
        Problem alone(batch.shape, batch.depthwise, {batch.in[u + 1] - batch.in[u]});
        alone.x.assign(batch.x.begin() + batch.in[u] * batch.in_row(),
                       batch.x.begin() + batch.in[u + 1] * batch.in_row());
        alone.Forward(threads, alone.bias.data());
        EXPECT_TRUE(SameBits(alone.y, {batch.y.begin() + batch.out[u] * batch.out_row(),
                                       batch.y.begin() + batch.out[u + 1] * batch.out_row()}));
      }
    }
  });
}

TEST(Conv2dTest, NullGradientsAreLeftOutAndParametersAccumulate) {
  ForEachTarget([&] {
    ThreadPool threads(1);
    for (const Problem& problem : LargeProblems()) {
      Problem full = problem;
      full.Run(threads);
      Problem parts = problem;
      parts.Backward(threads, parts.dx.data(), nullptr, nullptr);
      parts.Backward(threads, nullptr, parts.dw.data(), nullptr);
      parts.Backward(threads, nullptr, nullptr, parts.dbias.data());
      EXPECT_TRUE(SameBits(parts.dx, full.dx));
      EXPECT_TRUE(SameBits(parts.dw, full.dw));
      EXPECT_TRUE(SameBits(parts.dbias, full.dbias));
      std::vector<double> twice;
      for (const float v : full.dw) twice.push_back(2.0 * v - 0.25);
      full.Run(threads);
      ExpectClose(full.dw, twice, 2e-5, "dw");
      EXPECT_TRUE(SameBits(parts.dx, full.dx));
    }
  });
}

TEST(Conv2dTest, NullBiasIsZeroAndExtremeInputsAreFinite) {
  const Conv1dShape half{.kernel = 3, .stride = 2, .padding = 1};
  ForEachTarget([&] {
    ThreadPool threads(1);
    for (const bool depthwise : {false, true}) {
      Problem p({half, half, 9, 5, 5}, depthwise, {30}, 1e4);
      p.bias.assign(p.bias.size(), 0.0f);
      p.Run(threads);
      EXPECT_TRUE(AllFinite(p.y) && AllFinite(p.dx) && AllFinite(p.dw) && AllFinite(p.dbias));
      const std::vector<float> with_zeros = p.y;
      p.Forward(threads, nullptr);
      EXPECT_TRUE(SameBits(p.y, with_zeros));
    }
  });
}

}  // namespace
}  // namespace masr
