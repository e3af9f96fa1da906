#include "train/pretrain.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "io/safetensors.h"
#include "train/testing/toy_speech.h"

namespace masr {
namespace {

using testing::AllWeights;

std::string Recipe() {
  return std::string(R"({"model": )") + testing::ToyModelConfig() + R"(,
    "training": {"batch_seconds": 4, "micro_batch_seconds": 2, "stages": [
      {"name": "easy", "epochs": 2, "sources": [1], "max_seconds": 0.6, "sorted": true,
       "learning_rate": 0.01, "warmup_steps": 3},
      {"name": "all", "epochs": 2, "learning_rate": 0.01, "schedule": "cosine",
       "speeds": [0.9, 1.0, 1.1], "gain_db": 3, "noise_probability": 0.5,
       "spec_augment": {"frequency_width": 2, "time_width": 4}}]}})";
}

class PretrainTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto config = PretrainConfig::FromJson(Recipe(), "recipe");
    ASSERT_TRUE(config.has_value()) << config.error().message;
    config_ = std::move(*config);
    train1_ = testing::WriteToySpeech(folder_, "train", 24, 1.0, 1);
    train2_ = testing::WriteToySpeech(folder_, "more", 12, 1.1, 2);
    dev_ = testing::WriteToySpeech(folder_, "dev", 8, 1.0, 3);
    noise_ = testing::WriteToySpeech(folder_, "noise", 2, 0.3, 4);
  }

  PretrainOptions Options(const std::string& out, bool resume = false) const {
    return {.train_manifests = {train1_, train2_},
            .dev_manifest = dev_,
            .noise_manifest = noise_,
            .out = folder_ / out,
            .resume = resume,
            .format = WeightFormat::kF32,
            .metadata = {{"licence", "MIT"}}};
  }

  // Runs until `updates` updates are done in this run; 0: to the end.
  Result<PretrainResult> Run(const PretrainOptions& options, int updates, int threads = 2) {
    const ThreadPool pool(threads);
    std::atomic<bool> cancel = false;
    int done = 0;
    const PretrainEvents events = {.progress = [&](const PretrainProgress& progress) {
      EXPECT_TRUE(std::isfinite(progress.loss));
      EXPECT_GE(progress.seconds_left, 0);
      EXPECT_LE(progress.update, progress.updates);
      cancel = ++done == updates;
    }};
    auto result = Pretrain(config_, options, pool, events, &cancel);
    EXPECT_TRUE(result.has_value()) << result.error().message;
    updates_done_ = done;
    return result;
  }

  static std::vector<std::vector<float>> WeightsIn(const std::string& path) {
    const auto model = LoadModel(path);
    EXPECT_TRUE(model.has_value()) << model.error().message;
    return model.has_value() ? AllWeights(*model) : std::vector<std::vector<float>>{};
  }

  static void ExpectSameEpochs(const PretrainResult& a, const PretrainResult& b) {
    ASSERT_EQ(a.epochs.size(), b.epochs.size());
    for (size_t e = 0; e < a.epochs.size(); ++e) {
      EXPECT_EQ(a.epochs[e].stage, b.epochs[e].stage);
      EXPECT_EQ(a.epochs[e].epoch, b.epochs[e].epoch);
      EXPECT_EQ(a.epochs[e].train_loss, b.epochs[e].train_loss);
      EXPECT_EQ(a.epochs[e].dev_wer, b.epochs[e].dev_wer);
      EXPECT_EQ(a.epochs[e].dev_cer, b.epochs[e].dev_cer);
    }
  }

  testing::TemporaryFolder folder_;
  PretrainConfig config_;
  std::string train1_, train2_, dev_, noise_;
  int updates_done_ = 0;
};

TEST_F(PretrainTest, LearnsAndWritesAModel) {
  const auto result = Run(Options("out"), 0);
  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(result->finished);
  EXPECT_EQ(result->skipped, 0);
  ASSERT_EQ(result->epochs.size(), 4u);
  EXPECT_LT(result->epochs.back().train_loss, result->epochs.front().train_loss);
  const auto model = LoadModel(folder_ / "out");
  ASSERT_TRUE(model.has_value()) << model.error().message;
  EXPECT_EQ(model->metadata.at("licence"), "MIT");
  EXPECT_NE(model->metadata.at("training.history").find("dev_wer"), std::string::npos);
}

TEST_F(PretrainTest, BeginsWithAnotherModelsWeights) {
  const auto first = Run(Options("first"), 0);
  ASSERT_TRUE(first.has_value());
  PretrainOptions options = Options("second");
  options.init = folder_ / "first";
  const auto second = Run(options, 0);
  ASSERT_TRUE(second.has_value());
  EXPECT_LT(second->epochs.front().train_loss, 0.8 * first->epochs.front().train_loss);
  const auto model = LoadModel(folder_ / "second");
  const auto source = LoadModel(folder_ / "first");
  ASSERT_TRUE(model.has_value() && source.has_value());
  EXPECT_EQ(model->metadata.at("start.fingerprint"), ModelFingerprint(*source));

  options.init_blocks = {99};
  const ThreadPool pool(1);
  const auto refused = Pretrain(config_, options, pool, {}, nullptr);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find(options.init), std::string::npos);
}

TEST_F(PretrainTest, ResumedAnywhereItEndsWithTheSameBits) {
  const auto whole = Run(Options("whole"), 0);
  ASSERT_TRUE(whole.has_value() && whole->finished);
  const int updates = updates_done_;
  ASSERT_GE(updates, 8);
  const auto expected = WeightsIn(folder_ / "whole");

  // Two stops each: in the first stage or at its border, and again later.
  for (int first = 1; first < updates - 1; first += 3) {
    SCOPED_TRACE("stopped after update " + std::to_string(first));
    const std::string out = "stopped" + std::to_string(first);
    const auto stopped = Run(Options(out), first);
    ASSERT_TRUE(stopped.has_value());
    EXPECT_FALSE(stopped->finished);
    const auto again = Run(Options(out, /*resume=*/true), 2, /*threads=*/1);
    ASSERT_TRUE(again.has_value());
    const auto resumed = Run(Options(out, /*resume=*/true), 0, /*threads=*/3);
    ASSERT_TRUE(resumed.has_value());
    EXPECT_TRUE(resumed->finished);
    EXPECT_EQ(WeightsIn(folder_ / out), expected);
    ExpectSameEpochs(*resumed, *whole);
  }
}

// A kill leaves what the last checkpoint held; later updates are made again.
TEST_F(PretrainTest, AnOldCheckpointLeadsToTheSameBits) {
  PretrainOptions options = Options("killed");
  options.checkpoint_seconds = 0;  // after every update
  const std::string checkpoint = options.out + ".checkpoint";
  ASSERT_TRUE(Run(options, 3).has_value());
  std::filesystem::copy_file(checkpoint, folder_ / "kept");
  options.resume = true;
  const auto whole = Run(options, 0);
  ASSERT_TRUE(whole.has_value());
  const auto expected = WeightsIn(options.out);
  std::filesystem::copy_file(folder_ / "kept", checkpoint,
                             std::filesystem::copy_options::overwrite_existing);
  const auto again = Run(options, 0);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(WeightsIn(options.out), expected);
  ExpectSameEpochs(*again, *whole);
}

TEST_F(PretrainTest, WithAnAverageItAlsoResumesToTheSameBits) {
  config_.ema_decay = 0.9;
  const auto whole = Run(Options("whole"), 0);
  ASSERT_TRUE(whole.has_value() && whole->finished);
  const auto expected = WeightsIn(folder_ / "whole");
  ASSERT_TRUE(Run(Options("stopped"), 5).has_value());
  const auto resumed = Run(Options("stopped", /*resume=*/true), 0, /*threads=*/3);
  ASSERT_TRUE(resumed.has_value() && resumed->finished);
  EXPECT_EQ(WeightsIn(folder_ / "stopped"), expected);
  ExpectSameEpochs(*resumed, *whole);
}

TEST_F(PretrainTest, ATrainingThatHasEndedWritesItsModelAgain) {
  config_.ema_decay = 0.9;
  ASSERT_TRUE(Run(Options("out"), 0).has_value());
  const auto expected = WeightsIn(folder_ / "out");
  ASSERT_TRUE(RemoveFile(folder_ / "out").has_value());
  const auto again = Run(Options("out", /*resume=*/true), 0);
  ASSERT_TRUE(again.has_value() && again->finished);
  EXPECT_EQ(WeightsIn(folder_ / "out"), expected);
}

// Training itself does not see the average; what is measured and written is the average.
TEST_F(PretrainTest, TheAverageIsWrittenAndTheWeightsTrainOn) {
  const auto plain = Run(Options("plain"), 0);
  config_.ema_decay = 0.9;
  const auto averaged = Run(Options("averaged"), 0);
  ASSERT_TRUE(plain.has_value() && averaged.has_value());
  for (size_t e = 0; e < plain->epochs.size(); ++e) {
    EXPECT_EQ(plain->epochs[e].train_loss, averaged->epochs[e].train_loss);
  }
  EXPECT_NE(WeightsIn(folder_ / "plain"), WeightsIn(folder_ / "averaged"));
  const auto plain_state = SafetensorsFile::Open(folder_ / "plain.checkpoint");
  const auto state = SafetensorsFile::Open(folder_ / "averaged.checkpoint");
  ASSERT_TRUE(plain_state.has_value() && state.has_value());
  const auto bytes = [](const SafetensorsFile& file, const std::string& name) {
    const TensorEntry* entry = file.Find(name);
    EXPECT_NE(entry, nullptr) << name;
    return entry == nullptr ? std::vector<uint8_t>()
                            : std::vector<uint8_t>(entry->bytes.begin(), entry->bytes.end());
  };
  const auto model = SafetensorsFile::Open(folder_ / "averaged");
  ASSERT_TRUE(model.has_value());
  EXPECT_EQ(bytes(*state, "head.weight"), bytes(*plain_state, "head.weight"));
  EXPECT_EQ(bytes(*state, "head.weight.ema"), bytes(*model, "head.weight"));
  EXPECT_NE(bytes(*state, "head.weight"), bytes(*model, "head.weight"));
}

TEST_F(PretrainTest, AnAverageMayBeginAndEndInTheMiddle) {
  const auto whole = Run(Options("whole"), 0);
  ASSERT_TRUE(whole.has_value());
  ASSERT_TRUE(Run(Options("out"), 3).has_value());
  config_.ema_decay = 0.9;
  const auto with = Run(Options("out", /*resume=*/true), 3);
  ASSERT_TRUE(with.has_value());
  const auto state = SafetensorsFile::Open(folder_ / "out.checkpoint");
  ASSERT_TRUE(state.has_value());
  EXPECT_NE(state->Find("head.weight.ema"), nullptr);
  EXPECT_EQ(state->metadata().at("checkpoint.ema_updates"), "3");
  config_.ema_decay = 0;
  const auto rest = Run(Options("out", /*resume=*/true), 0);
  ASSERT_TRUE(rest.has_value() && rest->finished);
  EXPECT_EQ(WeightsIn(folder_ / "out"), WeightsIn(folder_ / "whole"));
}

TEST_F(PretrainTest, KeepsTheModelsOfTheLastEpochs) {
  PretrainOptions options = Options("base.masr");
  options.keep_epochs = 2;
  options.format = WeightFormat::kInt8;
  ASSERT_TRUE(Run(options, 0).has_value());
  EXPECT_FALSE(std::filesystem::exists(folder_ / "base.epoch-001.masr"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "base.epoch-002.masr"));
  EXPECT_NE(WeightsIn(folder_ / "base.epoch-003.masr"), WeightsIn(folder_ / "base.epoch-004.masr"));
  const auto last = WeightsIn(folder_ / "base.epoch-004.masr");
  const auto rounded = WeightsIn(folder_ / "base.masr");
  ASSERT_EQ(last.size(), rounded.size());
  EXPECT_NE(last, rounded);
  EXPECT_EQ(EpochModelPath("a.b/c", 1234), "a.b/c.epoch-1234");
}

TEST_F(PretrainTest, ResumingWhatIsFinishedChangesNothing) {
  const auto whole = Run(Options("out"), 0);
  ASSERT_TRUE(whole.has_value());
  const auto expected = WeightsIn(folder_ / "out");
  const auto again = Run(Options("out", /*resume=*/true), 0);
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->finished);
  EXPECT_EQ(updates_done_, 0);
  EXPECT_EQ(WeightsIn(folder_ / "out"), expected);
  ExpectSameEpochs(*again, *whole);
}

TEST_F(PretrainTest, ResumingWithoutACheckpointStartsFromTheBeginning) {
  const auto result = Run(Options("new", /*resume=*/true), 1);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(updates_done_, 1);
}

TEST_F(PretrainTest, AnotherSeedOrModelIsRefused) {
  ASSERT_TRUE(Run(Options("out"), 2).has_value());
  const ThreadPool pool(1);
  PretrainOptions options = Options("out", /*resume=*/true);
  options.seed = 2;
  const auto seed = Pretrain(config_, options, pool, {}, nullptr);
  ASSERT_FALSE(seed.has_value());
  EXPECT_NE(seed.error().message.find("--seed 1"), std::string::npos) << seed.error().message;

  auto config = config_;
  config.model.characters.push_back("d");
  const auto model = Pretrain(config, Options("out", /*resume=*/true), pool, {}, nullptr);
  ASSERT_FALSE(model.has_value());
  EXPECT_NE(model.error().message.find("'head.weight'"), std::string::npos)
      << model.error().message;
}

TEST_F(PretrainTest, AStageWithoutUtterances) {
  config_.stages[0].max_seconds = 0.1;
  const ThreadPool pool(1);
  const auto result = Pretrain(config_, Options("out"), pool, {}, nullptr);
  ASSERT_FALSE(result.has_value());
  EXPECT_NE(result.error().message.find("stage 'easy' has no utterance"), std::string::npos);
}

TEST_F(PretrainTest, AMissingManifest) {
  const ThreadPool pool(1);
  PretrainOptions options = Options("out");
  options.train_manifests = {folder_ / "nowhere.jsonl"};
  const auto result = Pretrain(config_, options, pool, {}, nullptr);
  ASSERT_FALSE(result.has_value());
  EXPECT_NE(result.error().message.find("nowhere.jsonl"), std::string::npos);
}

// The last good weights are in the checkpoint, and the message says what to do.
TEST_F(PretrainTest, ARunAwayTrainingIsSavedAndSaysSo) {
  config_.stages[0].schedule = {.kind = ScheduleOptions::Kind::kConstant, .peak = 1e37f};
  config_.trainer.optimizer.weight_decay = 0.01f;
  const ThreadPool pool(1);
  const auto result = Pretrain(config_, Options("out"), pool, {}, nullptr);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kDiverged);
  EXPECT_NE(result.error().message.find("epoch 1"), std::string::npos) << result.error().message;
  EXPECT_TRUE(std::filesystem::exists(folder_ / "out.checkpoint"));
}

}  // namespace
}  // namespace masr
