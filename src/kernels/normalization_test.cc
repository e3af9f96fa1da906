#include "kernels/normalization.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/reference/normalization.h"
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

constexpr float kEpsilon = 1e-5f;
constexpr int64_t kDims[] = {1, 2, 3, 5, 8, 15, 16, 17, 31, 33, 64, 65, 100, 257};
constexpr int64_t kRows[] = {1, 3, 130};

std::vector<float> Positive(int64_t size, uint64_t seed) {
  std::vector<float> values = RandomFloats(size, seed);
  for (float& v : values) v = v * v + 0.1f;
  return values;
}

// Inputs and outputs of one layer norm, forward and backward.
struct LayerNorm {
  LayerNorm(int64_t row_count, int64_t width, double scale = 3.0)
      : rows(row_count),
        dim(width),
        x(RandomFloats(rows * dim, 1, scale)),
        gamma(RandomFloats(dim, 2)),
        beta(RandomFloats(dim, 3)),
        dy(RandomFloats(rows * dim, 4)),
        y(rows * dim),
        mean(rows),
        inv_std(rows),
        dx(rows * dim),
        dgamma(dim, 0.5f),
        dbeta(dim, -0.5f) {
    // No row of nearly equal columns, whose rounding inv_std would magnify up to 300 times.
    for (int64_t r = 0; r < rows; ++r) x[r * dim] += static_cast<float>(2.0 * scale);
  }

  void Run(const ThreadPool& threads) {
    LayerNormForward({threads}, rows, dim, kEpsilon, x.data(), gamma.data(), beta.data(), y.data(),
                     mean.data(), inv_std.data());
    LayerNormBackward({threads}, rows, dim, x.data(), gamma.data(), mean.data(), inv_std.data(),
                      dy.data(), dx.data(), dgamma.data(), dbeta.data());
  }

  int64_t rows, dim;
  std::vector<float> x, gamma, beta, dy, y, mean, inv_std, dx, dgamma, dbeta;
};

TEST(LayerNormTest, MatchesTwin) {
  ForEachTarget([&] {
    ThreadPool threads(2);
    for (const int64_t rows : kRows) {
      for (const int64_t dim : kDims) {
        LayerNorm norm(rows, dim);
        norm.Run(threads);
        std::vector<double> y(rows * dim), mean(rows), inv_std(rows), dx(rows * dim);
        std::vector<double> dgamma(dim, 0.5), dbeta(dim, -0.5);
        const std::vector<double> x = Doubles(norm.x), gamma = Doubles(norm.gamma);
        reference::LayerNormForward(rows, dim, kEpsilon, x.data(), gamma.data(),
                                    Doubles(norm.beta).data(), y.data(), mean.data(),
                                    inv_std.data());
        reference::LayerNormBackward(rows, dim, x.data(), gamma.data(), mean.data(), inv_std.data(),
                                     Doubles(norm.dy).data(), dx.data(), dgamma.data(),
                                     dbeta.data());
        ExpectClose(norm.y, y, 1e-5, "y");
        ExpectClose(norm.mean, mean, 1e-6, "mean");
        ExpectClose(norm.dgamma, dgamma, 1e-5, "dgamma");
        ExpectClose(norm.dbeta, dbeta, 1e-5, "dbeta");
        ExpectClose(norm.dx, dx, 1e-5, "dx");
      }
    }
  });
}

TEST(LayerNormTest, TwinGradientsAreDerivatives) {
  const int64_t rows = 3, dim = 6;
  LayerNorm norm(rows, dim);
  std::vector<double> x = Doubles(norm.x), gamma = Doubles(norm.gamma), beta = Doubles(norm.beta);
  const std::vector<double> dy = Doubles(norm.dy);
  std::vector<double> y(rows * dim), mean(rows), inv_std(rows), dx(rows * dim);
  std::vector<double> dgamma(dim), dbeta(dim);
  const auto loss = [&] {
    reference::LayerNormForward(rows, dim, kEpsilon, x.data(), gamma.data(), beta.data(), y.data(),
                                mean.data(), inv_std.data());
    return reference::Dot(y, dy);
  };
  loss();
  reference::LayerNormBackward(rows, dim, x.data(), gamma.data(), mean.data(), inv_std.data(),
                               dy.data(), dx.data(), dgamma.data(), dbeta.data());
  ExpectNumericGradient(x, dx, loss, "dx");
  ExpectNumericGradient(gamma, dgamma, loss, "dgamma");
  ExpectNumericGradient(beta, dbeta, loss, "dbeta");
}

TEST(LayerNormTest, ThreadsDoNotChangeBitsAndARowStandsAlone) {
  ForEachTarget([&] {
    ThreadPool one(1);
    LayerNorm expected(400, 131);
    expected.Run(one);
    for (const int count : {2, 3}) {
      ThreadPool threads(count);
      LayerNorm norm(400, 131);
      norm.Run(threads);
      EXPECT_TRUE(SameBits(norm.y, expected.y));
      EXPECT_TRUE(SameBits(norm.dx, expected.dx));
      EXPECT_TRUE(SameBits(norm.dgamma, expected.dgamma));
      EXPECT_TRUE(SameBits(norm.dbeta, expected.dbeta));
    }
    std::vector<float> row(131);
    LayerNormForward({one}, 1, 131, kEpsilon, expected.x.data() + 399 * 131, expected.gamma.data(),
                     expected.beta.data(), row.data(), nullptr, nullptr);
    EXPECT_TRUE(SameBits(row, {expected.y.end() - 131, expected.y.end()}));
  });
}

TEST(LayerNormTest, DxMayBeDyAndGradientsMayBeNull) {
  ForEachTarget([&] {
    ThreadPool threads(1);
    LayerNorm norm(20, 37);
    norm.Run(threads);
    std::vector<float> dy = norm.dy, dgamma(37, 0.5f), dbeta(37, -0.5f);
    const KernelContext context{threads};
    const auto backward = [&](float* dx, float* dg, float* db) {
      LayerNormBackward(context, 20, 37, norm.x.data(), norm.gamma.data(), norm.mean.data(),
                        norm.inv_std.data(), dy.data(), dx, dg, db);
    };
    backward(nullptr, dgamma.data(), nullptr);
    backward(nullptr, nullptr, dbeta.data());
    EXPECT_TRUE(SameBits(dgamma, norm.dgamma));
    EXPECT_TRUE(SameBits(dbeta, norm.dbeta));
    backward(dy.data(), dgamma.data(), dbeta.data());
    EXPECT_TRUE(SameBits(dy, norm.dx));
    EXPECT_FALSE(SameBits(dgamma, norm.dgamma)) << "dgamma has to accumulate";
  });
}

TEST(LayerNormTest, LargeOffsetsAndConstantRowsAreFinite) {
  ForEachTarget([&] {
    ThreadPool threads(1);
    LayerNorm constant(2, 40);
    constant.x.assign(80, 1e4f);
    constant.Run(threads);
    EXPECT_TRUE(AllFinite(constant.y));
    EXPECT_TRUE(AllFinite(constant.dx));
    LayerNorm extreme(4, 40, 1e4);
    extreme.Run(threads);
    EXPECT_TRUE(AllFinite(extreme.y));
    EXPECT_TRUE(AllFinite(extreme.dx));
    // A large mean must not swallow the variance.
    LayerNorm offset(1, 64);
    std::vector<double> y(64), mean(1), inv_std(1);
    for (int64_t i = 0; i < 64; ++i) offset.x[i] = 10000.0f + static_cast<float>(i % 2);
    offset.Run(threads);
    reference::LayerNormForward(1, 64, kEpsilon, Doubles(offset.x).data(),
                                Doubles(offset.gamma).data(), Doubles(offset.beta).data(), y.data(),
                                mean.data(), inv_std.data());
    ExpectClose(offset.y, y, 1e-3, "y");
  });
}

struct BatchNorm {
  BatchNorm(int64_t row_count, int64_t width)
      : rows(row_count),
        dim(width),
        x(RandomFloats(rows * dim, 1, 3.0)),
        mean(RandomFloats(dim, 2)),
        variance(Positive(dim, 3)),
        gamma(RandomFloats(dim, 4)),
        beta(RandomFloats(dim, 5)),
        dy(RandomFloats(rows * dim, 6)),
        y(rows * dim),
        dx(rows * dim),
        dgamma(dim, 0.5f),
        dbeta(dim, -0.5f) {}

  void Run(const ThreadPool& threads) {
    BatchNormForward({threads}, rows, dim, kEpsilon, x.data(), mean.data(), variance.data(),
                     gamma.data(), beta.data(), y.data());
    BatchNormBackward({threads}, rows, dim, kEpsilon, x.data(), mean.data(), variance.data(),
                      gamma.data(), dy.data(), dx.data(), dgamma.data(), dbeta.data());
  }

  int64_t rows, dim;
  std::vector<float> x, mean, variance, gamma, beta, dy, y, dx, dgamma, dbeta;
};

TEST(BatchNormTest, MatchesTwin) {
  ForEachTarget([&] {
    ThreadPool threads(2);
    for (const int64_t rows : kRows) {
      for (const int64_t dim : kDims) {
        BatchNorm norm(rows, dim);
        norm.Run(threads);
        std::vector<double> y(rows * dim), dx(rows * dim), dgamma(dim, 0.5), dbeta(dim, -0.5);
        const std::vector<double> x = Doubles(norm.x), mean = Doubles(norm.mean);
        const std::vector<double> variance = Doubles(norm.variance), gamma = Doubles(norm.gamma);
        reference::BatchNormForward(rows, dim, kEpsilon, x.data(), mean.data(), variance.data(),
                                    gamma.data(), Doubles(norm.beta).data(), y.data());
        reference::BatchNormBackward(rows, dim, kEpsilon, x.data(), mean.data(), variance.data(),
                                     gamma.data(), Doubles(norm.dy).data(), dx.data(),
                                     dgamma.data(), dbeta.data());
        ExpectClose(norm.y, y, 1e-5, "y");
        ExpectClose(norm.dx, dx, 1e-5, "dx");
        ExpectClose(norm.dgamma, dgamma, 2e-5, "dgamma");
        ExpectClose(norm.dbeta, dbeta, 1e-5, "dbeta");
      }
    }
  });
}

TEST(BatchNormTest, TwinGradientsAreDerivatives) {
  const int64_t rows = 4, dim = 3;
  BatchNorm norm(rows, dim);
  std::vector<double> x = Doubles(norm.x), gamma = Doubles(norm.gamma), beta = Doubles(norm.beta);
  const std::vector<double> mean = Doubles(norm.mean), variance = Doubles(norm.variance);
  const std::vector<double> dy = Doubles(norm.dy);
  std::vector<double> y(rows * dim), dx(rows * dim), dgamma(dim), dbeta(dim);
  reference::BatchNormBackward(rows, dim, kEpsilon, x.data(), mean.data(), variance.data(),
                               gamma.data(), dy.data(), dx.data(), dgamma.data(), dbeta.data());
  const auto loss = [&] {
    reference::BatchNormForward(rows, dim, kEpsilon, x.data(), mean.data(), variance.data(),
                                gamma.data(), beta.data(), y.data());
    return reference::Dot(y, dy);
  };
  ExpectNumericGradient(x, dx, loss, "dx");
  ExpectNumericGradient(gamma, dgamma, loss, "dgamma");
  ExpectNumericGradient(beta, dbeta, loss, "dbeta");
}

TEST(BatchNormTest, ThreadsAliasesAndNulls) {
  ForEachTarget([&] {
    ThreadPool one(1);
    BatchNorm expected(300, 130);
    expected.Run(one);
    for (const int count : {2, 3}) {
      ThreadPool threads(count);
      BatchNorm norm(300, 130);
      norm.Run(threads);
      EXPECT_TRUE(SameBits(norm.y, expected.y));
      EXPECT_TRUE(SameBits(norm.dx, expected.dx));
      EXPECT_TRUE(SameBits(norm.dgamma, expected.dgamma));
      EXPECT_TRUE(SameBits(norm.dbeta, expected.dbeta));
    }
    std::vector<float> row(130);
    BatchNormForward({one}, 1, 130, kEpsilon, expected.x.data() + 200 * 130, expected.mean.data(),
                     expected.variance.data(), expected.gamma.data(), expected.beta.data(),
                     row.data());
    EXPECT_TRUE(SameBits(row, {expected.y.begin() + 200 * 130, expected.y.begin() + 201 * 130}));
    BatchNorm in_place(300, 130);
    BatchNormForward({one}, 300, 130, kEpsilon, in_place.x.data(), in_place.mean.data(),
                     in_place.variance.data(), in_place.gamma.data(), in_place.beta.data(),
                     in_place.x.data());
    EXPECT_TRUE(SameBits(in_place.x, expected.y));
    BatchNorm frozen(300, 130);
    BatchNormBackward({one}, 300, 130, kEpsilon, frozen.x.data(), frozen.mean.data(),
                      frozen.variance.data(), frozen.gamma.data(), frozen.dy.data(), nullptr,
                      frozen.dgamma.data(), nullptr);
    EXPECT_TRUE(SameBits(frozen.dgamma, expected.dgamma));
    BatchNormBackward({one}, 300, 130, kEpsilon, frozen.x.data(), frozen.mean.data(),
                      frozen.variance.data(), frozen.gamma.data(), frozen.dy.data(),
                      frozen.dy.data(), nullptr, frozen.dbeta.data());
    EXPECT_TRUE(SameBits(frozen.dbeta, expected.dbeta));
    EXPECT_TRUE(SameBits(frozen.dy, expected.dx));
  });
}

TEST(SoftmaxTest, MatchesTwin) {
  ForEachTarget([&] {
    ThreadPool threads(2);
    for (const int64_t rows : kRows) {
      for (const int64_t dim : kDims) {
        // Far below zero: lanes past the row's end must not count as zeros.
        std::vector<float> x = RandomFloats(rows * dim, dim, 8.0);
        for (float& v : x) v -= 50.0f;
        const std::vector<float> dy = RandomFloats(rows * dim, dim + 1);
        std::vector<double> y_twin(rows * dim), log_twin(rows * dim), dx_twin(rows * dim);
        reference::SoftmaxForward(rows, dim, Doubles(x).data(), y_twin.data());
        reference::LogSoftmaxForward(rows, dim, Doubles(x).data(), log_twin.data());
        reference::SoftmaxBackward(rows, dim, y_twin.data(), Doubles(dy).data(), dx_twin.data());
        std::vector<float> y(rows * dim), log_y(rows * dim), dx(rows * dim);
        SoftmaxForward({threads}, rows, dim, x.data(), y.data());
        LogSoftmaxForward({threads}, rows, dim, x.data(), log_y.data());
        SoftmaxBackward({threads}, rows, dim, y.data(), dy.data(), dx.data());
        ExpectClose(y, y_twin, 1e-6, "softmax");
        ExpectClose(log_y, log_twin, 1e-6, "log softmax");
        ExpectClose(dx, dx_twin, 1e-6, "dx");
        std::vector<float> in_place = x, log_in_place = x, dy_to_dx = dy;
        SoftmaxForward({threads}, rows, dim, in_place.data(), in_place.data());
        LogSoftmaxForward({threads}, rows, dim, log_in_place.data(), log_in_place.data());
        SoftmaxBackward({threads}, rows, dim, y.data(), dy_to_dx.data(), dy_to_dx.data());
        EXPECT_TRUE(SameBits(in_place, y));
        EXPECT_TRUE(SameBits(log_in_place, log_y));
        EXPECT_TRUE(SameBits(dy_to_dx, dx));
      }
    }
  });
}

TEST(SoftmaxTest, TwinGradientIsTheDerivative) {
  const int64_t rows = 3, dim = 5;
  std::vector<double> x = Doubles(RandomFloats(rows * dim, 7, 3.0));
  const std::vector<double> dy = Doubles(RandomFloats(rows * dim, 8));
  std::vector<double> y(rows * dim), dx(rows * dim);
  const auto loss = [&] {
    reference::SoftmaxForward(rows, dim, x.data(), y.data());
    return reference::Dot(y, dy);
  };
  loss();
  reference::SoftmaxBackward(rows, dim, y.data(), dy.data(), dx.data());
  ExpectNumericGradient(x, dx, loss, "dx");
}

TEST(SoftmaxTest, ThreadsDoNotChangeBitsAndARowStandsAlone) {
  const int64_t rows = 333, dim = 129;
  const std::vector<float> x = RandomFloats(rows * dim, 1, 9.0);
  ForEachTarget([&] {
    std::vector<std::vector<float>> ys, logs, dxs;
    for (const int count : {1, 2, 3}) {
      ThreadPool threads(count);
      ys.emplace_back(rows * dim);
      logs.emplace_back(rows * dim);
      dxs.emplace_back(rows * dim);
      SoftmaxForward({threads}, rows, dim, x.data(), ys.back().data());
      LogSoftmaxForward({threads}, rows, dim, x.data(), logs.back().data());
      SoftmaxBackward({threads}, rows, dim, ys.back().data(), x.data(), dxs.back().data());
      EXPECT_TRUE(SameBits(ys.back(), ys.front()));
      EXPECT_TRUE(SameBits(logs.back(), logs.front()));
      EXPECT_TRUE(SameBits(dxs.back(), dxs.front()));
    }
    ThreadPool one(1);
    std::vector<float> row(dim);
    SoftmaxForward({one}, 1, dim, x.data() + 300 * dim, row.data());
    EXPECT_TRUE(SameBits(row, {ys[0].begin() + 300 * dim, ys[0].begin() + 301 * dim}));
  });
}

TEST(SoftmaxTest, ExtremeLogitsAreFiniteAndNanStaysVisible) {
  ForEachTarget([&] {
    ThreadPool threads(1);
    std::vector<float> x(37, -1e4f), y(37), log_y(37);
    x[5] = 1e4f;
    SoftmaxForward({threads}, 1, 37, x.data(), y.data());
    LogSoftmaxForward({threads}, 1, 37, x.data(), log_y.data());
    EXPECT_TRUE(AllFinite(y));
    EXPECT_TRUE(AllFinite(log_y));
    EXPECT_EQ(y[5], 1.0f);
    EXPECT_EQ(log_y[5], 0.0f);
    EXPECT_EQ(log_y[6], -2e4f);
    x[36] = std::numeric_limits<float>::quiet_NaN();
    SoftmaxForward({threads}, 1, 37, x.data(), y.data());
    EXPECT_TRUE(std::isnan(y[0]));
  });
}

}  // namespace
}  // namespace masr
