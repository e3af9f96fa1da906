#include "kernels/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/reference/attention.h"
#include "kernels/reference/testing.h"

namespace masr {
namespace {

constexpr float kUntouched = -7777.0f;

using reference::ForEachTarget;
using reference::PackedOffsets;

// The same numbers in both precisions.
template <class Real>
std::vector<Real> Random(int64_t size, uint64_t seed, double scale = 1.0) {
  const std::vector<float> values = reference::RandomFloats(size, seed, scale);
  return {values.begin(), values.end()};
}

struct Case {
  std::vector<int64_t> lengths;
  int64_t dim;
  int64_t heads;
  int64_t extra_positions = 0;  // max_frames beyond the longest utterance
  bool relative = true;
  uint64_t seed = 1;

  AttentionShape shape() const {
    const int64_t longest = *std::max_element(lengths.begin(), lengths.end());
    return {.dim = dim, .heads = heads, .max_frames = longest + extra_positions};
  }
};

// All operands of a case; q, k and v are columns of one fused projection, with a gap after them.
template <class Real>
struct Operands {
  explicit Operands(const Case& c)
      : offsets(PackedOffsets(c.lengths)),
        shape(c.shape()),
        stride(3 * c.dim + 5),
        relative(c.relative) {
    const int64_t rows = offsets.back();
    qkv = Random<Real>(rows * stride, c.seed);
    // Scores of several units, so that the softmax is not nearly flat.
    for (Real& value : qkv) value *= 2;
    r = Random<Real>(shape.positions() * c.dim, c.seed + 1);
    u = Random<Real>(c.dim, c.seed + 2);
    w = Random<Real>(c.dim, c.seed + 3);
    dout = Random<Real>(rows * c.dim, c.seed + 4);
    probabilities.assign(AttentionProbabilityFloats(offsets, c.heads), Real(0));
    out.assign(rows * c.dim, Real(0));
    dqkv.assign(rows * stride, Real(kUntouched));
    dr.assign(r.size(), Real(kUntouched));
    du.assign(c.dim, Real(0.5));
    dw.assign(c.dim, Real(-0.25));
  }

  const Real* q() const { return qkv.data(); }
  const Real* k() const { return qkv.data() + shape.dim; }
  const Real* v() const { return qkv.data() + 2 * shape.dim; }
  const Real* r_or_null() const { return relative ? r.data() : nullptr; }
  const Real* u_or_null() const { return relative ? u.data() : nullptr; }
  const Real* w_or_null() const { return relative ? w.data() : nullptr; }
  Real* dr_or_null() { return relative ? dr.data() : nullptr; }
  Real* du_or_null() { return relative ? du.data() : nullptr; }
  Real* dw_or_null() { return relative ? dw.data() : nullptr; }

  std::vector<int64_t> offsets;
  AttentionShape shape;
  int64_t stride;
  bool relative;
  std::vector<Real> qkv, r, u, w, dout, probabilities, out, dqkv, dr, du, dw;
};

void Forward(Operands<double>& o) {
  reference::RelativeAttentionForward(o.offsets, o.shape, o.q(), o.k(), o.v(), o.stride,
                                      o.r_or_null(), o.u_or_null(), o.w_or_null(),
                                      o.probabilities.data(), o.out.data());
}

void Backward(Operands<double>& o) {
  reference::RelativeAttentionBackward(o.offsets, o.shape, o.q(), o.k(), o.v(), o.stride,
                                       o.r_or_null(), o.u_or_null(), o.w_or_null(),
                                       o.probabilities.data(), o.dout.data(), o.dqkv.data(),
                                       o.dqkv.data() + o.shape.dim, o.dqkv.data() + 2 * o.shape.dim,
                                       o.dr_or_null(), o.du_or_null(), o.dw_or_null());
}

void Forward(const ThreadPool& pool, Operands<float>& o) {
  RelativeAttentionForward({pool}, o.offsets, o.shape, o.q(), o.k(), o.v(), o.stride, o.r_or_null(),
                           o.u_or_null(), o.w_or_null(), o.probabilities.data(), o.out.data());
}

void Backward(const ThreadPool& pool, Operands<float>& o) {
  std::vector<float> scratch(AttentionBackwardScratchFloats(o.offsets, o.shape),
                             std::numeric_limits<float>::quiet_NaN());
  RelativeAttentionBackward({pool}, o.offsets, o.shape, o.q(), o.k(), o.v(), o.stride,
                            o.r_or_null(), o.u_or_null(), o.w_or_null(), o.probabilities.data(),
                            o.dout.data(), o.dqkv.data(), o.dqkv.data() + o.shape.dim,
                            o.dqkv.data() + 2 * o.shape.dim, o.dr_or_null(), o.du_or_null(),
                            o.dw_or_null(), scratch.data());
}

// Errors are measured against the largest element: sums cancel.
void ExpectClose(const char* name, const std::vector<float>& actual,
                 const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(actual.size(), expected.size()) << name;
  double largest = 1e-3;
  for (const double e : expected) {
    if (e != kUntouched) largest = std::max(largest, std::abs(e));
  }
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], tolerance * largest) << name << " at " << i;
  }
}

void ExpectSameBits(const char* name, const std::vector<float>& a, const std::vector<float>& b) {
  ASSERT_TRUE(reference::SameBits(a, b)) << name;
}

void ExpectMatchesTwin(const Case& c) {
  SCOPED_TRACE(testing::Message() << "dim " << c.dim << ", heads " << c.heads << ", first length "
                                  << c.lengths[0] << ", relative " << c.relative);
  Operands<double> expected(c);
  Forward(expected);
  Backward(expected);
  const ThreadPool pool(2);
  ForEachTarget([&] {
    Operands<float> actual(c);
    Forward(pool, actual);
    ExpectClose("probabilities", actual.probabilities, expected.probabilities, 1e-5);
    ExpectClose("out", actual.out, expected.out, 1e-5);
    Backward(pool, actual);
    ExpectClose("dqkv", actual.dqkv, expected.dqkv, 3e-5);
    ExpectClose("dr", actual.dr, expected.dr, 3e-5);
    ExpectClose("du", actual.du, expected.du, 3e-5);
    ExpectClose("dw", actual.dw, expected.dw, 3e-5);
  });
}

TEST(AttentionTest, MatchesTwinOnOddSizes) {
  for (const int64_t frames : {1, 2, 3, 5, 6, 7, 8, 9, 13, 15, 16, 17, 31, 33, 47, 48, 50}) {
    ExpectMatchesTwin({.lengths = {frames}, .dim = 6, .heads = 2});
  }
  for (const int64_t head_dim : {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 44, 64}) {
    ExpectMatchesTwin({.lengths = {11, 4}, .dim = 2 * head_dim, .heads = 2});
  }
}

TEST(AttentionTest, MatchesTwinWithoutPositions) {
  ExpectMatchesTwin({.lengths = {9, 23}, .dim = 24, .heads = 3, .relative = false});
}

TEST(AttentionTest, MatchesTwinOverSeveralBlocks) {
  ExpectMatchesTwin({.lengths = {97, 1, 203}, .dim = 20, .heads = 2, .extra_positions = 3});
}

// Keys in several pieces, as the scratch cannot hold them all; several pieces of depth.
TEST(AttentionTest, MatchesTwinWhenScratchIsTooSmallForAllKeys) {
  ExpectMatchesTwin({.lengths = {201}, .dim = 512, .heads = 1});
}

TEST(AttentionTest, AnyNumberOfThreadsGivesTheSameBits) {
  const Case c = {.lengths = {130, 7, 1, 61}, .dim = 44, .heads = 2};
  ForEachTarget([&] {
    Operands<float> one(c);
    const ThreadPool single(1);
    Forward(single, one);
    Backward(single, one);
    for (const int threads : {2, 3}) {
      const ThreadPool pool(threads);
      Operands<float> many(c);
      Forward(pool, many);
      Backward(pool, many);
      ExpectSameBits("probabilities", many.probabilities, one.probabilities);
      ExpectSameBits("out", many.out, one.out);
      ExpectSameBits("dqkv", many.dqkv, one.dqkv);
      ExpectSameBits("dr", many.dr, one.dr);
      ExpectSameBits("du", many.du, one.du);
      ExpectSameBits("dw", many.dw, one.dw);
    }
  });
}

TEST(AttentionTest, BatchEqualsItsUtterancesAlone) {
  const Case c = {.lengths = {19, 1, 33, 8}, .dim = 20, .heads = 2};
  const ThreadPool pool(2);
  ForEachTarget([&] {
    Operands<float> batch(c);
    Forward(pool, batch);
    for (size_t u = 0; u < c.lengths.size(); ++u) {
      Operands<float> alone({.lengths = {c.lengths[u]}, .dim = c.dim, .heads = c.heads});
      const int64_t row = batch.offsets[u];
      std::copy_n(batch.qkv.data() + row * batch.stride, alone.qkv.size(), alone.qkv.data());
      const int64_t skipped = batch.shape.max_frames - alone.shape.max_frames;
      std::copy_n(batch.r.data() + skipped * c.dim, alone.r.size(), alone.r.data());
      alone.u = batch.u;
      alone.w = batch.w;
      Forward(pool, alone);
      const auto begin = batch.out.begin() + row * c.dim;
      ExpectSameBits("out", alone.out, std::vector<float>(begin, begin + c.lengths[u] * c.dim));
    }
  });
}

TEST(AttentionTest, FrozenGradientsAreNotWrittenAndChangeNothing) {
  const Case c = {.lengths = {12, 5}, .dim = 12, .heads = 2};
  const ThreadPool pool(2);
  ForEachTarget([&] {
    Operands<float> full(c);
    Forward(pool, full);
    Backward(pool, full);
    Operands<float> frozen(c);
    Forward(pool, frozen);
    std::vector<float> scratch(AttentionBackwardScratchFloats(frozen.offsets, frozen.shape));
    RelativeAttentionBackward(
        {pool}, frozen.offsets, frozen.shape, frozen.q(), frozen.k(), frozen.v(), frozen.stride,
        frozen.r.data(), frozen.u.data(), frozen.w.data(), frozen.probabilities.data(),
        frozen.dout.data(), frozen.dqkv.data(), frozen.dqkv.data() + c.dim,
        frozen.dqkv.data() + 2 * c.dim, nullptr, nullptr, nullptr, scratch.data());
    ExpectSameBits("dqkv", frozen.dqkv, full.dqkv);
    // And only the positions' gradient.
    Operands<float> only(c);
    RelativeAttentionBackward({pool}, only.offsets, only.shape, only.q(), only.k(), only.v(),
                              only.stride, only.r.data(), only.u.data(), only.w.data(),
                              full.probabilities.data(), only.dout.data(), nullptr, nullptr,
                              nullptr, only.dr.data(), only.du.data(), nullptr, scratch.data());
    ExpectSameBits("dr", only.dr, full.dr);
    ExpectSameBits("du", only.du, full.du);
    EXPECT_EQ(only.dqkv, std::vector<float>(only.dqkv.size(), kUntouched));
  });
}

TEST(AttentionTest, PositionsNobodyUsesGetNoGradient) {
  const Case c = {.lengths = {4}, .dim = 8, .heads = 2, .extra_positions = 9};
  const ThreadPool pool(1);
  Operands<float> o(c);
  Forward(pool, o);
  Backward(pool, o);
  for (int64_t p = 0; p < o.shape.positions(); ++p) {
    const bool used = std::abs(o.shape.max_frames - 1 - p) < 4;
    EXPECT_EQ(o.dr[p * c.dim] != 0.0f, used) << p;
  }
}

TEST(AttentionTest, LargeScoresStayFinite) {
  const Case c = {.lengths = {21}, .dim = 16, .heads = 2};
  const ThreadPool pool(1);
  ForEachTarget([&] {
    Operands<float> o(c);
    for (float& value : o.qkv) value *= 1000.0f;
    Forward(pool, o);
    for (int64_t row = 0; row < 2 * 21; ++row) {
      double sum = 0.0;
      for (int64_t j = 0; j < 21; ++j) sum += o.probabilities[row * 21 + j];
      ASSERT_NEAR(sum, 1.0, 1e-5);
    }
  });
}

TEST(AttentionTest, EmptyUtterancesAndBatchesAreFine) {
  const ThreadPool pool(2);
  const Case c = {.lengths = {0, 3, 0}, .dim = 8, .heads = 2};
  ExpectMatchesTwin(c);
  const std::vector<int64_t> nothing = {0};
  const AttentionShape shape = {.dim = 8, .heads = 2, .max_frames = 1};
  std::vector<float> empty(8);
  RelativeAttentionForward({pool}, nothing, shape, nullptr, nullptr, nullptr, 8, empty.data(),
                           empty.data(), empty.data(), nullptr, nullptr);
  EXPECT_EQ(AttentionProbabilityFloats(nothing, 2), 0);
}

// The twin's gradients against central differences of its loss sum(dout * out).
TEST(AttentionTest, TwinGradientsMatchCentralDifferences) {
  const Case c = {.lengths = {5, 3}, .dim = 6, .heads = 2, .extra_positions = 1};
  Operands<double> o(c);
  for (std::vector<double>* gradient : {&o.dqkv, &o.du, &o.dw}) {
    std::fill(gradient->begin(), gradient->end(), 0.0);
  }
  Forward(o);
  Backward(o);
  const auto loss = [&] {
    Forward(o);
    return reference::Dot(o.out, o.dout);
  };
  reference::ExpectNumericGradient(o.qkv, o.dqkv, loss, "qkv");
  reference::ExpectNumericGradient(o.r, o.dr, loss, "r");
  reference::ExpectNumericGradient(o.u, o.du, loss, "u");
  reference::ExpectNumericGradient(o.w, o.dw, loss, "w");
}

TEST(RelativePositionsTest, MatchesTwin) {
  for (const int64_t frames : {1, 2, 37, 1000}) {
    for (const int64_t dim : {2, 6, 64}) {
      std::vector<double> expected((2 * frames - 1) * dim);
      reference::RelativePositions(frames, dim, expected.data());
      std::vector<float> actual(expected.size(), kUntouched);
      RelativePositions(frames, dim, actual.data());
      for (size_t i = 0; i < actual.size(); ++i) ASSERT_NEAR(actual[i], expected[i], 1e-7) << i;
    }
  }
}

TEST(RelativePositionsTest, FirstRowIsTheFarthestPast) {
  std::vector<float> positions(5 * 2);
  RelativePositions(3, 2, positions.data());
  EXPECT_NEAR(positions[0], std::sin(2.0), 1e-7);
  EXPECT_NEAR(positions[1], std::cos(2.0), 1e-7);
  EXPECT_NEAR(positions[4], 0.0, 1e-7);
  EXPECT_NEAR(positions[8], std::sin(-2.0), 1e-7);
}

}  // namespace
}  // namespace masr
