#include "kernels/optimizer_step.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/parallel.h"
#include "kernels/reference/optimizer_step.h"
#include "kernels/reference/testing.h"

namespace masr {
namespace {

using reference::Doubles;
using reference::ExpectClose;
using reference::ForEachTarget;
using reference::RandomFloats;
using reference::SameBits;

constexpr AdamWStep kAdamW = {.beta1 = 0.9f,
                              .beta2 = 0.98f,
                              .rate = 2e-3f,
                              .inverse_v = 3.5f,
                              .epsilon = 1e-8f,
                              .decay = 1e-3f,
                              .gradient_scale = 0.5f};
constexpr SgdStep kSgd = {
    .learning_rate = 0.05f, .momentum = 0.9f, .weight_decay = 0.01f, .gradient_scale = 0.5f};

// Parameters and their state. Squares are averaged in v: never negative.
struct Weights {
  explicit Weights(int64_t n)
      : gradient(RandomFloats(n, 1)), p(RandomFloats(n, 2)), m(RandomFloats(n, 3)) {
    for (float x : RandomFloats(n, 4)) v.push_back(x * x);
  }
  std::vector<float> gradient, p, m, v;
};

Weights AfterAdamW(int64_t n, int threads) {
  ThreadPool pool(threads);
  Weights w(n);
  ApplyAdamW({pool}, kAdamW, n, w.gradient.data(), w.p.data(), w.m.data(), w.v.data());
  return w;
}

Weights AfterSgd(int64_t n, int threads) {
  ThreadPool pool(threads);
  Weights w(n);
  ApplySgd({pool}, kSgd, n, w.gradient.data(), w.p.data(), w.m.data());
  return w;
}

TEST(OptimizerStep, EqualsThePlainTwin) {
  ForEachTarget([] {
    for (int64_t n : {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 1001}) {
      const Weights start(n);
      auto gradient = Doubles(start.gradient), p = Doubles(start.p), m = Doubles(start.m),
           v = Doubles(start.v);
      reference::ApplyAdamW(kAdamW, n, gradient.data(), p.data(), m.data(), v.data());
      const Weights adamw = AfterAdamW(n, 1);
      ExpectClose(adamw.p, p, 1e-6, "AdamW p");
      ExpectClose(adamw.m, m, 1e-6, "AdamW m");
      ExpectClose(adamw.v, v, 1e-6, "AdamW v");

      auto sgd_p = Doubles(start.p), b = Doubles(start.m);
      reference::ApplySgd(kSgd, n, gradient.data(), sgd_p.data(), b.data());
      const Weights sgd = AfterSgd(n, 1);
      ExpectClose(sgd.p, sgd_p, 1e-6, "SGD p");
      ExpectClose(sgd.m, b, 1e-6, "SGD b");
    }
  });
}

TEST(OptimizerStep, ThreadsDoNotMatter) {
  const int64_t n = 5 * kTaskElements + 13;
  ForEachTarget([] {
    const Weights adamw = AfterAdamW(n, 1);
    const Weights sgd = AfterSgd(n, 1);
    for (int threads : {2, 3}) {
      const Weights other = AfterAdamW(n, threads);
      EXPECT_TRUE(SameBits(other.p, adamw.p) && SameBits(other.m, adamw.m) &&
                  SameBits(other.v, adamw.v));
      const Weights other_sgd = AfterSgd(n, threads);
      EXPECT_TRUE(SameBits(other_sgd.p, sgd.p) && SameBits(other_sgd.m, sgd.m));
    }
  });
}

// A parameter's update does not depend on where in the array it lies: checkpoints of sub-models cut
// arrays at other places.
TEST(OptimizerStep, PlaceInTheArrayDoesNotMatter) {
  constexpr int64_t kCount = 37;
  const Weights start(kCount);
  ThreadPool pool(1);
  ForEachTarget([&] {
    const Weights adamw = AfterAdamW(kCount, 1);
    const Weights sgd = AfterSgd(kCount, 1);
    for (int64_t begin : {1, 3, 8, 30}) {
      const int64_t n = kCount - begin;
      Weights a(kCount), b(kCount);
      ApplyAdamW({pool}, kAdamW, n, a.gradient.data() + begin, a.p.data() + begin,
                 a.m.data() + begin, a.v.data() + begin);
      ApplySgd({pool}, kSgd, n, b.gradient.data() + begin, b.p.data() + begin, b.m.data() + begin);
      for (int64_t i = 0; i < kCount; ++i) {
        EXPECT_EQ(a.p[i], i < begin ? start.p[i] : adamw.p[i]) << i << " from " << begin;
        EXPECT_EQ(b.p[i], i < begin ? start.p[i] : sgd.p[i]) << i << " from " << begin;
      }
    }
  });
}

TEST(OptimizerStep, AFreshStateAndNoGradientOnlyDecays) {
  ThreadPool pool(1);
  const std::vector<float> zeros(9, 0.0f);
  std::vector<float> p(9, 2.0f), m = zeros, v = zeros;
  ApplyAdamW({pool}, kAdamW, 9, zeros.data(), p.data(), m.data(), v.data());
  for (float x : p) EXPECT_FLOAT_EQ(x, 2.0f * (1.0f - 1e-3f));
  EXPECT_EQ(m, zeros);
  EXPECT_EQ(v, zeros);
}

}  // namespace
}  // namespace masr
