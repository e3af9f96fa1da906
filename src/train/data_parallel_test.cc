// Several processes train as one would.
#include <gtest/gtest.h>

#include <filesystem>

#include "train/learning_rate_finder.h"
#include "train/pretrain.h"
#include "train/testing/thread_collective.h"
#include "train/testing/toy_speech.h"

namespace masr {
namespace {

using Losses = std::vector<double>;

class DataParallel : public ::testing::Test {
 protected:
  void SetUp() override {
    auto config =
        PretrainConfig::FromJson(std::string(R"({"model": )") + testing::ToyModelConfig() + R"(,
        "training": {"batch_seconds": 4, "micro_batch_seconds": 1, "ema_decay": 0.9, "stages": [
          {"name": "all", "epochs": 2, "learning_rate": 0.01, "speeds": [0.9, 1.0, 1.1],
           "gain_db": 3, "spec_augment": {"frequency_width": 2, "time_width": 4}}]}})",
                                 "recipe");
    ASSERT_TRUE(config.has_value()) << config.error().message;
    config_ = std::move(*config);
    train_ = testing::WriteToySpeech(folder_, "train", 32, 1.0, 1);
    dev_ = testing::WriteToySpeech(folder_, "dev", 5, 1.0, 3);
  }

  PretrainOptions Options(const std::string& out, bool resume = false) const {
    return {.train_manifests = {train_},
            .dev_manifest = dev_,
            .out = folder_ / out,
            .resume = resume,
            .format = WeightFormat::kF32};
  }

  // The loss of every update, as each rank saw it; the last rank asks to stop after `updates`.
  std::vector<Losses> Run(int processes, const PretrainOptions& options, int updates = 0) {
    std::vector<Losses> losses(static_cast<size_t>(processes));
    results_.assign(static_cast<size_t>(processes), {});
    testing::RunTogether(processes, [&](Collective& collective) {
      const auto rank = static_cast<size_t>(collective.rank());
      const ThreadPool pool(1);
      std::atomic<bool> cancel = false;
      const PretrainEvents events = {.progress = [&](const PretrainProgress& progress) {
        losses[rank].push_back(progress.update_loss);
        cancel =
            collective.rank() + 1 == processes && static_cast<int>(losses[rank].size()) == updates;
      }};
      PretrainOptions mine = options;
      if (processes > 1) mine.collective = &collective;
      results_[rank] = Pretrain(config_, mine, pool, events, &cancel);
    });
    return losses;
  }

  std::vector<std::vector<float>> WeightsIn(const std::string& name) {
    const auto model = LoadModel(folder_ / name);
    EXPECT_TRUE(model.has_value()) << model.error().message;
    return model.has_value() ? testing::AllWeights(*model) : std::vector<std::vector<float>>{};
  }

  testing::TemporaryFolder folder_;
  PretrainConfig config_;
  std::string train_, dev_;
  std::vector<Result<PretrainResult>> results_;
};

// Five is more than an update has micro-batches: some always have nothing to do.
TEST_F(DataParallel, AnyNumberOfProcessesMakesTheSameCurve) {
  const Losses alone = Run(1, Options("alone")).front();
  ASSERT_TRUE(results_[0].has_value()) << results_[0].error().message;
  const PretrainEpoch expected = results_[0]->epochs.back();
  ASSERT_GE(alone.size(), 8u);
  for (int processes : {2, 3, 5}) {
    SCOPED_TRACE(std::to_string(processes) + " processes");
    const auto losses = Run(processes, Options("together" + std::to_string(processes)));
    for (size_t rank = 0; rank < losses.size(); ++rank) {
      ASSERT_TRUE(results_[rank].has_value()) << results_[rank].error().message;
      EXPECT_TRUE(results_[rank]->finished);
      EXPECT_EQ(losses[rank], losses[0]);
      EXPECT_EQ(results_[rank]->epochs.back().dev_cer, results_[0]->epochs.back().dev_cer);
    }
    ASSERT_EQ(losses[0].size(), alone.size());
    for (size_t u = 0; u < alone.size(); ++u) EXPECT_NEAR(losses[0][u], alone[u], 1e-4 * alone[u]);
    EXPECT_NEAR(results_[0]->epochs.back().dev_cer, expected.dev_cer, 5);
  }
}

TEST_F(DataParallel, StoppedByAnyProcessAndResumedItEndsWithTheSameBits) {
  const Losses whole = Run(2, Options("whole")).front();
  Losses losses = Run(2, Options("stopped"), 3).front();
  for (const auto& result : results_) {
    ASSERT_TRUE(result.has_value()) << result.error().message;
    EXPECT_FALSE(result->finished);
  }
  const Losses rest = Run(2, Options("stopped", /*resume=*/true)).front();
  losses.insert(losses.end(), rest.begin(), rest.end());
  EXPECT_EQ(losses, whole);
  EXPECT_EQ(WeightsIn("stopped"), WeightsIn("whole"));
}

TEST_F(DataParallel, AnotherNumberOfProcessesGoesOn) {
  const Losses alone = Run(1, Options("alone")).front();
  Losses losses = Run(1, Options("out"), 3).front();
  for (int processes : {3, 2}) {
    const Losses more = Run(processes, Options("out", /*resume=*/true), 2).front();
    losses.insert(losses.end(), more.begin(), more.end());
  }
  const Losses rest = Run(1, Options("out", /*resume=*/true)).front();
  losses.insert(losses.end(), rest.begin(), rest.end());
  ASSERT_EQ(losses.size(), alone.size());
  for (size_t u = 0; u < alone.size(); ++u) EXPECT_NEAR(losses[u], alone[u], 1e-4 * alone[u]);
}

TEST_F(DataParallel, ARunAwayTrainingEndsInEveryProcess) {
  config_.stages[0].schedule = {.kind = ScheduleOptions::Kind::kConstant, .peak = 1e37f};
  config_.trainer.optimizer.weight_decay = 0.01f;
  Run(3, Options("out"));
  for (const auto& result : results_) {
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::kDiverged) << result.error().message;
  }
  EXPECT_TRUE(std::filesystem::exists(folder_ / "out.checkpoint"));
}

TEST_F(DataParallel, OtherDataInOneProcessIsRefused) {
  const std::string other = testing::WriteToySpeech(folder_, "other", 32, 1.0, 9);
  testing::RunTogether(2, [&](Collective& collective) {
    const ThreadPool pool(1);
    PretrainOptions options = Options("out");
    options.collective = &collective;
    if (collective.rank() == 1) options.train_manifests = {other};
    const auto result = Pretrain(config_, options, pool, {}, nullptr);
    ASSERT_FALSE(result.has_value());
    EXPECT_NE(result.error().message.find("training manifests"), std::string::npos)
        << result.error().message;
  });
}

TEST_F(DataParallel, TheRangeTestAgrees) {
  const ThreadPool pool(1);
  const auto alone =
      FindLearningRate(config_, Options("out"), {.updates = 12, .high = 1e-2}, pool, {}, nullptr);
  ASSERT_TRUE(alone.has_value()) << alone.error().message;
  testing::RunTogether(2, [&](Collective& collective) {
    const ThreadPool mine(1);
    PretrainOptions options = Options("out");
    options.collective = &collective;
    const auto curve =
        FindLearningRate(config_, options, {.updates = 12, .high = 1e-2}, mine, {}, nullptr);
    ASSERT_TRUE(curve.has_value()) << curve.error().message;
    ASSERT_EQ(curve->points.size(), alone->points.size());
    for (size_t i = 0; i < curve->points.size(); ++i) {
      EXPECT_NEAR(curve->points[i].loss, alone->points[i].loss, 1e-3);
    }
  });
}

}  // namespace
}  // namespace masr
