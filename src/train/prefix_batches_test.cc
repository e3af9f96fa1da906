#include "train/prefix_batches.h"

#include <gtest/gtest.h>

#include <numeric>

#include "train/evaluate.h"
#include "train/round_batches.h"
#include "train/testing/conformer_speech.h"

namespace masr {
namespace {

using testing::kToyFirstBlock;

const AugmentOptions kEverything = {.speeds = {0.8, 1.0, 1.2},
                                    .spec_augment = true,
                                    .spec = {.time_masks = 2, .time_fraction = 0.4}};

class PrefixBatchesTest : public ::testing::Test {
 protected:
  PrefixBatchesTest() {
    std::iota(all_.begin(), all_.end(), int64_t{0});
    data_ = testing::LoadToySpeech(manifest_, model_);
  }

  RoundBatches Make(const ThreadPool& pool, const PrefixCacheOptions& options, bool cache = true) {
    auto batches =
        RoundBatches::Create(model_, data_, {.first_block = kToyFirstBlock, .cache = cache},
                             kEverything, options, pool, &arena_);
    EXPECT_TRUE(batches.has_value()) << batches.error().message;
    return std::move(*batches);
  }

  Batch Train(RoundBatches& batches, const std::vector<int64_t>& indices, uint64_t key) {
    std::vector<LoadProblem> problems;
    auto batch = batches.Training(indices, key, problems);
    EXPECT_TRUE(batch.has_value()) << batch.error().message;
    EXPECT_TRUE(problems.empty());
    return std::move(*batch);
  }

  testing::TemporaryFolder folder_;
  const ThreadPool pool_{2};
  Model model_ = testing::MakeToyConformer();
  std::string manifest_ = testing::WriteToySpeech(folder_, "speech", 12, 1.0, 1);
  SpeechDataset data_;
  Arena arena_;
  std::vector<int64_t> all_ = std::vector<int64_t>(12);
};

TEST_F(PrefixBatchesTest, AugmentationDependsOnKeyAndIndexAlone) {
  RoundBatches batches = Make(pool_, {.place = CachePlace::kRam});
  const Batch together = Train(batches, {3, 4, 5}, 9);
  EXPECT_EQ(together.first_block, kToyFirstBlock);
  const int64_t width = model_.encoder.InputDim(kToyFirstBlock);
  const auto begin = together.features.begin() + together.frames[0] * width;
  const std::vector<float> middle(begin, begin + together.frames[1] * width);
  const Batch alone = Train(batches, {4}, 9);
  EXPECT_EQ(alone.frames[0], together.frames[1]);
  EXPECT_EQ(alone.features, middle);
  EXPECT_NE(Train(batches, {4}, 10).features, middle);
  // Neither threads, nor the place, nor what was asked for before.
  const ThreadPool one(1);
  RoundBatches fresh = Make(one, {.place = CachePlace::kDisk, .folder = folder_.path().string()});
  EXPECT_EQ(Train(fresh, {3, 4, 5}, 9).features, together.features);
}

TEST_F(PrefixBatchesTest, WithoutACacheBatchesComeFromAudio) {
  RoundBatches batches = Make(pool_, {}, /*cache=*/false);
  EXPECT_EQ(batches.cache(), nullptr);
  auto loader = BatchLoader::Create(model_, data_, nullptr, pool_);
  ASSERT_TRUE(loader.has_value());
  std::vector<LoadProblem> problems;
  const Batch batch = Train(batches, all_, 5);
  EXPECT_EQ(batch.first_block, 0u);
  EXPECT_EQ(batch.features, loader->Load(all_, kEverything, 5, problems).features);
  const auto plain = batches.Validation(all_, problems);
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->features, loader->Load(all_, {}, 0, problems).features);
}

// The blocks above alone: the same losses and texts, to the bit, as from audio.
TEST_F(PrefixBatchesTest, ValidationIsTheSameAsFromAudio) {
  const auto expected = Evaluate(model_, data_, {}, pool_);
  ASSERT_TRUE(expected.has_value());
  RoundBatches batches = Make(pool_, {.place = CachePlace::kRam, .format = CacheFormat::kF32});
  for (int repeat = 0; repeat < 2; ++repeat) {
    const auto kept = Evaluate(
        model_, data_, {}, pool_,
        {.load = [&](std::span<const int64_t> indices, std::vector<LoadProblem>& problems) {
          return batches.Validation(indices, problems);
        }});
    ASSERT_TRUE(kept.has_value()) << kept.error().message;
    EXPECT_EQ(kept->loss, expected->loss);
    EXPECT_EQ(kept->utterances, expected->utterances);
    ASSERT_EQ(kept->hypotheses.size(), expected->hypotheses.size());
    for (size_t u = 0; u < kept->hypotheses.size(); ++u) {
      EXPECT_EQ(kept->hypotheses[u].hypothesis, expected->hypotheses[u].hypothesis);
    }
  }
  EXPECT_EQ(batches.cache()->counts().computed, 12);
  EXPECT_EQ(batches.cache()->counts().found, 12);
}

TEST_F(PrefixBatchesTest, LeavesOutWhatCannotBeLearnedAndSaysWhyAsFromAudio) {
  Rng rng(1);
  ASSERT_TRUE(WriteWav(folder_ / "short.wav", {testing::Say("ab", 1.0, rng), 8000}).has_value());
  ASSERT_TRUE(WriteWav(folder_ / "click.wav", {std::vector<float>(20, 0.1f), 8000}).has_value());
  ASSERT_TRUE(WriteWav(folder_ / "gone.wav", {std::vector<float>(8000), 8000}).has_value());
  const std::string manifest = folder_ / "bad.jsonl";
  ASSERT_TRUE(ReplaceFile(manifest,
                          R"({"audio_filepath": "short.wav", "duration": 0.3, "text": "ab"}
{"audio_filepath": "short.wav", "duration": 0.3, "text": "abcabcabcabcabcabcabcabcabcabcabcabc"}
{"audio_filepath": "gone.wav", "duration": 1, "text": "a"}
{"audio_filepath": "click.wav", "duration": 0.0025, "text": "a"}
)")
                  .has_value());
  data_ = testing::LoadToySpeech(manifest, model_);
  std::filesystem::remove(folder_ / "gone.wav");
  const std::vector<int64_t> indices = {0, 1, 2, 3};
  std::vector<LoadProblem> expected;
  RoundBatches audio = Make(pool_, {}, /*cache=*/false);
  ASSERT_TRUE(audio.Validation(indices, expected).has_value());
  ASSERT_EQ(expected.size(), 3u);
  RoundBatches kept = Make(pool_, {.place = CachePlace::kRam});
  for (int repeat = 0; repeat < 2; ++repeat) {
    std::vector<LoadProblem> problems;
    const auto batch = kept.Validation(indices, problems);
    ASSERT_TRUE(batch.has_value());
    EXPECT_EQ(batch->utterances, std::vector<int64_t>{0});
    ASSERT_EQ(problems.size(), 3u);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(problems[i].utterance, expected[i].utterance);
      EXPECT_EQ(problems[i].message, expected[i].message);
    }
  }
}

}  // namespace
}  // namespace masr
