#include "kernels/optimizer_step_8bit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/parallel.h"
#include "kernels/reference/optimizer_step_8bit.h"
#include "kernels/reference/testing.h"

namespace masr {
namespace {

using reference::Doubles;
using reference::ExpectClose;
using reference::ForEachTarget;
using reference::RandomFloats;
using reference::SameBits;

constexpr AdamWStep kStep = {.beta1 = 0.9f,
                             .beta2 = 0.98f,
                             .rate = 2e-3f,
                             .inverse_v = 3.5f,
                             .epsilon = 1e-8f,
                             .decay = 1e-3f,
                             .gradient_scale = 0.5f};

// Parameters and their moments.
struct Weights {
  explicit Weights(int64_t count)
      : n(count),
        gradient(RandomFloats(count, 1)),
        p(RandomFloats(count, 2)),
        memory(static_cast<size_t>(Moments8Bytes(count) / 4), 0.0f) {}
  Weights(const Weights&) = default;

  Moments8 moments() { return Moments8At(memory.data(), n); }
  void Step(const ThreadPool& pool, uint32_t key) {
    ApplyAdamW8({pool}, kStep, key, n, gradient.data(), p.data(), moments());
  }
  double M(int64_t i) {
    return reference::DecodeMoment(moments().m[i]) * moments().m_scales[i / kMomentBlock];
  }
  double Root(int64_t i) {
    return reference::DecodeRoot(moments().s[i]) * moments().s_scales[i / kMomentBlock];
  }

  int64_t n;
  std::vector<float> gradient, p, memory;
};

// Any codes, and scales of every block.
Weights AnyState(int64_t n) {
  Weights w(n);
  const std::vector<float> codes = RandomFloats(2 * n, 3);
  const Moments8 moments = w.moments();
  for (int64_t i = 0; i < n; ++i) {
    moments.m[i] = static_cast<uint8_t>(std::lround(127 * (1 + codes[i])));
    moments.s[i] = static_cast<uint8_t>(std::lround(127 * (1 + codes[n + i])));
  }
  for (int64_t b = 0; b * kMomentBlock < n; ++b) {
    moments.m_scales[b] = 0.5f + static_cast<float>(b);
    moments.s_scales[b] = 1.5f + static_cast<float>(b);
  }
  return w;
}

TEST(OptimizerStep8, EqualsThePlainTwin) {
  const ThreadPool pool(1);
  ForEachTarget([&] {
    for (int64_t n : {0, 1, 2, 3, 5, 8, 15, 17, 33, 255, 256, 257, 511, 1001}) {
      SCOPED_TRACE(n);
      Weights fast = AnyState(n);
      Weights plain = fast;
      auto p = Doubles(plain.p);
      fast.Step(pool, 12345);
      reference::ApplyAdamW8(kStep, 12345, n, Doubles(plain.gradient).data(), p.data(),
                             plain.moments());
      ExpectClose(fast.p, p, 1e-5, "p");
      // A value within rounding of a border may fall to its other side.
      int64_t others = 0;
      for (int64_t i = 0; i < n; ++i) {
        const int m = std::abs(fast.moments().m[i] - plain.moments().m[i]);
        const int s = std::abs(fast.moments().s[i] - plain.moments().s[i]);
        ASSERT_LE(std::max(m, s), 1) << i;
        others += m + s;
      }
      EXPECT_LE(others, 1 + n / 200);
      for (int64_t b = 0; b * kMomentBlock < n; ++b) {
        EXPECT_NEAR(fast.moments().m_scales[b], plain.moments().m_scales[b], 1e-5);
        EXPECT_NEAR(fast.moments().s_scales[b], plain.moments().s_scales[b], 1e-5);
      }
    }
  });
}

TEST(OptimizerStep8, ThreadsDoNotMatter) {
  const int64_t n = 5 * kTaskElements + 13;
  ForEachTarget([&] {
    Weights one = AnyState(n);
    one.Step(ThreadPool(1), 7);
    for (int threads : {2, 3}) {
      Weights other = AnyState(n);
      other.Step(ThreadPool(threads), 7);
      EXPECT_TRUE(SameBits(other.p, one.p) && SameBits(other.memory, one.memory));
    }
  });
}

TEST(OptimizerStep8, TheKeyOnlyRounds) {
  const ThreadPool pool(1);
  Weights a = AnyState(1000);
  Weights b = AnyState(1000);
  a.Step(pool, 1);
  b.Step(pool, 2);
  EXPECT_TRUE(SameBits(a.p, b.p));
  EXPECT_FALSE(SameBits(a.memory, b.memory));
  for (int64_t i = 0; i < 1000; ++i) {
    EXPECT_LE(std::abs(a.moments().s[i] - b.moments().s[i]), 1);
  }
}

// However unlike the numbers of a block are: within the digits of a code.
TEST(OptimizerStep8, ACodeIsNearWhatItStandsFor) {
  const ThreadPool pool(1);
  ForEachTarget([&] {
    Weights w(300);
    for (int64_t i = 0; i < w.n; ++i) {
      w.gradient[i] = (i % 2 == 0 ? 2.0f : -2.0f) * std::pow(2.0f, -static_cast<float>(i % 15));
    }
    w.Step(pool, 3);
    for (int64_t i = 0; i < w.n; ++i) {
      const double g = 0.5 * w.gradient[i];
      EXPECT_NEAR(w.M(i) / (0.1 * g), 1, 1.0 / 8) << i;
      EXPECT_NEAR(w.Root(i) / (std::sqrt(0.02) * std::abs(g)), 1, 1.0 / 16) << i;
    }
  });
}

TEST(OptimizerStep8, AVAboveZeroStaysAboveZero) {
  const ThreadPool pool(1);
  ForEachTarget([&] {
    Weights w(20);
    std::ranges::fill(w.gradient, 1e-9f);
    w.gradient[3] = 1;
    w.gradient[4] = 0;
    w.Step(pool, 3);
    EXPECT_EQ(w.moments().m[5], 0);
    EXPECT_EQ(w.moments().s[5], 1);
    EXPECT_EQ(w.moments().m[4], 0);
    EXPECT_EQ(w.moments().s[4], 0);
  });
}

// A mean over thousands of numbers and steps: what rounding cuts off is given back.
TEST(OptimizerStep8, RoundingDoesNotPullMomentsAnywhere) {
  const ThreadPool pool(1);
  Weights w(4096);
  std::ranges::fill(w.gradient, 2.0f);
  w.gradient[0] = 3.1f;  // so that the others are not the scale itself
  for (int64_t b = 0; b < w.n; b += kMomentBlock) w.gradient[b] = 3.1f;
  const auto means = [&] {
    double m = 0, root = 0;
    for (int64_t i = 0; i < w.n; ++i) {
      m += w.M(i);
      root += w.Root(i);
    }
    return std::pair(m / static_cast<double>(w.n), root / static_cast<double>(w.n));
  };
  for (uint32_t step = 1; step <= 400; ++step) w.Step(pool, step * 0x9e3779b9u);
  EXPECT_NEAR(means().first, 1, 0.01);
  EXPECT_NEAR(means().second, 1, 0.02);
  // A gradient ten times smaller: v falls, though by less in a step than its codes can tell.
  std::ranges::for_each(w.gradient, [](float& g) { g *= 0.1f; });
  for (uint32_t step = 1; step <= 400; ++step) w.Step(pool, step * 0x85ebca6bu);
  EXPECT_NEAR(means().first, 0.1, 0.001);
  EXPECT_NEAR(means().second, 0.1, 0.005);
}

TEST(OptimizerStep8, AFreshStateAndNoGradientOnlyDecays) {
  const ThreadPool pool(1);
  Weights w(9);
  std::ranges::fill(w.gradient, 0.0f);
  std::ranges::fill(w.p, 2.0f);
  w.Step(pool, 1);
  for (float x : w.p) EXPECT_FLOAT_EQ(x, 2.0f * (1.0f - 1e-3f));
  for (float x : w.memory) EXPECT_EQ(x, 0.0f);
}

TEST(OptimizerStep8, MomentsTakeAQuarter) {
  EXPECT_EQ(Moments8Bytes(0), 0);
  EXPECT_EQ(Moments8Bytes(1), 8 + 4);
  EXPECT_EQ(Moments8Bytes(256), 8 + 512);
  EXPECT_EQ(Moments8Bytes(257), 16 + 516);
}

}  // namespace
}  // namespace masr
