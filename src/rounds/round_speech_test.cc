#include "rounds/round_speech.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "train/testing/toy_speech.h"

namespace masr {
namespace {

class RoundSpeechTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = testing::MakeModel(testing::ToyModelConfig(), 1);
    ASSERT_TRUE(made.has_value()) << made.error().message;
    model_.emplace(std::move(*made));
    first_ = testing::WriteToySpeech(folder_, "first", 20, 1.0, 1);
    second_ = testing::WriteToySpeech(folder_, "second", 20, 1.0, 2);
  }

  // Of a round on `data`, whose speech is then heard.
  std::string Choose(const std::string& data, int64_t round, const SpeechChoice& choice = {}) {
    SpeechChoice with_round = choice;
    with_round.round = round;
    const auto lines = ChooseRoundSpeech(*model_, data, heard_, with_round);
    EXPECT_TRUE(lines.has_value()) << lines.error().message;
    return lines.value_or("");
  }
  void Hear(const std::string& lines, int64_t round) {
    const auto before = ReadTextFile(heard_);
    ASSERT_TRUE(ReplaceFile(heard_, before.value_or("") + SpeechOfRound(lines, round)).has_value());
  }
  RoundSpeechData Load(const std::string& lines, int64_t round) {
    EXPECT_TRUE(ReplaceFile(folder_ / "round.jsonl", lines).has_value());
    auto speech = LoadRoundSpeech(*model_, folder_ / "round.jsonl", round, 0);
    EXPECT_TRUE(speech.has_value()) << speech.error().message;
    return std::move(*speech);
  }
  std::set<std::string> Paths(const RoundSpeechData& speech, const std::vector<int64_t>& indices) {
    std::set<std::string> paths;
    for (int64_t i : indices) paths.insert(speech.dataset.utterance(i).audio_path);
    return paths;
  }

  testing::TemporaryFolder folder_;
  const std::string heard_ = folder_ / "speech.jsonl";
  std::optional<Model> model_;
  std::string first_;
  std::string second_;
};

TEST_F(RoundSpeechTest, TheFirstRoundHasOnlyWhatIsNew) {
  const RoundSpeechData speech = Load(Choose(first_, 1), 1);
  EXPECT_EQ(speech.dataset.size(), 20);
  EXPECT_GE(speech.split.validation.size(), 3u);
  EXPECT_EQ(speech.split.training.size() + speech.split.validation.size(), 20u);
  EXPECT_TRUE(speech.replayed.empty());
}

TEST_F(RoundSpeechTest, WhatWasKeptAsideIsNeverLearned) {
  const std::string lines = Choose(first_, 1);
  const RoundSpeechData one = Load(lines, 1);
  const auto learned = Paths(one, one.split.training);
  const auto kept_aside = Paths(one, one.split.validation);
  Hear(lines, 1);
  const RoundSpeechData two = Load(Choose(second_, 2), 2);
  const auto learned_now = Paths(two, two.split.training);
  const auto kept_aside_now = Paths(two, two.split.validation);
  for (const std::string& path : kept_aside) {
    EXPECT_FALSE(learned_now.contains(path));
    EXPECT_TRUE(kept_aside_now.contains(path));
  }
  for (const std::string& path : learned) EXPECT_FALSE(kept_aside_now.contains(path));
  EXPECT_FALSE(two.replayed.empty());
  for (int64_t i : two.replayed) {
    EXPECT_TRUE(learned.contains(two.dataset.utterance(i).audio_path));
    EXPECT_TRUE(std::ranges::count(two.split.training, i));
  }
}

TEST_F(RoundSpeechTest, ReplayIsInProportionToWhatIsNew) {
  Hear(Choose(first_, 1), 1);
  const auto seconds = [&](double share) {
    const RoundSpeechData speech = Load(Choose(second_, 2, {.replay_share = share}), 2);
    double replayed = 0;
    double fresh = 0;
    for (int64_t i : speech.split.training) {
      (std::ranges::count(speech.replayed, i) ? replayed : fresh) +=
          speech.dataset.utterance(i).duration_s;
    }
    return replayed / fresh;
  };
  EXPECT_EQ(seconds(0), 0);
  EXPECT_GT(seconds(0.5), 0.3);
  EXPECT_LE(seconds(0.5), 0.5);
}

TEST_F(RoundSpeechTest, TheSameSpeechAgainKeepsItsSides) {
  const std::string lines = Choose(first_, 1);
  const RoundSpeechData one = Load(lines, 1);
  Hear(lines, 1);
  const RoundSpeechData again = Load(Choose(first_, 2), 2);
  EXPECT_EQ(Paths(again, again.split.training), Paths(one, one.split.training));
  EXPECT_EQ(Paths(again, again.split.validation), Paths(one, one.split.validation));
  EXPECT_EQ(SpeechOfRound(Choose(first_, 2), 2), "");
}

TEST_F(RoundSpeechTest, OneSentenceAloneIsLearnedAndEarlierOnesJudgeIt) {
  const std::string one = testing::WriteToySpeech(folder_, "one", 1, 1.0, 9);
  EXPECT_FALSE(ChooseRoundSpeech(*model_, one, heard_, {.round = 1}).has_value());
  const std::string lines = Choose(first_, 1);
  const auto kept_aside = Load(lines, 1).split.validation.size();
  Hear(lines, 1);
  const RoundSpeechData speech = Load(Choose(one, 2, {.replay_share = 0}), 2);
  EXPECT_EQ(speech.split.training.size(), 1u);
  EXPECT_EQ(speech.split.validation.size(), kept_aside);
}

// Of speech whose every sentence was known, nothing was kept aside: others judge it again.
TEST_F(RoundSpeechTest, SpeechThatIsAllLearnedFromIsJudgedByOtherSpeech) {
  const std::string lines = Choose(first_, 1);
  Hear(lines, 1);
  const RoundSpeechData one = Load(lines, 1);
  auto learned = ReadManifest(first_);
  ASSERT_TRUE(learned.has_value());
  std::string manifest;
  const std::set<std::string> training = Paths(one, one.split.training);
  for (const Utterance& u : learned->utterances) {
    if (!training.contains(u.audio_path)) continue;
    manifest += R"({"audio_filepath": ")" + u.audio_path + R"(", "text": ")" + u.text + "\"}\n";
  }
  ASSERT_TRUE(ReplaceFile(folder_ / "learned.jsonl", manifest).has_value());
  const RoundSpeechData again = Load(Choose(folder_ / "learned.jsonl", 2), 2);
  EXPECT_EQ(Paths(again, again.split.training), training);
  EXPECT_EQ(Paths(again, again.split.validation), Paths(one, one.split.validation));
}

TEST_F(RoundSpeechTest, ADamagedLineIsNoticedAndTheOthersAreKept) {
  std::string lines = Choose(first_, 1);
  const auto text = lines.find("\"training\"");
  ASSERT_NE(text, std::string::npos);
  lines.replace(text, 10, "\"validation\"");  // JSON still, and a side
  const auto last = LastRoundOfSpeech(lines, "lines");
  ASSERT_FALSE(last.has_value());
  EXPECT_NE(last.error().message.find("lines: line "), std::string::npos) << last.error().message;
  EXPECT_NE(last.error().message.find("damaged"), std::string::npos) << last.error().message;
  const std::string news = SpeechOfRound(lines, 1);
  EXPECT_EQ(std::ranges::count(news, '\n'), std::ranges::count(lines, '\n') - 1);
  EXPECT_TRUE(LastRoundOfSpeech(news, "news").has_value());
}

// A manifest that has grown: the old lines are known.
TEST_F(RoundSpeechTest, AGrowingManifestHasItsNewPart) {
  Hear(Choose(first_, 1), 1);
  const auto a = ReadTextFile(first_);
  const auto b = ReadTextFile(second_);
  ASSERT_TRUE(ReplaceFile(folder_ / "all.jsonl", *a + *b).has_value());
  const std::string lines = Choose(folder_ / "all.jsonl", 2, {.replay_share = 0});
  EXPECT_EQ(std::ranges::count(SpeechOfRound(lines, 2), '\n'), 20);
  const RoundSpeechData speech = Load(lines, 2);
  EXPECT_TRUE(speech.replayed.empty());
}

TEST_F(RoundSpeechTest, RecordingsThatWereDeletedAreNotReplayed) {
  const std::string lines = Choose(first_, 1);
  Hear(lines, 1);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(RemoveFile(folder_ / ("first" + std::to_string(i) + ".wav")).has_value());
  }
  const RoundSpeechData speech = Load(Choose(second_, 2), 2);
  EXPECT_EQ(speech.dataset.size(), 20);
  EXPECT_TRUE(speech.replayed.empty());
}

TEST_F(RoundSpeechTest, WhatARoundBeganWithMustStillBeThere) {
  ASSERT_TRUE(ReplaceFile(folder_ / "round.jsonl", Choose(first_, 1)).has_value());
  ASSERT_TRUE(RemoveFile(folder_ / "first3.wav").has_value());
  const auto speech = LoadRoundSpeech(*model_, folder_ / "round.jsonl", 1, 0);
  ASSERT_FALSE(speech.has_value());
  EXPECT_NE(speech.error().message.find("first3.wav"), std::string::npos) << speech.error().message;
}

TEST_F(RoundSpeechTest, TooLittle) {
  const std::string one = testing::WriteToySpeech(folder_, "one", 1, 1.0, 3);
  const auto lines = ChooseRoundSpeech(*model_, one, heard_, {});
  ASSERT_FALSE(lines.has_value());
  EXPECT_NE(lines.error().message.find("only 1 usable"), std::string::npos);
}

TEST_F(RoundSpeechTest, LinesWithoutSidesAreRefused) {
  for (const char* bad : {"{\"side\": \"left\", \"round\": 1}", "{\"side\": \"training\"}", "[]",
                          "{\"side\": \"training\", \"round\": \"x\"}"}) {
    const auto last = LastRoundOfSpeech(bad, "speech.jsonl");
    ASSERT_FALSE(last.has_value()) << bad;
    EXPECT_EQ(last.error().message.find("speech.jsonl: line 1: "), 0u) << last.error().message;
  }
}

}  // namespace
}  // namespace masr
