#include "train/batch_loader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <numeric>

#include "data/shards.h"
#include "train/testing/toy_speech.h"

namespace masr {
namespace {

using testing::LoadToySpeech;
using testing::WriteToySpeech;

const AugmentOptions kEverything = {.speeds = {0.9, 1.0, 1.1},
                                    .gain_db = 6,
                                    .noise_probability = 0.7,
                                    .telephone_probability = 0.3,
                                    .spec_augment = true,
                                    .pitch_probability = 0.5,
                                    .room_probability = 0.5,
                                    .room = {.t60_low_s = 0.05, .t60_high_s = 0.2},
                                    .clip_probability = 0.5,
                                    .band_probability = 0.5,
                                    .codec_probability = 0.7};

class BatchLoaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = testing::MakeModel(testing::ToyModelConfig(), 1);
    ASSERT_TRUE(made.has_value()) << made.error().message;
    model_.emplace(std::move(*made));
    manifest_ = WriteToySpeech(folder_, "speech", 12, 1.0, 1);
    noise_manifest_ = WriteToySpeech(folder_, "noise", 2, 0.4, 2);
  }

  // Everything fresh, so that nothing is cached.
  Batch Load(const std::vector<int64_t>& indices, const AugmentOptions& augment, uint64_t key,
             int threads = 1) {
    const ThreadPool pool(threads);
    SpeechDataset data = LoadToySpeech(manifest_, *model_);
    SpeechDataset noise = LoadToySpeech(noise_manifest_, *model_);
    auto loader = BatchLoader::Create(*model_, data, &noise, pool);
    EXPECT_TRUE(loader.has_value()) << loader.error().message;
    std::vector<LoadProblem> problems;
    Batch batch = loader->Load(indices, augment, key, problems);
    EXPECT_TRUE(problems.empty());
    batch.targets.clear();  // they point into the dataset
    return batch;
  }

  testing::TemporaryFolder folder_;
  std::optional<Model> model_;
  std::string manifest_;
  std::string noise_manifest_;
};

std::vector<int64_t> All() {
  std::vector<int64_t> indices(12);
  std::iota(indices.begin(), indices.end(), int64_t{0});
  return indices;
}

TEST_F(BatchLoaderTest, PacksWhatItLoads) {
  const ThreadPool pool(1);
  SpeechDataset data = LoadToySpeech(manifest_, *model_);
  auto loader = BatchLoader::Create(*model_, data, nullptr, pool);
  ASSERT_TRUE(loader.has_value());
  std::vector<LoadProblem> problems;
  const std::vector<int64_t> indices = {7, 2};
  const Batch batch = loader->Load(indices, {}, 0, problems);
  EXPECT_EQ(batch.utterances, indices);
  ASSERT_EQ(batch.frames.size(), 2u);
  EXPECT_EQ(batch.features.size(), static_cast<size_t>((batch.frames[0] + batch.frames[1]) * 12));
  for (size_t u = 0; u < 2; ++u) {
    EXPECT_TRUE(std::equal(batch.targets[u].begin(), batch.targets[u].end(),
                           data.target(indices[u]).begin(), data.target(indices[u]).end()));
    EXPECT_NEAR(static_cast<double>(batch.frames[u]) * 0.01, data.utterance(indices[u]).duration_s,
                0.03);
  }
  // Normalised per utterance and bin.
  double sum = 0;
  for (int64_t f = 0; f < batch.frames[0]; ++f) sum += batch.features[static_cast<size_t>(f * 12)];
  EXPECT_NEAR(sum / static_cast<double>(batch.frames[0]), 0, 1e-3);
}

TEST_F(BatchLoaderTest, AugmentationDependsOnKeyAndIndexAlone) {
  const Batch together = Load({3, 4, 5}, kEverything, 9);
  const Batch alone = Load({4}, kEverything, 9);
  const Batch other = Load({4}, kEverything, 10);
  const auto begin = together.features.begin() + together.frames[0] * 12;
  EXPECT_EQ(alone.frames[0], together.frames[1]);
  EXPECT_EQ(alone.features, std::vector<float>(begin, begin + together.frames[1] * 12));
  EXPECT_NE(alone.features, other.features);
  EXPECT_NE(alone.features, Load({4}, {}, 9).features);
}

// Many utterances, two noises: threads meet at the same noise.
TEST_F(BatchLoaderTest, ThreadsChangeNothing) {
  const Batch one = Load(All(), kEverything, 3, 1);
  for (int repeat = 0; repeat < 3; ++repeat) {
    const Batch four = Load(All(), kEverything, 3, 4);
    EXPECT_EQ(four.frames, one.frames);
    EXPECT_EQ(four.features, one.features);
  }
}

TEST_F(BatchLoaderTest, TheCacheChangesNothing) {
  const ThreadPool pool(1);
  SpeechDataset data = LoadToySpeech(manifest_, *model_);
  auto loader = BatchLoader::Create(*model_, data, nullptr, pool);
  ASSERT_TRUE(loader.has_value());
  std::vector<LoadProblem> problems;
  const Batch first = loader->Load(All(), kEverything, 5, problems);
  const Batch second = loader->Load(All(), kEverything, 5, problems);
  EXPECT_EQ(first.features, second.features);
}

TEST_F(BatchLoaderTest, ShardsGiveTheSameBatches) {
  const Batch plain = Load(All(), kEverything, 7);
  auto manifest = ReadManifest(manifest_);
  ASSERT_TRUE(manifest.has_value());
  const auto items = PlanShards(*manifest, 1 << 15);
  ASSERT_TRUE(items.has_value());
  ASSERT_GT(items->back().shard, 0);
  for (int64_t shard = 0; shard <= items->back().shard; ++shard) {
    std::vector<ShardItem> part;
    std::copy_if(items->begin(), items->end(), std::back_inserter(part),
                 [&](const ShardItem& item) { return item.shard == shard; });
    ASSERT_TRUE(
        WriteShard(*manifest, part, folder_ / ("audio_" + std::to_string(shard) + ".tar"), nullptr)
            .has_value());
  }
  std::string lines;
  for (const ShardItem& item : *items) {
    const Utterance& u = manifest->utterances[static_cast<size_t>(item.utterance)];
    lines += R"({"shard": "audio_)" + std::to_string(item.shard) + R"(.tar", "offset_bytes": )" +
             std::to_string(item.offset_bytes) + R"(, "size_bytes": )" +
             std::to_string(item.size_bytes) + R"(, "duration": )" + std::to_string(u.duration_s) +
             R"(, "text": ")" + u.text + "\"}\n";
  }
  manifest_ = folder_ / "sharded.jsonl";
  ASSERT_TRUE(ReplaceFile(manifest_, lines).has_value());
  const Batch sharded = Load(All(), kEverything, 7, 4);
  EXPECT_EQ(sharded.frames, plain.frames);
  EXPECT_EQ(sharded.features, plain.features);
}

TEST_F(BatchLoaderTest, LeavesOutWhatCannotBeLearnedAndSaysWhy) {
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
  SpeechDataset data = LoadToySpeech(manifest, *model_);
  ASSERT_EQ(data.size(), 4);
  std::filesystem::remove(folder_ / "gone.wav");
  const ThreadPool pool(2);
  auto loader = BatchLoader::Create(*model_, data, nullptr, pool);
  ASSERT_TRUE(loader.has_value());
  std::vector<LoadProblem> problems;
  const std::vector<int64_t> indices = {0, 1, 2, 3};
  const Batch batch = loader->Load(indices, {}, 0, problems);
  EXPECT_EQ(batch.utterances, std::vector<int64_t>{0});
  ASSERT_EQ(problems.size(), 3u);
  EXPECT_EQ(problems[0].utterance, 1);
  EXPECT_NE(problems[0].message.find("line 2"), std::string::npos) << problems[0].message;
  EXPECT_NE(problems[0].message.find("needs 36 frames"), std::string::npos);
  EXPECT_NE(problems[1].message.find("gone.wav"), std::string::npos) << problems[1].message;
  EXPECT_NE(problems[2].message.find("gives 0"), std::string::npos) << problems[2].message;
}

TEST_F(BatchLoaderTest, JoinedUtterancesAreOneWithASpaceBetween) {
  const std::vector<int64_t> all = {0, 1, 2, 3, 4, 5};
  std::vector<LoadProblem> problems;
  // A vocabulary without a space cannot join.
  EXPECT_EQ(Load(all, {.join_probability = 1}, 7).utterances, all);
  std::string config = testing::ToyModelConfig();
  const std::string letters = R"(["a", "b", "c"])";
  config.replace(config.find(letters), letters.size(), R"([" ", "a", "b", "c"])");
  auto spaced = testing::MakeModel(config, 1);
  ASSERT_TRUE(spaced.has_value()) << spaced.error().message;
  model_.emplace(std::move(*spaced));
  const Batch apart = Load(all, {}, 7);
  const ThreadPool pool(2);
  SpeechDataset data = LoadToySpeech(manifest_, *model_);
  auto loader = BatchLoader::Create(*model_, data, nullptr, pool);
  ASSERT_TRUE(loader.has_value());
  const Batch joined =
      loader->Load(all, {.join_probability = 1, .join_max_seconds = 2.5}, 7, problems);
  EXPECT_TRUE(problems.empty());
  size_t next = 0;
  for (size_t i = 0; i < joined.targets.size(); ++i) {
    ASSERT_EQ(joined.utterances[i], static_cast<int64_t>(next));
    std::string text;
    double seconds = 0;
    int64_t frames = 0;
    size_t count = 0;
    for (; next < all.size(); ++next, ++count) {
      seconds += data.utterance(all[next]).duration_s;
      if (count > 0 && seconds > 2.5) break;
      text += (count > 0 ? " " : "") + model_->vocabulary.Decode(data.target(all[next]));
      frames += apart.frames[next];
    }
    EXPECT_EQ(model_->vocabulary.Decode(joined.targets[i]), text);
    // As long as all, and the windows across the joints.
    EXPECT_GE(joined.frames[i], frames);
    EXPECT_LE(joined.frames[i], frames + 4 * static_cast<int64_t>(count));
  }
  EXPECT_EQ(next, all.size());
  EXPECT_LT(joined.targets.size(), all.size());
  // By chance, and the same chance each time; never longer than asked.
  const Batch some =
      loader->Load(all, {.join_probability = 0.5, .join_max_seconds = 60}, 7, problems);
  const Batch again =
      loader->Load(all, {.join_probability = 0.5, .join_max_seconds = 60}, 7, problems);
  EXPECT_EQ(some.features, again.features);
  const Batch none =
      loader->Load(all, {.join_probability = 1, .join_max_seconds = 0.5}, 7, problems);
  EXPECT_EQ(none.features, apart.features);
}

}  // namespace
}  // namespace masr
