#include "kernels/elementwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/reference/elementwise.h"
#include "kernels/reference/testing.h"

namespace masr {
namespace {

using reference::AllFinite;
using reference::Doubles;
using reference::ExpectClose;
using reference::ExpectNumericGradient;
using reference::ForEachTarget;
using reference::RandomFloats;
using reference::SameBits;

constexpr Activation kAll[] = {Activation::kRelu, Activation::kClippedRelu, Activation::kSilu,
                               Activation::kGelu};
constexpr int64_t kSizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 129, 1000};
constexpr float kSentinel = 12345.0f;

TEST(ActivationTest, MatchesTwinAndStaysInBounds) {
  ThreadPool threads(1);
  ForEachTarget([&] {
    for (const Activation f : kAll) {
      for (const int64_t n : kSizes) {
        const std::vector<float> x = RandomFloats(n, n, n % 2 == 0 ? 4.0 : 30.0);
        const std::vector<float> dy = RandomFloats(n, n + 1);
        std::vector<double> y_twin(n), dx_twin(n);
        reference::ActivationForward(f, n, Doubles(x).data(), y_twin.data());
        reference::ActivationBackward(f, n, Doubles(x).data(), Doubles(dy).data(), dx_twin.data());
        std::vector<float> y(n + 1, kSentinel), dx(n + 1, kSentinel);
        ActivationForward({threads}, f, n, x.data(), y.data());
        ActivationBackward({threads}, f, n, x.data(), dy.data(), dx.data());
        EXPECT_EQ(y.back(), kSentinel);
        EXPECT_EQ(dx.back(), kSentinel);
        y.pop_back();
        dx.pop_back();
        ExpectClose(y, y_twin, 1e-6, "y");
        ExpectClose(dx, dx_twin, 1e-6, "dx");
        std::vector<float> x_to_y = x, dy_to_dx = dy;
        ActivationForward({threads}, f, n, x_to_y.data(), x_to_y.data());
        ActivationBackward({threads}, f, n, x.data(), dy_to_dx.data(), dy_to_dx.data());
        EXPECT_TRUE(SameBits(x_to_y, y));
        EXPECT_TRUE(SameBits(dy_to_dx, dx));
      }
    }
  });
}

TEST(ActivationTest, SmallResultsKeepTheirRelativeAccuracy) {
  ThreadPool threads(1);
  ForEachTarget([&] {
    for (const Activation f : {Activation::kSilu, Activation::kGelu}) {
      for (const float x : {-5.0f, -3.0f, -1.0f, -1e-3f, 1e-6f, 1e-20f}) {
        const double x_twin = x;
        double y_twin = 0.0;
        float y = 0.0f;
        reference::ActivationForward(f, 1, &x_twin, &y_twin);
        ActivationForward({threads}, f, 1, &x, &y);
        EXPECT_NEAR(y / y_twin, 1.0, 2e-6) << x;
      }
    }
  });
}

TEST(ActivationTest, TwinGradientsAreDerivatives) {
  for (const Activation f : kAll) {
    std::vector<double> x = Doubles(RandomFloats(40, 3, 25.0));
    const std::vector<double> dy = Doubles(RandomFloats(40, 4));
    std::vector<double> y(40), dx(40);
    reference::ActivationBackward(f, 40, x.data(), dy.data(), dx.data());
    ExpectNumericGradient(
        x, dx,
        [&] {
          reference::ActivationForward(f, 40, x.data(), y.data());
          return reference::Dot(y, dy);
        },
        "dx");
  }
}

TEST(ActivationTest, ThreadsDoNotChangeBits) {
  const int64_t n = 100003;
  const std::vector<float> x = RandomFloats(n, 1, 5.0);
  const std::vector<float> dy = RandomFloats(n, 2);
  ForEachTarget([&] {
    for (const Activation f : kAll) {
      std::vector<float> y1(n), dx1(n);
      ThreadPool one(1);
      ActivationForward({one}, f, n, x.data(), y1.data());
      ActivationBackward({one}, f, n, x.data(), dy.data(), dx1.data());
      for (const int count : {2, 3}) {
        ThreadPool threads(count);
        std::vector<float> y(n), dx(n);
        ActivationForward({threads}, f, n, x.data(), y.data());
        ActivationBackward({threads}, f, n, x.data(), dy.data(), dx.data());
        EXPECT_TRUE(SameBits(y, y1));
        EXPECT_TRUE(SameBits(dx, dx1));
      }
    }
  });
}

TEST(ActivationTest, ExtremeInputsAreFiniteAndNanStaysVisible) {
  ThreadPool threads(1);
  const std::vector<float> x = {1e4f, -1e4f, 88.0f, -88.0f, 104.0f, -104.0f, 0.0f, -0.0f, 1e18f};
  const int64_t n = static_cast<int64_t>(x.size());
  const std::vector<float> ones(n, 1.0f);
  ForEachTarget([&] {
    for (const Activation f : kAll) {
      std::vector<float> y(n), dx(n);
      ActivationForward({threads}, f, n, x.data(), y.data());
      ActivationBackward({threads}, f, n, x.data(), ones.data(), dx.data());
      EXPECT_TRUE(AllFinite(y));
      EXPECT_TRUE(AllFinite(dx));
      EXPECT_EQ(y[0], f == Activation::kClippedRelu ? 20.0f : 1e4f);
      EXPECT_EQ(y[1], 0.0f);
      const float nan = std::numeric_limits<float>::quiet_NaN();
      float y_nan = 0.0f;
      ActivationForward({threads}, f, 1, &nan, &y_nan);
      EXPECT_TRUE(std::isnan(y_nan));
    }
  });
}

TEST(GluTest, MatchesTwin) {
  ForEachTarget([&] {
    ThreadPool threads(2);
    for (const int64_t rows : {1, 3, 300}) {
      for (const int64_t dim : {1, 2, 7, 16, 17, 33, 65, 100}) {
        const std::vector<float> x = RandomFloats(rows * dim * 2, dim, 6.0);
        const std::vector<float> dy = RandomFloats(rows * dim, dim + 1);
        std::vector<double> y_twin(rows * dim), dx_twin(rows * dim * 2);
        reference::GluForward(rows, dim, Doubles(x).data(), y_twin.data());
        reference::GluBackward(rows, dim, Doubles(x).data(), Doubles(dy).data(), dx_twin.data());
        std::vector<float> y(rows * dim), dx(rows * dim * 2);
        GluForward({threads}, rows, dim, x.data(), y.data());
        GluBackward({threads}, rows, dim, x.data(), dy.data(), dx.data());
        ExpectClose(y, y_twin, 1e-6, "y");
        ExpectClose(dx, dx_twin, 1e-6, "dx");
      }
    }
  });
}

TEST(GluTest, ThreadsDoNotChangeBitsAndARowStandsAlone) {
  const int64_t rows = 501, dim = 127;
  std::vector<float> x = RandomFloats(rows * dim * 2, 5, 10.0);
  x[0] = 1e4f;
  x[dim] = -1e4f;
  const std::vector<float> dy = RandomFloats(rows * dim, 6);
  ForEachTarget([&] {
    std::vector<std::vector<float>> ys, dxs;
    for (const int count : {1, 2, 3}) {
      ThreadPool threads(count);
      ys.emplace_back(rows * dim);
      dxs.emplace_back(rows * dim * 2);
      GluForward({threads}, rows, dim, x.data(), ys.back().data());
      GluBackward({threads}, rows, dim, x.data(), dy.data(), dxs.back().data());
      EXPECT_TRUE(SameBits(ys.back(), ys.front()));
      EXPECT_TRUE(SameBits(dxs.back(), dxs.front()));
    }
    EXPECT_TRUE(AllFinite(ys[0]));
    EXPECT_TRUE(AllFinite(dxs[0]));
    ThreadPool one(1);
    std::vector<float> row(dim);
    GluForward({one}, 1, dim, x.data() + 400 * dim * 2, row.data());
    EXPECT_TRUE(SameBits(row, {ys[0].begin() + 400 * dim, ys[0].begin() + 401 * dim}));
  });
}

TEST(GluTest, TwinGradientIsTheDerivative) {
  const int64_t rows = 3, dim = 5;
  std::vector<double> x = Doubles(RandomFloats(rows * dim * 2, 7, 3.0));
  const std::vector<double> dy = Doubles(RandomFloats(rows * dim, 8));
  std::vector<double> y(rows * dim), dx(rows * dim * 2);
  reference::GluBackward(rows, dim, x.data(), dy.data(), dx.data());
  ExpectNumericGradient(
      x, dx,
      [&] {
        reference::GluForward(rows, dim, x.data(), y.data());
        return reference::Dot(y, dy);
      },
      "dx");
}

TEST(ScaleAddTest, MatchesTwinAndDoesNotReadYWhenBIsZero) {
  ForEachTarget([&] {
    ThreadPool threads(2);
    for (const int64_t n : {1, 7, 17, 64, 1001, 40000}) {
      for (const float b : {0.0f, 1.0f, -0.5f}) {
        const std::vector<float> x = RandomFloats(n, n);
        std::vector<float> y = RandomFloats(n, n + 1);
        std::vector<double> y_twin = Doubles(y);
        if (b == 0.0f) y.assign(n, std::numeric_limits<float>::quiet_NaN());
        reference::ScaleAdd(n, 0.75, Doubles(x).data(), b, y_twin.data());
        ScaleAdd({threads}, n, 0.75f, x.data(), b, y.data());
        ExpectClose(y, y_twin, 1e-6, "y");
      }
    }
  });
}

TEST(ScaleAddTest, ThreadsDoNotChangeBits) {
  const int64_t n = 100003;
  const std::vector<float> x = RandomFloats(n, 11);
  ForEachTarget([&] {
    std::vector<std::vector<float>> ys;
    for (const int count : {1, 2, 3}) {
      ThreadPool threads(count);
      ys.push_back(RandomFloats(n, 12));
      ScaleAdd({threads}, n, 0.3f, x.data(), 0.7f, ys.back().data());
      EXPECT_TRUE(SameBits(ys.back(), ys.front()));
    }
  });
}

TEST(DropoutTest, MatchesTwinOnEverySizeAndStaysInBounds) {
  ThreadPool threads(1);
  ForEachTarget([&] {
    for (const int64_t n : kSizes) {
      for (const float p : {0.0f, 0.1f, 0.5f, 0.9f}) {
        const std::vector<float> x = RandomFloats(n, n, 2.0);
        std::vector<double> y_twin(n);
        reference::Dropout(n, p, 77 + n, Doubles(x).data(), y_twin.data());
        std::vector<float> y(n + 1, kSentinel);
        Dropout({threads}, n, p, 77 + n, x.data(), y.data());
        EXPECT_EQ(y.back(), kSentinel);
        y.pop_back();
        ExpectClose(y, y_twin, 1e-6, "y");
      }
    }
  });
}

TEST(DropoutTest, NeitherThreadsNorTargetsNorInPlaceChangeTheMask) {
  const int64_t n = 50001;
  const std::vector<float> x = RandomFloats(n, 9, 2.0);
  for (const float p : {0.0f, 0.1f, 0.5f, 0.9f}) {
    std::vector<double> y_twin(n);
    reference::Dropout(n, p, 77, Doubles(x).data(), y_twin.data());
    std::vector<float> first;
    ForEachTarget([&] {
      for (const int count : {1, 2, 3}) {
        ThreadPool threads(count);
        std::vector<float> y = x;
        Dropout({threads}, n, p, 77, y.data(), y.data());
        ExpectClose(y, y_twin, 1e-6, "y");
        if (first.empty()) first = y;
        EXPECT_TRUE(SameBits(y, first));
      }
    });
    EXPECT_EQ(SameBits(first, x), p == 0.0f);
  }
}

TEST(DropoutTest, TheBackwardPassIsTheSameCall) {
  const int64_t n = 100;
  const std::vector<double> dy = Doubles(RandomFloats(n, 3));
  std::vector<double> x = Doubles(RandomFloats(n, 4)), y(n), dx(n);
  reference::Dropout(n, 0.3f, 5, dy.data(), dx.data());
  ExpectNumericGradient(
      x, dx,
      [&] {
        reference::Dropout(n, 0.3f, 5, x.data(), y.data());
        return reference::Dot(y, dy);
      },
      "dx");
}

// 1 where an element was kept, else 0.
std::vector<int> KeptOf(int64_t n, float p, uint64_t key) {
  ThreadPool threads(2);
  std::vector<float> y(n, 1.0f);
  Dropout({threads}, n, p, key, y.data(), y.data());
  std::vector<int> kept(n);
  for (int64_t i = 0; i < n; ++i) kept[i] = y[i] != 0.0f ? 1 : 0;
  return kept;
}

// Correlation of a[i] with b[i + lag], both of mean 1 - p. Of n independent pairs, its standard
// deviation is 1 / sqrt(n).
double Correlation(const std::vector<int>& a, const std::vector<int>& b, size_t lag, double p) {
  double sum = 0.0;
  const size_t n = a.size() - lag;
  for (size_t i = 0; i < n; ++i) sum += (a[i] - (1.0 - p)) * (b[i + lag] - (1.0 - p));
  return sum / (static_cast<double>(n) * p * (1.0 - p));
}

constexpr int64_t kDraws = 1 << 18;
constexpr double kFiveDeviations = 5.0 / 512.0;  // of a mean of kDraws numbers of variance 1

TEST(DropoutTest, KeepsTheExpectation) {
  ThreadPool threads(2);
  for (const float p : {0.01f, 0.1f, 0.3f, 0.5f, 0.9f}) {
    for (const uint64_t key : {0ull, 1ull, 0xffffffffffffffffull}) {
      std::vector<float> y(kDraws, 1.0f);
      Dropout({threads}, kDraws, p, key, y.data(), y.data());
      double sum = 0.0;
      for (const float value : y) sum += value;
      const double deviation = std::sqrt(p / (1.0 - p));
      EXPECT_NEAR(sum / kDraws, 1.0, deviation * kFiveDeviations) << p << " " << key;
    }
  }
}

// How many of each 64 in a row are kept is binomial: its variance shows whether draws come in
// bunches.
TEST(DropoutTest, CountsOfBlocksHaveTheBinomialVariance) {
  constexpr int64_t kBlock = 64, kBlocks = kDraws / kBlock;
  for (const float p : {0.1f, 0.5f}) {
    const std::vector<int> kept = KeptOf(kDraws, p, 3);
    double squares = 0.0;
    for (int64_t b = 0; b < kBlocks; ++b) {
      double count = 0.0;
      for (int64_t i = 0; i < kBlock; ++i) count += kept[b * kBlock + i];
      const double error = count - kBlock * (1.0 - p);
      squares += error * error;
    }
    // A variance estimated from 4096 blocks has a relative deviation of sqrt(2 / 4096) = 2.2 %.
    EXPECT_NEAR(squares / kBlocks / (kBlock * p * (1.0 - p)), 1.0, 0.11) << p;
  }
}

TEST(DropoutTest, NeighboursAreIndependent) {
  for (const float p : {0.1f, 0.5f}) {
    const std::vector<int> kept = KeptOf(kDraws, p, 4);
    for (const size_t lag : {1, 2, 3, 4, 8, 16, 64, 256, 1024, 65536}) {
      EXPECT_NEAR(Correlation(kept, kept, lag, p), 0.0, 1.2 * kFiveDeviations) << p << " " << lag;
    }
  }
}

// Keys of neighbouring layers and steps: consecutive numbers, and numbers that differ in one bit.
TEST(DropoutTest, KeysAreIndependent) {
  const float p = 0.5f;
  const uint64_t key = 1000;
  const std::vector<int> kept = KeptOf(kDraws, p, key);
  std::vector<uint64_t> others = {key + 1, key + 2};
  for (int bit = 0; bit < 64; bit += 7) others.push_back(key ^ (uint64_t{1} << bit));
  for (const uint64_t other : others) {
    const std::vector<int> other_kept = KeptOf(kDraws, p, other);
    for (const size_t lag : {0, 1, 2}) {
      EXPECT_NEAR(Correlation(kept, other_kept, lag, p), 0.0, kFiveDeviations)
          << other << " " << lag;
    }
  }
}

}  // namespace
}  // namespace masr
