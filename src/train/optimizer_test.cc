#include "train/optimizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/thread_pool.h"
#include "io/file.h"
#include "io/json.h"

namespace masr {
namespace {

using Kind = OptimizerOptions::Kind;

// Zero, as before the first step.
std::vector<std::byte> StateOf(const Optimizer& optimizer, int64_t count) {
  return std::vector<std::byte>(static_cast<size_t>(optimizer.StateBytes(count)), std::byte{0});
}

OptimizerOptions OptionsOf(const nlohmann::json& golden) {
  return {.kind = golden["kind"] == "sgd" ? OptimizerOptions::Kind::kSgd
                                          : OptimizerOptions::Kind::kAdamW,
          .beta1 = golden["beta1"],
          .beta2 = golden["beta2"],
          .epsilon = golden["epsilon"],
          .momentum = golden["momentum"],
          .weight_decay = golden["weight_decay"]};
}

// Parameters of another framework: scripts/make_optimizer_goldens.py.
TEST(Optimizer, EqualsTorch) {
  const auto text =
      ReadTextFile(std::string(MASR_SOURCE_DIR) + "/src/train/testdata/optimizer_golden.json");
  ASSERT_TRUE(text.has_value()) << text.error().message;
  const auto cases = ParseJson(*text);
  ASSERT_TRUE(cases.has_value()) << cases.error().message;
  ASSERT_GE(cases->size(), 6u);
  const ThreadPool pool(2);
  for (const auto& golden : *cases) {
    SCOPED_TRACE(golden["name"].get<std::string>());
    const auto optimizer = MakeOptimizer(OptionsOf(golden));
    auto parameter = golden["start"].get<std::vector<float>>();
    const auto count = static_cast<int64_t>(parameter.size());
    std::vector<std::byte> state = StateOf(*optimizer, count);
    for (size_t step = 0; step < golden["learning_rates"].size(); ++step) {
      const auto gradient = golden["gradients"][step].get<std::vector<float>>();
      const auto expected = golden["after"][step].get<std::vector<double>>();
      optimizer->Step({pool}, static_cast<int64_t>(step) + 1, golden["learning_rates"][step],
                      golden["gradient_scale"], /*decay=*/true, count, gradient.data(),
                      parameter.data(), state.data());
      for (size_t i = 0; i < expected.size(); ++i) {
        EXPECT_NEAR(parameter[i], expected[i], 2e-6 * std::max(1.0, std::abs(expected[i])))
            << "step " << step + 1 << ", parameter " << i;
      }
    }
  }
}

TEST(Optimizer, StatePerParameter) {
  EXPECT_EQ(MakeOptimizer({})->StatePerParameter(), 2);
  EXPECT_EQ(MakeOptimizer({.kind = OptimizerOptions::Kind::kSgd})->StatePerParameter(), 1);
  EXPECT_EQ(MakeOptimizer({})->StateBytes(100), 800);
  EXPECT_EQ(MakeOptimizer({.kind = Kind::kSgd})->StateBytes(100), 400);
  // A byte each, and a scale each for every 256.
  EXPECT_EQ(MakeOptimizer({.state_bits = 8})->StateBytes(1000), 2000 + 4 * 8);
  EXPECT_TRUE(MakeOptimizer({})->StateIsFloats());
  EXPECT_FALSE(MakeOptimizer({.state_bits = 8})->StateIsFloats());
}

TEST(Optimizer, NoDecayIsDecayOfZero) {
  const ThreadPool pool(1);
  const std::vector<float> gradient = {1, -2, 0.5f};
  for (const auto kind : {OptimizerOptions::Kind::kAdamW, OptimizerOptions::Kind::kSgd}) {
    const auto step = [&](float weight_decay, bool decay) {
      std::vector<float> parameter = {3, 4, -5};
      const auto optimizer = MakeOptimizer({.kind = kind, .weight_decay = weight_decay});
      std::vector<std::byte> state = StateOf(*optimizer, 3);
      optimizer->Step({pool}, 1, 0.1f, 1.0f, decay, 3, gradient.data(), parameter.data(),
                      state.data());
      return parameter;
    };
    EXPECT_EQ(step(0.5f, false), step(0.0f, true));
    EXPECT_NE(step(0.5f, true), step(0.0f, true));
  }
}

TEST(Optimizer, TheFirstStepOfAdamWIsTheLearningRateInTheGradientsDirection) {
  const ThreadPool pool(1);
  const std::vector<float> gradient = {1e-3f, -50, 0};
  for (const int bits : {32, 8}) {
    const auto optimizer = MakeOptimizer({.state_bits = bits});
    std::vector<float> parameter(3, 0.0f);
    std::vector<std::byte> state = StateOf(*optimizer, 3);
    optimizer->Step({pool}, 1, 0.1f, 1.0f, true, 3, gradient.data(), parameter.data(),
                    state.data());
    EXPECT_NEAR(parameter[0], -0.1, 1e-5);
    EXPECT_NEAR(parameter[1], 0.1, 1e-5);
    EXPECT_EQ(parameter[2], 0.0f);
  }
}

// Minimises the sum of (p - 3)^2.
TEST(Optimizer, ReachesAMinimum) {
  const ThreadPool pool(2);
  for (const OptimizerOptions& options :
       {OptimizerOptions{.kind = Kind::kAdamW, .weight_decay = 0},
        OptimizerOptions{.kind = Kind::kAdamW, .weight_decay = 0, .state_bits = 8},
        OptimizerOptions{.kind = Kind::kSgd, .weight_decay = 0}}) {
    const auto optimizer = MakeOptimizer(options);
    std::vector<float> parameter = {-10, 0, 20, 3}, gradient(4);
    std::vector<std::byte> state = StateOf(*optimizer, 4);
    for (int64_t step = 1; step <= 3000; ++step) {
      for (size_t i = 0; i < 4; ++i) gradient[i] = 2 * (parameter[i] - 3);
      const float rate = LearningRate({.peak = 0.1f, .floor = 0, .total_steps = 3000}, step);
      optimizer->Step({pool}, step, rate, 1.0f, true, 4, gradient.data(), parameter.data(),
                      state.data());
    }
    for (float p : parameter) EXPECT_NEAR(p, 3, 1e-3);
  }
}

TEST(SumOfSquares, IsExactWhereASumInSinglePrecisionIsNot) {
  const ThreadPool pool(1);
  EXPECT_EQ(SumOfSquares({pool}, 0, nullptr), 0.0);
  for (int64_t n : {1, 7, 8, 9, 1000, 300'001}) {
    std::vector<float> ones(static_cast<size_t>(n), 1.0f);
    ones[0] = 8192;  // its square hides ones in a float
    EXPECT_EQ(SumOfSquares({pool}, n, ones.data()), 67108864.0 + static_cast<double>(n - 1));
  }
}

TEST(SumOfSquares, ThreadsDoNotMatter) {
  Rng rng(3);
  std::vector<float> gradient(300'007);
  for (float& g : gradient) g = static_cast<float>(rng.Normal());
  const auto n = static_cast<int64_t>(gradient.size());
  const double one = SumOfSquares({ThreadPool(1)}, n, gradient.data());
  EXPECT_NEAR(one, 300'007, 5000);
  for (int threads : {2, 3, 8}) {
    const ThreadPool pool(threads);
    EXPECT_EQ(SumOfSquares({pool}, n, gradient.data()), one);
  }
}

TEST(SumOfSquares, ShowsWhatIsNotANumber) {
  const ThreadPool pool(1);
  std::vector<float> gradient(20, 1.0f);
  gradient[13] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(SumOfSquares({pool}, 20, gradient.data())));
  gradient[13] = -std::numeric_limits<float>::infinity();
  EXPECT_TRUE(std::isinf(SumOfSquares({pool}, 20, gradient.data())));
}

TEST(ClipScale, ByHand) {
  EXPECT_EQ(ClipScale(10, 5), 0.5f);
  EXPECT_EQ(ClipScale(5, 5), 1.0f);
  EXPECT_EQ(ClipScale(1, 5), 1.0f);
  EXPECT_EQ(ClipScale(0, 5), 1.0f);
  EXPECT_EQ(ClipScale(10, 0), 1.0f);
  EXPECT_EQ(ClipScale(10, -1), 1.0f);
}

using Schedule = ScheduleOptions;

TEST(LearningRate, WarmsUpLinearlyFromZeroWhateverTheKind) {
  for (const auto kind : {Schedule::Kind::kConstant, Schedule::Kind::kCosine, Schedule::Kind::kNoam,
                          Schedule::Kind::kLinear}) {
    const Schedule options = {
        .kind = kind, .peak = 1, .floor = 0.1f, .warmup_steps = 10, .total_steps = 110};
    EXPECT_FLOAT_EQ(LearningRate(options, 1), 0.1f);
    EXPECT_FLOAT_EQ(LearningRate(options, 5), 0.5f);
    EXPECT_FLOAT_EQ(LearningRate(options, 10), 1.0f);
  }
}

TEST(LearningRate, ByHandAfterTheWarmUp) {
  Schedule options = {.peak = 1, .floor = 0.1f, .warmup_steps = 10, .total_steps = 110};
  options.kind = Schedule::Kind::kConstant;
  EXPECT_FLOAT_EQ(LearningRate(options, 1000), 1.0f);

  options.kind = Schedule::Kind::kCosine;
  EXPECT_FLOAT_EQ(LearningRate(options, 60), 0.55f);
  EXPECT_NEAR(LearningRate(options, 35), 0.1 + 0.9 * 0.5 * (1 + std::sqrt(0.5)), 1e-6);
  EXPECT_FLOAT_EQ(LearningRate(options, 110), 0.1f);
  EXPECT_FLOAT_EQ(LearningRate(options, 5000), 0.1f);

  options.kind = Schedule::Kind::kLinear;
  EXPECT_FLOAT_EQ(LearningRate(options, 35), 0.775f);
  EXPECT_FLOAT_EQ(LearningRate(options, 110), 0.1f);
  EXPECT_FLOAT_EQ(LearningRate(options, 5000), 0.1f);

  options.kind = Schedule::Kind::kNoam;
  EXPECT_FLOAT_EQ(LearningRate(options, 40), 0.5f);
  EXPECT_FLOAT_EQ(LearningRate(options, 1000), 0.1f);
}

TEST(LearningRate, WithoutWarmUpItStartsNearThePeakAndOnlyFalls) {
  for (const auto kind : {Schedule::Kind::kConstant, Schedule::Kind::kCosine, Schedule::Kind::kNoam,
                          Schedule::Kind::kLinear}) {
    const Schedule options = {.kind = kind, .peak = 1, .floor = 0.1f, .total_steps = 100};
    float last = LearningRate(options, 1);
    EXPECT_GE(last, 0.99f);
    EXPECT_LE(last, 1.0f);
    for (int64_t step = 2; step < 300; ++step) {
      const float rate = LearningRate(options, step);
      EXPECT_LE(rate, last);
      last = rate;
    }
  }
}

TEST(LearningRate, SenselessLengthsGiveUsableRates) {
  for (const auto kind : {Schedule::Kind::kConstant, Schedule::Kind::kCosine, Schedule::Kind::kNoam,
                          Schedule::Kind::kLinear}) {
    for (int64_t warmup : {0, 5}) {
      for (int64_t total : {0, 3, 5}) {
        for (int64_t step : {0, 1, 5, 6, 100}) {
          const float rate = LearningRate({.kind = kind,
                                           .peak = 1,
                                           .floor = 0.1f,
                                           .warmup_steps = warmup,
                                           .total_steps = total},
                                          step);
          EXPECT_TRUE(rate >= 0 && rate <= 1) << rate;
        }
      }
    }
  }
  // Beyond the end, the floor.
  const Schedule past = {.peak = 1, .floor = 0.1f, .warmup_steps = 5, .total_steps = 3};
  EXPECT_FLOAT_EQ(LearningRate(past, 6), 0.1f);
}

}  // namespace
}  // namespace masr
