#include "rounds/transcript_check.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/rng.h"
#include "train/personalize.h"
#include "train/testing/toy_speech.h"

namespace masr {
namespace {

class TranscriptCheckTest : public ::testing::Test {
 protected:
  // A recogniser of the toy language that still makes errors.
  void SetUp() override {
    auto made = testing::MakeModel(testing::ToyModelConfig(), 1);
    ASSERT_TRUE(made.has_value()) << made.error().message;
    model_.emplace(std::move(*made));
    SpeechDataset data =
        testing::LoadToySpeech(testing::WriteToySpeech(folder_, "base", 48, 1.0, 1), *model_);
    ASSERT_TRUE(Personalize(*model_, data,
                            {.epochs = 10, .batch_seconds = 3, .learning_rate = 1e-2f}, pool_, {},
                            nullptr)
                    .has_value());
  }

  TranscriptCheck Check(const std::string& manifest) {
    SpeechDataset data = testing::LoadToySpeech(manifest, *model_);
    std::vector<int64_t> all(static_cast<size_t>(data.size()));
    std::iota(all.begin(), all.end(), 0);
    const auto check = CheckTranscripts(*model_, data, all, pool_);
    EXPECT_TRUE(check.has_value());
    return check.value_or(TranscriptCheck{});
  }

  testing::TemporaryFolder folder_;
  const ThreadPool pool_{2};
  std::optional<Model> model_;
};

TEST_F(TranscriptCheckTest, RightTextsAreLikelier) {
  const TranscriptCheck check = Check(testing::WriteToySpeech(folder_, "voice", 32, 1.1, 2));
  EXPECT_EQ(check.compared, 32);
  EXPECT_GT(check.mean, 0.85);
}

// The same recordings, each with the text of another.
TEST_F(TranscriptCheckTest, TextsOfOthersAreNot) {
  const std::string path = testing::WriteToySpeech(folder_, "voice", 32, 1.1, 2);
  auto manifest = ReadManifest(path);
  ASSERT_TRUE(manifest.has_value());
  std::string lines;
  const auto& utterances = manifest->utterances;
  for (size_t i = 0; i < utterances.size(); ++i) {
    lines += R"({"audio_filepath": ")" + utterances[i].audio_path + R"(", "text": ")" +
             utterances[(i + 7) % utterances.size()].text + "\"}\n";
  }
  ASSERT_TRUE(ReplaceFile(folder_ / "wrong.jsonl", lines).has_value());
  const TranscriptCheck check = Check(folder_ / "wrong.jsonl");
  EXPECT_GT(check.compared, 20);
  EXPECT_GT(check.mean, 0.25);
  EXPECT_LT(check.mean, 0.65);
}

TEST_F(TranscriptCheckTest, OneTextAloneCannotBeCompared) {
  const std::string path = testing::WriteToySpeech(folder_, "voice", 1, 1.0, 2);
  const TranscriptCheck check = Check(path);
  EXPECT_EQ(check.compared, 0);
  EXPECT_EQ(check.mean, -1);
  EXPECT_EQ(check.preference, std::vector<double>{-1});
}

TEST(LeastMeanPreference, AsksMoreOfFewUtterancesThanChancePasses) {
  EXPECT_EQ(LeastMeanPreference(1), 1.0);
  EXPECT_EQ(LeastMeanPreference(2), 1.0);
  EXPECT_EQ(LeastMeanPreference(100), kLeastPreference);
  for (const int64_t n : {3, 6, 8}) {
    Rng rng(static_cast<uint64_t>(n));
    int passed = 0;
    for (int trial = 0; trial < 20000; ++trial) {
      double sum = 0;
      for (int64_t i = 0; i < n; ++i) sum += rng.Uniform(0, 1);
      passed += sum / static_cast<double>(n) >= LeastMeanPreference(n) ? 1 : 0;
    }
    EXPECT_LT(passed, 150) << n << " utterances";
  }
}

}  // namespace
}  // namespace masr
