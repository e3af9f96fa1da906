#include "kernels/grouped_conv1d.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/reference/conv1d.h"
#include "kernels/reference/testing.h"

namespace masr {
namespace {

using reference::Doubles;
using reference::ExpectClose;
using reference::ExpectNumericGradient;
using reference::ForEachTarget;
using reference::PackedOffsets;
using reference::RandomFloats;
using reference::SameBits;

struct Case {
  int64_t in_channels, out_channels, groups;
  Conv1dShape shape;
  int64_t dropped = 0;  // frames at the end of each utterance that are not computed
};

const std::vector<Case> kCases = {
    {4, 4, 1, {.kernel = 3, .padding = 1}},
    {6, 6, 6, {.kernel = 5, .padding = 2}},
    {6, 4, 2, {.kernel = 1}},
    {15, 9, 3, {.kernel = 4, .stride = 2, .padding = 1}},
    {12, 8, 4, {.kernel = 3, .padding = 2, .dilation = 2}},
    {14, 7, 7, {.kernel = 2, .stride = 3}},
    {34, 51, 17, {.kernel = 7, .padding = 3}},
    {48, 48, 16, {.kernel = 128, .padding = 64}, 1},
    {10, 10, 5, {.kernel = 6, .padding = 3}, 1},
};
const std::vector<int64_t> kLengths = {9, 1, 70, 33};

struct Problem {
  explicit Problem(const Case& c, const std::vector<int64_t>& lengths = kLengths)
      : problem(c), in(PackedOffsets(lengths)) {
    std::vector<int64_t> out_lengths;
    for (const int64_t length : lengths) {
      const int64_t frames = ConvOutputLength(length, c.shape) - c.dropped;
      out_lengths.push_back(frames < 0 ? 0 : frames);
    }
    out = PackedOffsets(out_lengths);
    cols = c.shape.kernel * c.in_channels / c.groups;
    x = RandomFloats(in.back() * c.in_channels, 1);
    w = RandomFloats(c.out_channels * cols, 2);
    bias = RandomFloats(c.out_channels, 3);
    dy = RandomFloats(out.back() * c.out_channels, 4);
    y.resize(dy.size());
    dx.resize(x.size());
    dw.assign(w.size(), 0.25f);
    dbias.assign(bias.size(), -0.25f);
    scratch.resize(static_cast<size_t>(GroupedConv1dScratchFloats(
        c.in_channels, c.out_channels, c.groups, c.shape, in.back(), out.back())));
  }

  WeightView weight() const { return F32Weight(w.data(), problem.out_channels, cols); }

  void Backward(const ThreadPool& threads, float* to_dx, float* to_dw, float* to_dbias) {
    GroupedConv1dBackward({threads}, in, out, problem.in_channels, problem.groups, problem.shape,
                          x.data(), weight(), dy.data(), to_dx, to_dw, to_dbias, scratch.data());
  }
  void Run(const ThreadPool& threads) {
    GroupedConv1dForward({threads}, in, out, problem.in_channels, problem.groups, problem.shape,
                         x.data(), weight(), bias.data(), y.data(), scratch.data());
    Backward(threads, dx.data(), dw.data(), dbias.data());
  }

  Case problem;
  std::vector<int64_t> in, out;
  int64_t cols = 0;
  std::vector<float> x, w, bias, dy, y, dx, dw, dbias, scratch;
};

TEST(GroupedConv1dTest, MatchesTwin) {
  ForEachTarget([&] {
    ThreadPool threads(2);
    for (const Case& c : kCases) {
      SCOPED_TRACE(std::to_string(c.in_channels) + " -> " + std::to_string(c.out_channels) +
                   " in " + std::to_string(c.groups));
      Problem p(c);
      p.Run(threads);
      std::vector<double> y(p.y.size()), dx(p.dx.size());
      std::vector<double> dw(p.dw.size(), 0.25), dbias(p.dbias.size(), -0.25);
      reference::GroupedConv1dForward(p.in, p.out, c.in_channels, c.out_channels, c.groups, c.shape,
                                      Doubles(p.x).data(), Doubles(p.w).data(),
                                      Doubles(p.bias).data(), y.data());
      reference::GroupedConv1dBackward(p.in, p.out, c.in_channels, c.out_channels, c.groups,
                                       c.shape, Doubles(p.x).data(), Doubles(p.w).data(),
                                       Doubles(p.dy).data(), dx.data(), dw.data(), dbias.data());
      ExpectClose(p.y, y, 2e-5, "y");
      ExpectClose(p.dx, dx, 2e-5, "dx");
      ExpectClose(p.dw, dw, 5e-5, "dw");
      ExpectClose(p.dbias, dbias, 2e-5, "dbias");
    }
  });
}

TEST(GroupedConv1dTest, TwinGradientsAreDerivatives) {
  const Case c = {6, 4, 2, {.kernel = 4, .stride = 2, .padding = 2}, 0};
  Problem p(c, {5, 3});
  std::vector<double> x = Doubles(p.x), w = Doubles(p.w), bias = Doubles(p.bias);
  const std::vector<double> dy = Doubles(p.dy);
  std::vector<double> y(p.y.size()), dx(p.dx.size()), dw(p.dw.size()), dbias(p.dbias.size());
  reference::GroupedConv1dBackward(p.in, p.out, 6, 4, 2, c.shape, x.data(), w.data(), dy.data(),
                                   dx.data(), dw.data(), dbias.data());
  const auto loss = [&] {
    reference::GroupedConv1dForward(p.in, p.out, 6, 4, 2, c.shape, x.data(), w.data(), bias.data(),
                                    y.data());
    return reference::Dot(y, dy);
  };
  ExpectNumericGradient(x, dx, loss, "dx");
  ExpectNumericGradient(w, dw, loss, "dw");
  ExpectNumericGradient(bias, dbias, loss, "dbias");
}

TEST(GroupedConv1dTest, ThreadsDoNotChangeBitsAndGradientsMayBeNull) {
  ForEachTarget([&] {
    const Case c = {128, 96, 4, {.kernel = 9, .padding = 4}};
    const std::vector<int64_t> lengths = {120, 200};
    ThreadPool one(1);
    Problem expected(c, lengths);
    expected.Run(one);
    for (const int count : {2, 3}) {
      ThreadPool threads(count);
      Problem p(c, lengths);
      p.Run(threads);
      EXPECT_TRUE(SameBits(p.y, expected.y));
      EXPECT_TRUE(SameBits(p.dx, expected.dx));
      EXPECT_TRUE(SameBits(p.dw, expected.dw));
      EXPECT_TRUE(SameBits(p.dbias, expected.dbias));
    }
    Problem parts(c, lengths);
    parts.Backward(one, parts.dx.data(), nullptr, nullptr);
    parts.Backward(one, nullptr, parts.dw.data(), nullptr);
    parts.Backward(one, nullptr, nullptr, parts.dbias.data());
    EXPECT_TRUE(SameBits(parts.dx, expected.dx));
    EXPECT_TRUE(SameBits(parts.dw, expected.dw));
    EXPECT_TRUE(SameBits(parts.dbias, expected.dbias));
  });
}

// A group's rows of a stored matrix begin in its middle, and their scales with them.
TEST(GroupedConv1dTest, WeightsMayBeStoredInFewerBits) {
  const Case c = {8, 6, 2, {.kernel = 3, .padding = 1}};
  Problem p(c);
  std::vector<int8_t> codes(p.w.size());
  std::vector<float> scales(6);
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<int8_t>(i * 37 % 255 - 127);
  for (size_t r = 0; r < scales.size(); ++r) scales[r] = 0.01f * static_cast<float>(r + 1);
  for (size_t i = 0; i < codes.size(); ++i) {
    p.w[i] = scales[i / static_cast<size_t>(p.cols)] * static_cast<float>(codes[i]);
  }
  ThreadPool threads(1);
  p.Run(threads);
  WeightView stored = p.weight();
  stored.data = codes.data();
  stored.type = WeightType::kInt8;
  stored.scales = scales.data();
  std::vector<float> y(p.y.size());
  GroupedConv1dForward({threads}, p.in, p.out, 8, 2, c.shape, p.x.data(), stored, p.bias.data(),
                       y.data(), p.scratch.data());
  ExpectClose(y, Doubles(p.y), 1e-5, "y");
}

}  // namespace
}  // namespace masr
