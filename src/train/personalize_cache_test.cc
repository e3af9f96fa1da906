#include <gtest/gtest.h>

#include <filesystem>

#include "train/personalize.h"
#include "train/round_schedule.h"
#include "train/testing/conformer_speech.h"

namespace masr {
namespace {

using testing::AllWeights;

class PersonalizeCacheTest : public ::testing::Test {
 protected:
  PersonalizeCacheTest() {
    data_ = testing::LoadToySpeech(testing::WriteToySpeech(folder_, "voice", 24, 1.0, 1), model_);
    options_.candidate = {.first_block = testing::kToyFirstBlock, .cache = true};
    options_.cache = {.place = CachePlace::kRam};
  }

  Result<RoundResult> Round(int threads = 2, const RoundEvents& events = {},
                            const std::atomic<bool>* cancel = nullptr) {
    model_.weights = start_.Clone();
    const ThreadPool pool(threads);
    return Personalize(model_, data_, options_, pool, events, cancel);
  }

  testing::TemporaryFolder folder_;
  Model model_ = testing::MakeToyConformer();
  const Weights start_ = model_.weights.Clone();
  SpeechDataset data_;
  PersonalizeOptions options_ = {.validation_share = 0.25,
                                 .epochs = 5,
                                 .patience = 8,
                                 .batch_seconds = 3,
                                 .updates_per_epoch = 3,
                                 .learning_rate = 1e-2f,
                                 .augment = {.speeds = {0.9, 1.1}, .spec_augment = true}};
};

TEST_F(PersonalizeCacheTest, RunsTheFrozenBlocksOnceAndLearns) {
  const auto result = Round();
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_GT(result->best_epoch, 0);
  EXPECT_EQ(result->cache.computed, 24);
  EXPECT_EQ(result->cache.found + result->cache.computed,
            5 * result->training_utterances + 11 * result->validation_utterances);
  const RoundEpoch& best = result->epochs[static_cast<size_t>(result->best_epoch)];
  EXPECT_LT(best.validation_loss, result->epochs.front().validation_loss);
}

TEST_F(PersonalizeCacheTest, PlaceBudgetAndThreadsChangeNoBit) {
  ASSERT_TRUE(Round().has_value());
  const auto expected = AllWeights(model_);
  const PrefixCacheOptions others[] = {
      {.place = CachePlace::kNone},
      {.place = CachePlace::kDisk, .folder = folder_.path().string()},
      {.place = CachePlace::kRam, .budget_bytes = 3000},
  };
  for (const PrefixCacheOptions& other : others) {
    options_.cache = other;
    ASSERT_TRUE(Round(/*threads=*/1).has_value());
    EXPECT_EQ(AllWeights(model_), expected);
  }
}

// The cache is not part of a checkpoint: a resumed round computes it again, to the same bits.
TEST_F(PersonalizeCacheTest, GoesOnAfterAKillToTheSameBits) {
  ASSERT_TRUE(Round().has_value());
  const auto expected = AllWeights(model_);
  options_.checkpoint = {.path = folder_ / "round.checkpoint", .every_s = 0, .identity = "this"};
  for (const int64_t update : {1, 2}) {
    std::filesystem::remove(options_.checkpoint.path);
    std::atomic<bool> cancel = false;
    const RoundEvents events = {
        .progress = [&](const RoundProgress& p) { cancel = p.epoch == 2 && p.update == update; }};
    const auto stopped = Round(2, events, &cancel);
    ASSERT_TRUE(stopped.has_value()) << stopped.error().message;
    ASSERT_TRUE(stopped->stopped);
    const auto result = Round();
    ASSERT_TRUE(result.has_value()) << result.error().message;
    EXPECT_TRUE(result->resumed);
    EXPECT_EQ(AllWeights(model_), expected);
  }
}

// An arena as it is planned holds the whole round.
TEST_F(PersonalizeCacheTest, FitsIntoWhatIsPlanned) {
  const RoundSpeech speech = DescribeSpeech(data_, options_);
  const auto memory = PlanRoundMemory(model_, options_.candidate, speech, 2, 2, 0);
  ASSERT_TRUE(memory.has_value()) << memory.error().message;
  options_.arena_bytes = memory->arena;
  const auto result = Round();
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_EQ(result->skipped, 0);
  EXPECT_GT(result->cache.bytes, 0);
  EXPECT_LE(result->cache.bytes, memory->prefixes);
  EXPECT_LE(memory->prefixes, result->cache.bytes * 3 / 2);
}

TEST_F(PersonalizeCacheTest, AFolderThatIsNotThereFailsAtOnce) {
  options_.cache = {.place = CachePlace::kDisk, .folder = folder_ / "none"};
  const auto result = Round();
  ASSERT_FALSE(result.has_value());
  EXPECT_NE(result.error().message.find(folder_ / "none"), std::string::npos);
}

}  // namespace
}  // namespace masr
