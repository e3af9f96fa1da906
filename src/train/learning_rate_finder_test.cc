#include "train/learning_rate_finder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "train/testing/toy_speech.h"

namespace masr {
namespace {

LearningRateCurve Curve(const std::vector<double>& losses) {
  LearningRateCurve curve;
  double rate = 1e-5;
  for (double loss : losses) {
    curve.points.push_back({.learning_rate = rate, .loss = loss, .smoothed = loss});
    rate *= 10;
  }
  SuggestLearningRate(curve);
  return curve;
}

TEST(SuggestLearningRate, ATenthOfTheMinimum) {
  const LearningRateCurve curve = Curve({3.0, 2.9, 1.5, 1.0, 4.0});
  EXPECT_NEAR(curve.at_minimum, 1e-2, 1e-9);
  EXPECT_NEAR(curve.steepest, 1e-3, 1e-9);  // from 2.9 to 1.0 over two decades
  EXPECT_NEAR(curve.suggested, 1e-3, 1e-9);
  EXPECT_EQ(curve.rule.find("raise"), std::string::npos);
}

TEST(SuggestLearningRate, SaysWhenTheRangeIsWrong) {
  EXPECT_NE(Curve({3.0, 2.0, 1.0}).rule.find("raise the highest"), std::string::npos);
  EXPECT_NE(Curve({1.0, 2.0, 3.0}).rule.find("lower the lowest"), std::string::npos);
  EXPECT_NEAR(Curve({1.0}).suggested, 1e-6, 1e-12);
}

class LearningRateFinder : public ::testing::Test {
 protected:
  void SetUp() override {
    auto config =
        PretrainConfig::FromJson(std::string(R"({"model": )") + testing::ToyModelConfig() +
                                     R"(, "training": {"batch_seconds": 4, "micro_batch_seconds": 2,
            "stages": [{"name": "all", "epochs": 1, "learning_rate": 0.01}]}})",
                                 "recipe");
    ASSERT_TRUE(config.has_value()) << config.error().message;
    config_ = std::move(*config);
    options_ = {.train_manifests = {testing::WriteToySpeech(folder_, "train", 24, 1.0, 1)},
                .dev_manifest = testing::WriteToySpeech(folder_, "dev", 4, 1.0, 3),
                .out = folder_ / "out",
                .format = WeightFormat::kF32};
  }

  testing::TemporaryFolder folder_;
  PretrainConfig config_;
  PretrainOptions options_;
  ThreadPool pool_{2};
};

TEST_F(LearningRateFinder, FindsARateThatTrains) {
  const auto curve =
      FindLearningRate(config_, options_, {.updates = 80, .high = 10}, pool_, {}, nullptr);
  ASSERT_TRUE(curve.has_value()) << curve.error().message;
  const auto& points = curve->points;
  EXPECT_EQ(points.front().learning_rate, 1e-6);
  for (size_t i = 1; i < points.size(); ++i) {
    EXPECT_NEAR(points[i].learning_rate / points[i - 1].learning_rate, std::pow(1e7, 1.0 / 79),
                1e-6);
  }
  // It learns from about 1e-3 on and falls apart a little above 1.
  EXPECT_TRUE(curve->diverged);
  EXPECT_GT(curve->suggested, 1e-3);
  EXPECT_LT(curve->suggested, 0.5);
  EXPECT_GT(curve->steepest, 1e-3);
  EXPECT_FALSE(std::filesystem::exists(options_.out));
  EXPECT_FALSE(std::filesystem::exists(options_.out + ".checkpoint"));
}

TEST_F(LearningRateFinder, StartsFromTheCheckpointAndLeavesItAlone) {
  ASSERT_TRUE(Pretrain(config_, options_, pool_, {}, nullptr).has_value());
  const auto before = ReadTextFile(options_.out + ".checkpoint");
  const auto fresh = FindLearningRate(config_, options_, {.updates = 10}, pool_, {}, nullptr);
  options_.resume = true;
  const auto trained = FindLearningRate(config_, options_, {.updates = 10}, pool_, {}, nullptr);
  ASSERT_TRUE(fresh.has_value() && trained.has_value());
  EXPECT_LT(trained->points.front().loss, fresh->points.front().loss);
  const auto after = ReadTextFile(options_.out + ".checkpoint");
  ASSERT_TRUE(before.has_value() && after.has_value());
  EXPECT_EQ(*before, *after);
}

TEST_F(LearningRateFinder, RangesThatAreNone) {
  for (const LearningRateRange& range :
       {LearningRateRange{.updates = 9}, LearningRateRange{.low = 0},
        LearningRateRange{.low = 1, .high = 0.1}}) {
    EXPECT_FALSE(FindLearningRate(config_, options_, range, pool_, {}, nullptr).has_value());
  }
}

TEST_F(LearningRateFinder, StopsWhenAsked) {
  std::atomic<bool> cancel = true;
  const auto curve = FindLearningRate(config_, options_, {}, pool_, {}, &cancel);
  ASSERT_FALSE(curve.has_value());
  EXPECT_EQ(curve.error().code, ErrorCode::kCancelled);
}

}  // namespace
}  // namespace masr
