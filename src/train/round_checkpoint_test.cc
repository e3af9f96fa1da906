#include "train/round_checkpoint.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "io/file.h"
#include "resources/scripted_monitor.h"
#include "train/personalize.h"
#include "train/testing/toy_speech.h"

namespace masr {
namespace {

using testing::AllWeights;

class RoundCheckpointTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = testing::MakeModel(testing::ToyModelConfig(), 1);
    ASSERT_TRUE(made.has_value()) << made.error().message;
    model_.emplace(std::move(*made));
    data_ = testing::LoadToySpeech(testing::WriteToySpeech(folder_, "voice", 24, 1.0, 1), *model_);
    start_.emplace(model_->weights.Clone());
    ASSERT_TRUE(Round().has_value());
    expected_ = AllWeights(*model_);
    options_.checkpoint = {.path = path_, .every_s = 0, .identity = "this one"};
  }

  // From the start.
  Result<RoundResult> Round(const RoundEvents& events = {},
                            const std::atomic<bool>* cancel = nullptr,
                            RoundGuard* guard = nullptr) {
    model_->weights = start_->Clone();
    return Personalize(*model_, data_, options_, pool_, events, cancel, guard);
  }

  testing::TemporaryFolder folder_;
  const std::string path_ = folder_ / "round.checkpoint";
  const ThreadPool pool_{2};
  PersonalizeOptions options_ = {.validation_share = 0.25,
                                 .epochs = 4,
                                 .patience = 8,
                                 .batch_seconds = 3,
                                 .updates_per_epoch = 3,
                                 .learning_rate = 1e-2f,
                                 .augment = {.speeds = {0.9, 1.1}, .gain_db = 3}};
  std::optional<Model> model_;
  SpeechDataset data_;
  std::optional<Weights> start_;
  std::vector<std::vector<float>> expected_;  // of a round that nobody interrupts
};

void ExpectSameEpochs(const std::vector<RoundEpoch>& one, const std::vector<RoundEpoch>& other) {
  ASSERT_EQ(one.size(), other.size());
  for (size_t e = 0; e < one.size(); ++e) {
    EXPECT_EQ(one[e].epoch, other[e].epoch);
    EXPECT_EQ(one[e].train_loss, other[e].train_loss);
    EXPECT_EQ(one[e].validation_loss, other[e].validation_loss);
    EXPECT_EQ(one[e].validation_cer, other[e].validation_cer);
  }
}

TEST_F(RoundCheckpointTest, WritingItChangesNothing) {
  const auto result = Round();
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_FALSE(result->resumed);
  EXPECT_EQ(AllWeights(*model_), expected_);
  EXPECT_TRUE(std::filesystem::exists(path_));
}

// Whatever update it was killed in: the checkpoint that was there then leads to the same end.
TEST_F(RoundCheckpointTest, GoesOnFromEveryUpdateToTheSameBits) {
  int copies = 0;
  const auto copy = [&] {
    if (!std::filesystem::exists(path_)) return;
    std::filesystem::copy_file(path_, folder_ / ("copy" + std::to_string(copies)));
    ++copies;
  };
  const auto whole = Round({.progress = [&](const RoundProgress&) { copy(); },
                            .epoch = [&](const RoundEpoch&) { copy(); }});
  ASSERT_TRUE(whole.has_value()) << whole.error().message;
  ASSERT_GE(copies, 12);
  for (int i = 0; i < copies; ++i) {
    SCOPED_TRACE(i);
    std::filesystem::copy_file(folder_ / ("copy" + std::to_string(i)), path_,
                               std::filesystem::copy_options::overwrite_existing);
    const auto result = Round();
    ASSERT_TRUE(result.has_value()) << result.error().message;
    EXPECT_TRUE(result->resumed);
    EXPECT_EQ(AllWeights(*model_), expected_);
    EXPECT_EQ(result->best_epoch, whole->best_epoch);
    ExpectSameEpochs(result->epochs, whole->epochs);
  }
}

TEST_F(RoundCheckpointTest, AStoppedRoundSavesAndGoesOn) {
  options_.checkpoint.every_s = 1e9;  // only because it is stopped
  std::atomic<bool> cancel = false;
  const auto stopped =
      Round({.progress = [&](const RoundProgress& p) { cancel = p.epoch == 2 && p.update == 2; }},
            &cancel);
  ASSERT_TRUE(stopped.has_value()) << stopped.error().message;
  EXPECT_TRUE(stopped->stopped);
  std::vector<int64_t> seen;
  const auto result = Round(
      {.progress = [&](const RoundProgress& p) { seen.push_back(100 * p.epoch + p.update); }});
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_EQ(seen.front(), 203);
  EXPECT_EQ(AllWeights(*model_), expected_);
}

// The system may take the memory of a round that waits.
TEST_F(RoundCheckpointTest, APauseSavesFirst) {
  options_.checkpoint.every_s = 1e9;
  double now_s = -1;
  auto hot = ScriptedMonitor::Parse(
      "time_s,temperature_c,temperature_limit_c\n0,30,45\n3,44,45\n9,30,45\n", "trace", {},
      [&] { return ++now_s; });
  ASSERT_TRUE(hot.has_value());
  bool was_there = false;
  RoundGuard guard(*hot, {.wait = [&](double) { was_there = std::filesystem::exists(path_); }});
  ASSERT_TRUE(Round({}, nullptr, &guard).has_value());
  EXPECT_TRUE(was_there);
  EXPECT_EQ(AllWeights(*model_), expected_);
}

TEST_F(RoundCheckpointTest, AnotherRoundsIsRefused) {
  ASSERT_TRUE(Round().has_value());
  options_.checkpoint.identity = "another";
  const auto result = Round();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(result.error().message.find(path_ + ": belongs to a round with another base"),
            std::string::npos);
}

// A hundred bits of the file, one at a time: each is noticed.
TEST_F(RoundCheckpointTest, AFlippedBitIsNoticed) {
  ASSERT_TRUE(Round().has_value());
  const auto whole = ReadTextFile(path_);
  ASSERT_TRUE(whole.has_value());
  Rng rng(7);
  for (int i = 0; i < 100; ++i) {
    std::string flipped = *whole;
    const auto bit = rng.Below(flipped.size() * 8);
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    ASSERT_TRUE(ReplaceFile(path_, flipped).has_value());
    const auto result = Round();
    ASSERT_FALSE(result.has_value()) << "bit " << bit;
    EXPECT_NE(result.error().message.find(path_), std::string::npos) << result.error().message;
  }
}

TEST_F(RoundCheckpointTest, AFolderThatIsNotThereIsAnError) {
  options_.checkpoint.path = folder_ / "nowhere/round.checkpoint";
  const auto result = Round();
  ASSERT_FALSE(result.has_value());
  EXPECT_NE(result.error().message.find(options_.checkpoint.path), std::string::npos);
}

}  // namespace
}  // namespace masr
