#include "kernels/conv1d.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/reference/conv1d.h"
#include "kernels/reference/testing.h"

namespace masr {

void PrintTo(const Conv1dShape& shape, std::ostream* out) {
  *out << "kernel " << shape.kernel << ", stride " << shape.stride << ", padding " << shape.padding
       << ", dilation " << shape.dilation;
}

namespace {

using reference::AllFinite;
using reference::Doubles;
using reference::ExpectClose;
using reference::ExpectNumericGradient;
using reference::ForEachTarget;
using reference::PackedOffsets;
using reference::RandomFloats;
using reference::SameBits;

// A batch of utterances through one convolution; depthwise when out_channels is 0.
struct Problem {
  Problem(const Conv1dShape& conv, int64_t ins, int64_t outs, const std::vector<int64_t>& lengths,
          double scale = 1.0)
      : shape(conv), in_channels(ins), out_channels(outs), in(PackedOffsets(lengths)) {
    std::vector<int64_t> out_lengths;
    for (const int64_t length : lengths) out_lengths.push_back(ConvOutputLength(length, shape));
    out = PackedOffsets(out_lengths);
    x = RandomFloats(in.back() * ins, 1, scale);
    w = RandomFloats(depthwise() ? ins * conv.kernel : outs * conv.kernel * ins, 2);
    bias = RandomFloats(columns(), 3);
    dy = RandomFloats(out.back() * columns(), 4, scale);
    y.resize(dy.size());
    dx.resize(x.size());
    dw.assign(w.size(), 0.25f);
    dbias.assign(columns(), -0.25f);
    scratch.resize(depthwise() ? 0 : Conv1dScratchFloats(ins, shape, out.back()));
  }

  bool depthwise() const { return out_channels == 0; }
  int64_t columns() const { return depthwise() ? in_channels : out_channels; }
  WeightView weight() const {
    return F32Weight(w.data(), out_channels, shape.kernel * in_channels);
  }

  void Forward(const ThreadPool& threads) {
    if (depthwise()) {
      DepthwiseConv1dForward({threads}, in, out, in_channels, shape, x.data(), w.data(),
                             bias.data(), y.data());
    } else {
      Conv1dForward({threads}, in, out, in_channels, shape, x.data(), weight(), bias.data(),
                    y.data(), scratch.data());
    }
  }

  void Backward(const ThreadPool& threads, float* to_dx, float* to_dw, float* to_dbias) {
    if (depthwise()) {
      DepthwiseConv1dBackward({threads}, in, out, in_channels, shape, x.data(), w.data(), dy.data(),
                              to_dx, to_dw, to_dbias);
    } else {
      Conv1dBackward({threads}, in, out, in_channels, shape, x.data(), weight(), dy.data(), to_dx,
                     to_dw, to_dbias, scratch.data());
    }
  }

  void Run(const ThreadPool& threads) {
    Forward(threads);
    Backward(threads, dx.data(), dw.data(), dbias.data());
  }

  Conv1dShape shape;
  int64_t in_channels, out_channels;
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
    const Problem& p = problem;
    if (p.depthwise()) {
      reference::DepthwiseConv1dForward(p.in, p.out, p.in_channels, p.shape, x.data(), w.data(),
                                        bias.data(), y.data());
    } else {
      reference::Conv1dForward(p.in, p.out, p.in_channels, p.out_channels, p.shape, x.data(),
                               w.data(), bias.data(), y.data());
    }
  }

  void Backward() {
    const Problem& p = problem;
    if (p.depthwise()) {
      reference::DepthwiseConv1dBackward(p.in, p.out, p.in_channels, p.shape, x.data(), w.data(),
                                         dy.data(), dx.data(), dw.data(), dbias.data());
    } else {
      reference::Conv1dBackward(p.in, p.out, p.in_channels, p.out_channels, p.shape, x.data(),
                                w.data(), dy.data(), dx.data(), dw.data(), dbias.data());
    }
  }

  const Problem& problem;
  std::vector<double> x, w, bias, dy, y, dx, dw, dbias;
};

void ExpectMatchesTwin(Problem problem, const ThreadPool& threads) {
  SCOPED_TRACE(testing::PrintToString(problem.shape) + ", channels " +
               std::to_string(problem.in_channels) + " -> " + std::to_string(problem.out_channels));
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

Conv1dShape RandomShape(Rng& rng, const std::vector<int64_t>& kernels) {
  Conv1dShape shape{.kernel = Pick(rng, kernels),
                    .stride = Pick<int64_t>(rng, {1, 1, 2, 3, 4}),
                    .dilation = Pick<int64_t>(rng, {1, 1, 2, 3, 4, 6})};
  const int64_t reach = shape.dilation * (shape.kernel - 1);
  shape.padding = Pick<int64_t>(rng, {0, reach / 2, reach / 2, reach, reach + 3});
  return shape;
}

const std::vector<std::vector<int64_t>> kBatches = {{1}, {40}, {0, 13, 1, 30}, {300}, {2, 270, 0}};

TEST(ConvOutputLengthTest, CountsWindows) {
  EXPECT_EQ(ConvOutputLength(10, {.kernel = 3}), 8);
  EXPECT_EQ(ConvOutputLength(10, {.kernel = 3, .stride = 2, .padding = 1}), 5);
  EXPECT_EQ(ConvOutputLength(10, {.kernel = 3, .padding = 2, .dilation = 2}), 10);
  EXPECT_EQ(ConvOutputLength(2, {.kernel = 3}), 0);
  EXPECT_EQ(ConvOutputLength(0, {.kernel = 3, .padding = 1}), 0);
}

TEST(DepthwiseConv1dTest, MatchesTwinOnRandomShapes) {
  ForEachTarget([&] {
    ThreadPool threads(2);
    Rng rng(11);
    for (int i = 0; i < 80; ++i) {
      const Conv1dShape shape = RandomShape(rng, {1, 2, 3, 4, 5, 7, 9, 15, 31});
      const int64_t channels = Pick<int64_t>(rng, {1, 3, 8, 15, 16, 17, 33});
      ExpectMatchesTwin(Problem(shape, channels, 0, Pick(rng, kBatches)), threads);
    }
  });
}

TEST(DepthwiseConv1dTest, MatchesTwinOnLongFilters) {
  ForEachTarget([&] {
    ThreadPool threads(2);
    ExpectMatchesTwin(Problem({.kernel = 75, .padding = 37}, 18, 0, {290, 5}), threads);
    ExpectMatchesTwin(Problem({.kernel = 87, .padding = 86, .dilation = 2}, 16, 0, {200}), threads);
    ExpectMatchesTwin(Problem({.kernel = 127, .stride = 4, .padding = 63}, 5, 0, {700}), threads);
    ExpectMatchesTwin(
        Problem({.kernel = 127, .stride = 4, .padding = 200, .dilation = 64}, 2, 0, {8200}),
        threads);
  });
}

TEST(DepthwiseConv1dTest, ShapesThatFit) {
  for (const int64_t stride : {1, 2, 3, 4}) {
    for (int64_t dilation = 1; dilation <= 64; ++dilation) {
      const int64_t kernel = std::min<int64_t>(255, 8191 / dilation + 1);
      EXPECT_TRUE(DepthwiseConv1dFits({.kernel = kernel, .stride = stride, .dilation = dilation}));
      EXPECT_FALSE(
          DepthwiseConv1dFits({.kernel = 50 * kernel, .stride = stride, .dilation = dilation}));
    }
  }
}

// The kernels take from the scratch no more than DepthwiseConv1dFits accounts for: Take() checks
// it.
TEST(DepthwiseConv1dTest, TheLargestShapesThatFit) {
  ThreadPool threads(1);
  for (const Conv1dShape& start :
       {Conv1dShape{}, Conv1dShape{.stride = 4}, Conv1dShape{.dilation = 64},
        Conv1dShape{.stride = 15, .dilation = 4}, Conv1dShape{.stride = 4, .dilation = 63}}) {
    Conv1dShape shape = start;
    while (DepthwiseConv1dFits(shape)) shape.kernel += 1;
    shape.kernel -= 1;
    ASSERT_GT(shape.kernel, 1);
    const int64_t reach = shape.dilation * (shape.kernel - 1);
    shape.padding = reach / 2;
    ExpectMatchesTwin(Problem(shape, 1, 0, {600}), threads);
  }
}

TEST(Conv1dTest, MatchesTwinOnRandomShapes) {
  ForEachTarget([&] {
    ThreadPool threads(2);
    Rng rng(12);
    for (int i = 0; i < 50; ++i) {
      const Conv1dShape shape = RandomShape(rng, {1, 2, 3, 5, 11});
      const int64_t ins = Pick<int64_t>(rng, {1, 3, 8, 17});
      const int64_t outs = Pick<int64_t>(rng, {1, 5, 16, 19});
      ExpectMatchesTwin(Problem(shape, ins, outs, Pick(rng, kBatches)), threads);
    }
    ExpectMatchesTwin(Problem({}, 9, 7, {100, 3}), threads);
  });
}

// Patches longer than the scratch's usual share: several chunks per utterance in the backward pass.
TEST(Conv1dTest, MatchesTwinOverSeveralChunks) {
  ForEachTarget([&] {
    ThreadPool threads(2);
    ExpectMatchesTwin(Problem({.kernel = 29, .stride = 2, .padding = 14}, 150, 3, {310, 4}),
                      threads);
    ExpectMatchesTwin(Problem({.kernel = 29, .padding = 28, .dilation = 2}, 150, 3, {150}),
                      threads);
  });
}

TEST(Conv1dTest, TwinGradientsAreDerivatives) {
  for (const int64_t outs : {0, 3}) {
    for (const Conv1dShape& shape :
         {Conv1dShape{.kernel = 3, .stride = 2, .padding = 1},
          Conv1dShape{.kernel = 4, .stride = 3, .padding = 5, .dilation = 2}}) {
      const Problem problem(shape, 2, outs, {9, 0, 7});
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
}

// Shapes that take the different ways through the code, large enough for several threads.
std::vector<Problem> LargeProblems() {
  const std::vector<int64_t> lengths = {260, 1, 140};
  std::vector<Problem> problems;
  for (const int64_t outs : {0, 11}) {
    problems.emplace_back(Conv1dShape{.kernel = 11, .padding = 5}, 42, outs, lengths);
    problems.emplace_back(Conv1dShape{.kernel = 9, .stride = 2, .padding = 4}, 42, outs, lengths);
    problems.emplace_back(Conv1dShape{.kernel = 5, .padding = 6, .dilation = 3}, 42, outs, lengths);
    problems.emplace_back(Conv1dShape{}, 42, outs, lengths);
  }
  return problems;
}

TEST(Conv1dTest, ThreadsDoNotChangeBits) {
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

TEST(Conv1dTest, BatchEqualsItsUtterancesAlone) {
  ForEachTarget([&] {
    ThreadPool threads(2);
    for (Problem& batch : LargeProblems()) {
      batch.Run(threads);
      for (size_t u = 0; u + 1 < batch.in.size(); ++u) {
        Problem alone(batch.shape, batch.in_channels, batch.out_channels,
                      {batch.in[u + 1] - batch.in[u]});
        alone.x.assign(batch.x.begin() + batch.in[u] * batch.in_channels,
                       batch.x.begin() + batch.in[u + 1] * batch.in_channels);
        alone.Forward(threads);
        EXPECT_TRUE(SameBits(alone.y, {batch.y.begin() + batch.out[u] * batch.columns(),
                                       batch.y.begin() + batch.out[u + 1] * batch.columns()}));
      }
    }
  });
}

TEST(Conv1dTest, NullGradientsAreLeftOutAndParametersAccumulate) {
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
      // A second pass adds the same again, and writes the same dx.
      std::vector<double> twice;
      for (const float v : full.dw) twice.push_back(2.0 * v - 0.25);
      full.Run(threads);
      ExpectClose(full.dw, twice, 2e-5, "dw");
      EXPECT_TRUE(SameBits(parts.dx, full.dx));
    }
  });
}

TEST(Conv1dTest, NullBiasIsZero) {
  ForEachTarget([&] {
    ThreadPool threads(1);
    for (Problem& p : LargeProblems()) {
      p.bias.assign(p.bias.size(), 0.0f);
      p.Forward(threads);
      const std::vector<float> with_zeros = p.y;
      if (p.depthwise()) {
        DepthwiseConv1dForward({threads}, p.in, p.out, p.in_channels, p.shape, p.x.data(),
                               p.w.data(), nullptr, p.y.data());
      } else {
        Conv1dForward({threads}, p.in, p.out, p.in_channels, p.shape, p.x.data(), p.weight(),
                      nullptr, p.y.data(), p.scratch.data());
      }
      EXPECT_TRUE(SameBits(p.y, with_zeros));
    }
  });
}

TEST(Conv1dTest, ExtremeInputsAreFinite) {
  ForEachTarget([&] {
    ThreadPool threads(1);
    for (const int64_t outs : {0, 5}) {
      Problem p({.kernel = 7, .padding = 3}, 20, outs, {50}, 1e4);
      p.Run(threads);
      EXPECT_TRUE(AllFinite(p.y) && AllFinite(p.dx) && AllFinite(p.dw) && AllFinite(p.dbias));
    }
  });
}

}  // namespace
}  // namespace masr
