#include "train/evaluate.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "train/testing/toy_speech.h"

namespace masr {
namespace {

class EvaluateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = testing::MakeModel(testing::ToyModelConfig(), 1);
    ASSERT_TRUE(made.has_value()) << made.error().message;
    model_.emplace(std::move(*made));
    data_ =
        testing::LoadToySpeech(testing::WriteToySpeech(folder_, "test", 40, 1.0, 1), *model_, 0);
  }

  testing::TemporaryFolder folder_;
  const ThreadPool pool_{2};
  std::optional<Model> model_;
  SpeechDataset data_;
};

TEST_F(EvaluateTest, CountsEveryUtteranceOnce) {
  int64_t last = 0;
  const auto result =
      Evaluate(*model_, data_, {}, pool_, {.progress = [&](int64_t done, int64_t total) {
        EXPECT_EQ(total, 40);
        EXPECT_GT(done, last);
        last = done;
      }});
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_EQ(last, 40);
  EXPECT_EQ(result->utterances, 40);
  EXPECT_EQ(result->skipped, 0);
  EXPECT_EQ(result->hypotheses.size(), 40u);
  std::set<int64_t> seen;
  double seconds = 0;
  for (const EvaluatedUtterance& u : result->hypotheses) {
    seen.insert(u.utterance);
    seconds += data_.utterance(u.utterance).duration_s;
  }
  EXPECT_EQ(seen.size(), 40u);
  EXPECT_NEAR(result->audio_seconds, seconds, 1e-9);
  EXPECT_EQ(result->words.reference_tokens, 40);
  EXPECT_GT(result->loss, 0);
}

TEST_F(EvaluateTest, ChosenUtterancesAsIfTheyWereAll) {
  const auto all = Evaluate(*model_, data_, {}, pool_);
  const auto some = Evaluate(*model_, data_, {31, 4, 17}, pool_);
  ASSERT_TRUE(all.has_value() && some.has_value());
  EXPECT_EQ(some->utterances, 3);
  for (const EvaluatedUtterance& chosen : some->hypotheses) {
    for (const EvaluatedUtterance& u : all->hypotheses) {
      if (u.utterance == chosen.utterance) {
        EXPECT_EQ(u.hypothesis, chosen.hypothesis);
      }
    }
  }
}

TEST_F(EvaluateTest, SmallerBatchesAndAnArenaOfOthersGiveTheSame) {
  Arena arena;
  const auto expected = Evaluate(*model_, data_, {}, pool_);
  const auto small = Evaluate(*model_, data_, {}, pool_, {.batch_seconds = 1, .arena = &arena});
  ASSERT_TRUE(expected.has_value() && small.has_value());
  EXPECT_GT(arena.bytes(), 0u);
  EXPECT_EQ(small->characters.errors(), expected->characters.errors());
  for (size_t i = 0; i < 40; ++i) {
    EXPECT_EQ(small->hypotheses[i].hypothesis, expected->hypotheses[i].hypothesis);
  }
}

TEST_F(EvaluateTest, UnreadableAudioIsSkippedAndCounted) {
  std::filesystem::remove(folder_ / "test3.wav");
  const auto result = Evaluate(*model_, data_, {}, pool_);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->utterances, 39);
  EXPECT_EQ(result->skipped, 1);
}

TEST_F(EvaluateTest, StopsWhenItsOwnerSaysSo) {
  std::atomic<bool> cancel = false;
  int calls = 0;
  const auto result = Evaluate(*model_, data_, {}, pool_,
                               {.progress =
                                    [&](int64_t, int64_t) {
                                      ++calls;
                                      cancel = true;
                                    },
                                .cancel = &cancel});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace masr
