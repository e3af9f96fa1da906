#include "kernels/instance_norm.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/thread_pool.h"
#include "kernels/reference/instance_norm.h"
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

constexpr float kEpsilon = 1e-5f;
constexpr int64_t kChannels[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 65, 100, 257};

struct InstanceNorm {
  InstanceNorm(const std::vector<int64_t>& lengths, int64_t width)
      : offsets(PackedOffsets(lengths)),
        channels(width),
        x(RandomFloats(offsets.back() * width, 1, 3.0)),
        gamma(RandomFloats(width, 2)),
        beta(RandomFloats(width, 3)),
        dy(RandomFloats(offsets.back() * width, 4)),
        y(x.size()),
        mean(lengths.size() * static_cast<size_t>(width)),
        inv_std(mean.size()),
        dx(x.size()),
        dgamma(width, 0.5f),
        dbeta(width, -0.5f) {}

  void Run(const ThreadPool& threads) {
    InstanceNormForward({threads}, offsets, channels, kEpsilon, x.data(), gamma.data(), beta.data(),
                        y.data(), mean.data(), inv_std.data());
    InstanceNormBackward({threads}, offsets, channels, x.data(), gamma.data(), mean.data(),
                         inv_std.data(), dy.data(), dx.data(), dgamma.data(), dbeta.data());
  }

  std::vector<int64_t> offsets;
  int64_t channels;
  std::vector<float> x, gamma, beta, dy, y, mean, inv_std, dx, dgamma, dbeta;
};

// Utterances of one, two and many frames, and one without any.
const std::vector<int64_t> kLengths = {5, 1, 0, 301, 17};

TEST(InstanceNormTest, MatchesTwin) {
  ForEachTarget([&] {
    ThreadPool threads(2);
    for (const int64_t channels : kChannels) {
      InstanceNorm norm(kLengths, channels);
      norm.Run(threads);
      std::vector<double> y(norm.y.size()), dx(norm.dx.size());
      std::vector<double> dgamma(channels, 0.5), dbeta(channels, -0.5);
      reference::InstanceNormForward(norm.offsets, channels, kEpsilon, Doubles(norm.x).data(),
                                     Doubles(norm.gamma).data(), Doubles(norm.beta).data(),
                                     y.data());
      reference::InstanceNormBackward(norm.offsets, channels, kEpsilon, Doubles(norm.x).data(),
                                      Doubles(norm.gamma).data(), Doubles(norm.dy).data(),
                                      dx.data(), dgamma.data(), dbeta.data());
      ExpectClose(norm.y, y, 1e-5, "y");
      ExpectClose(norm.dx, dx, 2e-5, "dx");
      ExpectClose(norm.dgamma, dgamma, 2e-5, "dgamma");
      ExpectClose(norm.dbeta, dbeta, 1e-5, "dbeta");
    }
  });
}

TEST(InstanceNormTest, TwinGradientsAreDerivatives) {
  InstanceNorm norm({3, 4}, 3);
  std::vector<double> x = Doubles(norm.x), gamma = Doubles(norm.gamma), beta = Doubles(norm.beta);
  const std::vector<double> dy = Doubles(norm.dy);
  std::vector<double> y(x.size()), dx(x.size()), dgamma(3), dbeta(3);
  reference::InstanceNormBackward(norm.offsets, 3, kEpsilon, x.data(), gamma.data(), dy.data(),
                                  dx.data(), dgamma.data(), dbeta.data());
  const auto loss = [&] {
    reference::InstanceNormForward(norm.offsets, 3, kEpsilon, x.data(), gamma.data(), beta.data(),
                                   y.data());
    return reference::Dot(y, dy);
  };
  ExpectNumericGradient(x, dx, loss, "dx");
  ExpectNumericGradient(gamma, dgamma, loss, "dgamma");
  ExpectNumericGradient(beta, dbeta, loss, "dbeta");
}

TEST(InstanceNormTest, ThreadsDoNotChangeBitsAndAnUtteranceStandsAlone) {
  ForEachTarget([&] {
    ThreadPool one(1);
    InstanceNorm expected({200, 150}, 131);
    expected.Run(one);
    for (const int count : {2, 3}) {
      ThreadPool threads(count);
      InstanceNorm norm({200, 150}, 131);
      norm.Run(threads);
      EXPECT_TRUE(SameBits(norm.y, expected.y));
      EXPECT_TRUE(SameBits(norm.dx, expected.dx));
      EXPECT_TRUE(SameBits(norm.dgamma, expected.dgamma));
      EXPECT_TRUE(SameBits(norm.dbeta, expected.dbeta));
    }
    InstanceNorm alone({150}, 131);
    alone.x.assign(expected.x.begin() + 200 * 131, expected.x.end());
    alone.Run(one);
    EXPECT_TRUE(SameBits(alone.y, {expected.y.begin() + 200 * 131, expected.y.end()}));
  });
}

TEST(InstanceNormTest, RunsInPlaceAndGradientsMayBeNull) {
  ForEachTarget([&] {
    ThreadPool threads(1);
    InstanceNorm norm(kLengths, 37);
    norm.Run(threads);
    std::vector<float> in_place = norm.x;
    InstanceNormForward({threads}, norm.offsets, 37, kEpsilon, in_place.data(), norm.gamma.data(),
                        norm.beta.data(), in_place.data(), norm.mean.data(), norm.inv_std.data());
    EXPECT_TRUE(SameBits(in_place, norm.y));
    std::vector<float> dy = norm.dy, dgamma(37, 0.5f), dbeta(37, -0.5f);
    const auto backward = [&](float* dx, float* dg, float* db) {
      InstanceNormBackward({threads}, norm.offsets, 37, norm.x.data(), norm.gamma.data(),
                           norm.mean.data(), norm.inv_std.data(), dy.data(), dx, dg, db);
    };
    backward(nullptr, dgamma.data(), nullptr);
    backward(nullptr, nullptr, dbeta.data());
    EXPECT_TRUE(SameBits(dgamma, norm.dgamma));
    EXPECT_TRUE(SameBits(dbeta, norm.dbeta));
    backward(dy.data(), dgamma.data(), nullptr);
    EXPECT_TRUE(SameBits(dy, norm.dx));
    EXPECT_FALSE(SameBits(dgamma, norm.dgamma)) << "dgamma has to accumulate";
  });
}

// A minute of a wave beside a large mean: neither may swallow the variance.
TEST(InstanceNormTest, LongUtterancesAndLargeMeansKeepTheirDigits) {
  ForEachTarget([&] {
    ThreadPool threads(2);
    const int64_t frames = 100'000;
    InstanceNorm norm({frames}, 3);
    for (float& v : norm.x) v += 100.0f;
    norm.Run(threads);
    std::vector<double> y(norm.y.size());
    reference::InstanceNormForward(norm.offsets, 3, kEpsilon, Doubles(norm.x).data(),
                                   Doubles(norm.gamma).data(), Doubles(norm.beta).data(), y.data());
    ExpectClose(norm.y, y, 5e-5, "y");
    InstanceNorm constant({40}, 5);
    constant.x.assign(constant.x.size(), 1e4f);
    constant.Run(threads);
    EXPECT_TRUE(AllFinite(constant.y));
    EXPECT_TRUE(AllFinite(constant.dx));
  });
}

}  // namespace
}  // namespace masr
