#include "rounds/owner_round.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "io/file.h"
#include "io/json.h"
#include "resources/scripted_monitor.h"
#include "train/testing/toy_speech.h"

namespace masr {
namespace {

namespace fs = std::filesystem;
using testing::AllWeights;

class OwnerRoundTest : public ::testing::Test {
 protected:
  // A base that knows another voice.
  void SetUp() override {
    auto made = testing::MakeModel(testing::ToyModelConfig(), 1);
    ASSERT_TRUE(made.has_value()) << made.error().message;
    SpeechDataset data =
        testing::LoadToySpeech(testing::WriteToySpeech(folder_, "base", 48, 1.0, 1), *made);
    ASSERT_TRUE(
        Personalize(*made, data,
                    {.epochs = 12, .batch_seconds = 3, .learning_rate = 1e-2f, .base_share = 0},
                    pool_, {}, nullptr)
            .has_value());
    ASSERT_TRUE(SaveModel(*made, WeightFormat::kInt8, base_).has_value());
    first_ = testing::WriteToySpeech(folder_, "first", 24, 1.06, 2);
    second_ = testing::WriteToySpeech(folder_, "second", 24, 1.06, 3);
    settings_.personalize = {.validation_share = 0.25,
                             .epochs = 3,
                             .batch_seconds = 3,
                             .learning_rate = 1e-2f,
                             .checkpoint = {.every_s = 0}};
    settings_.format = WeightFormat::kAsStored;
  }

  OwnerFolder Open() {
    auto folder = OwnerFolder::Open(state_, base_);
    EXPECT_TRUE(folder.has_value()) << folder.error().message;
    return std::move(*folder);
  }
  Result<RoundRecord> Round(OwnerFolder& folder, const std::string& data,
                            const OwnerRoundEvents& events = {},
                            const std::atomic<bool>* cancel = nullptr,
                            RoundGuard* guard = nullptr) {
    auto round = OwnerRound::Begin(folder, data, 0, settings_);
    if (!round.has_value()) return tl::unexpected(round.error());
    return round->Run(pool_, events, cancel, guard);
  }
  std::vector<std::vector<float>> Accepted() {
    const auto model = LoadModel(state_ + "/accepted.masr");
    EXPECT_TRUE(model.has_value()) << model.error().message;
    return AllWeights(*model);
  }
  bool Exists(const std::string& name) { return FileExists(state_ + "/" + name); }

  testing::TemporaryFolder folder_;
  const std::string state_ = folder_ / "state";
  const std::string base_ = folder_ / "base.masr";
  const ThreadPool pool_{2};
  RoundSettings settings_;
  std::string first_;
  std::string second_;
};

TEST_F(OwnerRoundTest, TwoRoundsMakeAHistory) {
  OwnerFolder folder = Open();
  const auto base = Accepted();
  const auto one = Round(folder, first_);
  ASSERT_TRUE(one.has_value()) << one.error().message;
  EXPECT_TRUE(one->accepted) << one->why;
  EXPECT_NE(Accepted(), base);
  const auto after_one = Accepted();
  const auto two = Round(folder, second_);
  ASSERT_TRUE(two.has_value()) << two.error().message;
  EXPECT_EQ(two->round, 2);
  EXPECT_GT(two->replayed_utterances, 0);
  EXPECT_GT(two->validation_utterances, one->validation_utterances);
  // What it began with is what the first one gave: its errors on old and new speech together.
  EXPECT_NE(two->from, one->from);
  for (const char* gone : {"round.json", "round.jsonl", "round.checkpoint", "candidate.masr"}) {
    EXPECT_FALSE(Exists(gone)) << gone;
  }
  if (two->accepted) {
    const auto previous = LoadModel(state_ + "/previous.masr");
    ASSERT_TRUE(previous.has_value());
    EXPECT_EQ(AllWeights(*previous), after_one);
  }
  ASSERT_EQ(folder.history().size(), 2u);
  EXPECT_EQ(folder.history()[0].epochs.size(), 4u);
}

TEST(ObservedGains, AreThoseOfTheEpochsThatWereOffered) {
  const auto record = [](int64_t best, double before, double after) {
    return RoundRecord{.tuning = "full",
                       .learning_share = 0.5,
                       .epochs = {{.validation_wer = before}, {.validation_wer = after}},
                       .best_epoch = best,
                       .audio_seconds = 120};
  };
  // Refused before it began, from an earlier version, and with nothing to gain: they tell nothing.
  RoundRecord refused{.tuning = "full"};
  RoundRecord old = record(1, 50, 40);
  old.tuning.clear();
  const auto gains =
      ObservedGains({record(1, 50, 40), record(0, 50, 60), refused, old, record(1, 0, 0)});
  ASSERT_EQ(gains.size(), 2u);
  EXPECT_NEAR(gains[0].gain, 0.2, 1e-12);
  EXPECT_EQ(gains[0].minutes, 2);
  EXPECT_EQ(gains[0].share, 0.5);
  EXPECT_EQ(gains[1].gain, 0);
}

TEST_F(OwnerRoundTest, NothingBetterLeavesWhatThereWas) {
  OwnerFolder folder = Open();
  const auto base = Accepted();
  settings_.personalize.learning_rate = 0;
  settings_.personalize.patience = 1;
  const auto round = Round(folder, first_);
  ASSERT_TRUE(round.has_value()) << round.error().message;
  EXPECT_FALSE(round->accepted);
  EXPECT_NE(round->why.find("no epoch was better"), std::string::npos) << round->why;
  EXPECT_EQ(Accepted(), base);
  ASSERT_EQ(folder.history().size(), 1u);
  EXPECT_FALSE(Exists("speech.jsonl"));  // it may be tried again
}

// A base that hears letters where they are; then all letters mean something else.
TEST_F(OwnerRoundTest, WhatForgetsOthersIsRefusedOrTakenInPart) {
  OwnerFolder folder = Open();
  const auto base = Accepted();
  settings_.general = folder_ / "base.jsonl";
  settings_.max_general_cer_rise = 0;
  settings_.personalize.learning_rate = 3e-2f;
  settings_.personalize.base_share = 0;
  settings_.personalize.epochs = 6;
  const auto round = Round(folder, first_);
  ASSERT_TRUE(round.has_value()) << round.error().message;
  ASSERT_TRUE(round->general_before.has_value());
  ASSERT_TRUE(round->general_after.has_value());
  if (round->accepted) {
    EXPECT_LE(round->general_after->cer, round->general_before->cer);
  } else {
    EXPECT_NE(round->why.find("other people's speech"), std::string::npos) << round->why;
    EXPECT_EQ(Accepted(), base);
  }
  EXPECT_FALSE(round->accepted && round->why.find("points that are allowed") != std::string::npos);
}

TEST_F(OwnerRoundTest, TextsThatDoNotBelongToTheSpeechAreRefused) {
  auto manifest = ReadManifest(first_);
  ASSERT_TRUE(manifest.has_value());
  std::string lines;
  for (size_t i = 0; i < manifest->utterances.size(); ++i) {
    const auto& other = manifest->utterances[(i + 5) % manifest->utterances.size()];
    lines += R"({"audio_filepath": ")" + manifest->utterances[i].audio_path + R"(", "text": ")" +
             other.text + "\"}\n";
  }
  ASSERT_TRUE(ReplaceFile(folder_ / "wrong.jsonl", lines).has_value());
  OwnerFolder folder = Open();
  const auto base = Accepted();
  const auto round = Round(folder, folder_ / "wrong.jsonl");
  ASSERT_TRUE(round.has_value()) << round.error().message;
  EXPECT_FALSE(round->accepted);
  EXPECT_NE(round->why.find("do not belong to the speech"), std::string::npos) << round->why;
  EXPECT_TRUE(round->epochs.empty());
  EXPECT_EQ(Accepted(), base);
}

TEST_F(OwnerRoundTest, AnInterruptedRoundGoesOnToTheSameBits) {
  {
    OwnerFolder folder = Open();
    ASSERT_TRUE(Round(folder, first_).has_value());
  }
  const auto expected = Accepted();
  fs::remove_all(state_);

  OwnerFolder folder = Open();
  std::atomic<bool> cancel = false;
  const auto stopped = Round(
      folder, first_,
      {.round = {.progress =
                     [&](const RoundProgress& p) { cancel = p.epoch == 1 && p.update == 3; }}},
      &cancel);
  ASSERT_TRUE(stopped.has_value()) << stopped.error().message;
  EXPECT_EQ(stopped->halted_by, "owner");
  EXPECT_FALSE(stopped->accepted);
  EXPECT_TRUE(folder.history().empty());
  const auto begun = OwnerRound::Begin(folder, first_, 0, settings_);
  ASSERT_FALSE(begun.has_value());
  EXPECT_NE(begun.error().message.find("is under way"), std::string::npos);

  auto resumed = OwnerRound::Resume(folder);
  ASSERT_TRUE(resumed.has_value()) << resumed.error().message;
  const auto round = resumed->Run(pool_, {}, nullptr, nullptr);
  ASSERT_TRUE(round.has_value()) << round.error().message;
  EXPECT_TRUE(round->accepted) << round->why;
  EXPECT_EQ(Accepted(), expected);
  EXPECT_EQ(OwnerRound::Resume(folder).error().code, ErrorCode::kNotFound);
}

TEST_F(OwnerRoundTest, AHaltedRoundKeepsItsBestEpoch) {
  OwnerFolder folder = Open();
  double now_s = 0;
  auto battery = ScriptedMonitor::Parse("time_s,battery_percent,charging\n0,80,0\n100,20,0\n",
                                        "trace", {}, [&] { return now_s; });
  ASSERT_TRUE(battery.has_value());
  RoundGuard guard(*battery, {});
  const auto round =
      Round(folder, first_,
            {.round = {.epoch = [&](const RoundEpoch& e) { now_s = e.epoch == 2 ? 200 : 1; }}},
            nullptr, &guard);
  ASSERT_TRUE(round.has_value()) << round.error().message;
  EXPECT_EQ(round->halted_by, "battery");
  EXPECT_EQ(round->epochs.size(), 3u);
  EXPECT_TRUE(round->accepted) << round->why;
  EXPECT_EQ(folder.history().size(), 1u);
}

TEST_F(OwnerRoundTest, RollbackTakesOneRoundBack) {
  OwnerFolder folder = Open();
  const auto base = Accepted();
  EXPECT_EQ(folder.Rollback().error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(Round(folder, first_)->accepted);
  ASSERT_TRUE(folder.Rollback().has_value());
  EXPECT_EQ(Accepted(), base);
  EXPECT_TRUE(folder.history()[0].rolled_back);
  EXPECT_EQ(folder.Rollback().error().code, ErrorCode::kNotFound);
  // The next one is round 2, from the base.
  const auto again = Round(folder, second_);
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(again->round, 2);
  EXPECT_EQ(again->from, folder.history()[0].from);
  EXPECT_TRUE(folder.history()[0].rolled_back);
  EXPECT_FALSE(folder.history()[1].rolled_back);
}

TEST_F(OwnerRoundTest, AnotherBaseIsRefused) {
  { Open(); }
  auto other = testing::MakeModel(testing::ToyModelConfig(), 5);
  ASSERT_TRUE(other.has_value());
  ASSERT_TRUE(SaveModel(*other, WeightFormat::kInt8, folder_ / "other.masr").has_value());
  const auto folder = OwnerFolder::Open(state_, folder_ / "other.masr");
  ASSERT_FALSE(folder.has_value());
  EXPECT_NE(folder.error().message.find("another base"), std::string::npos);
}

TEST_F(OwnerRoundTest, OneProcessAtATime) {
  const OwnerFolder folder = Open();
  EXPECT_FALSE(OwnerFolder::Open(state_, base_).has_value());
}

TEST_F(OwnerRoundTest, ALaterVersionIsRefused) {
  { Open(); }
  ASSERT_TRUE(ReplaceFile(state_ + "/owner.json", R"({"format": 2, "base": "x"})").has_value());
  const auto folder = OwnerFolder::OpenExisting(state_);
  ASSERT_FALSE(folder.has_value());
  EXPECT_NE(folder.error().message.find("later version"), std::string::npos);
  EXPECT_EQ(OwnerFolder::OpenExisting(folder_ / "nowhere").error().code, ErrorCode::kNotFound);
}

// Killed anywhere between the decision and the last file that was put in its place: opening the
// folder ends it, and what was accepted is there.
TEST_F(OwnerRoundTest, AConclusionThatWasCutShortIsEnded) {
  RoundUnderWay decided;
  {
    OwnerFolder folder = Open();
    auto round = OwnerRound::Begin(folder, first_, 0, settings_);
    ASSERT_TRUE(round.has_value());
    // Stops when judging begins: copies what is there, and later adds the decision.
    ASSERT_TRUE(round
                    ->Run(pool_,
                          {.step =
                               [&](const std::string& step) {
                                 if (step.find("judging") == 0) {
                                   fs::copy(state_, folder_ / "copy", fs::copy_options::recursive);
                                 }
                               }},
                          nullptr, nullptr)
                    ->accepted);
    decided.record = folder.history().back();
    decided.settings = settings_;
    decided.finished = true;
  }
  const auto expected = Accepted();
  const std::string candidate = folder_ / "candidate.masr";
  fs::copy_file(state_ + "/accepted.masr", candidate);

  const auto undone = [&](int step) {  // the files as they are after `step` of the conclusion
    fs::remove_all(state_);
    fs::copy(folder_ / "copy", state_, fs::copy_options::recursive);
    const auto update = [&] {
      auto folder = OwnerFolder::OpenExisting(folder_ / "copy");
      EXPECT_TRUE(folder.has_value()) << folder.error().message;
      decided.settings.personalize.split.reset();
      fs::remove_all(state_);
      fs::copy(folder_ / "copy", state_, fs::copy_options::recursive);
      const std::string path = folder_ / "copy/round.json";
      const auto before = ReadTextFile(path);
      EXPECT_TRUE(folder->Update(decided).has_value());
      fs::copy_file(path, state_ + "/round.json", fs::copy_options::overwrite_existing);
      EXPECT_TRUE(ReplaceFile(path, *before).has_value());
    };
    update();
    if (step >= 1) fs::copy_file(state_ + "/accepted.masr", state_ + "/previous.masr");
    if (step >= 2) {
      fs::copy_file(candidate, state_ + "/accepted.masr", fs::copy_options::overwrite_existing);
    } else {
      fs::copy_file(candidate, state_ + "/candidate.masr");
    }
    if (step >= 3) {
      const auto lines = ReadTextFile(state_ + "/round.jsonl");
      EXPECT_TRUE(ReplaceFile(state_ + "/speech.jsonl", *lines).has_value());
    }
    if (step >= 4) {
      EXPECT_TRUE(ReplaceFile(state_ + "/history.json", *WriteJson(HistoryToJson({decided.record})))
                      .has_value());
    }
    if (step >= 5) {
      EXPECT_TRUE(RemoveFile(state_ + "/round.checkpoint").has_value());
      EXPECT_TRUE(RemoveFile(state_ + "/round.jsonl").has_value());
    }
  };
  for (int step = 0; step <= 4; ++step) {
    SCOPED_TRACE(step);
    undone(step);
    const OwnerFolder folder = Open();
    EXPECT_EQ(Accepted(), expected);
    ASSERT_EQ(folder.history().size(), 1u);
    EXPECT_TRUE(folder.history()[0].accepted);
    ASSERT_TRUE(folder.concluded().has_value());
    EXPECT_EQ(folder.concluded()->round, 1);
    EXPECT_FALSE(folder.history()[0].rolled_back);
    EXPECT_TRUE(Exists("speech.jsonl"));
    EXPECT_FALSE(Exists("round.json"));
    EXPECT_TRUE(Exists("previous.masr"));
  }
  // round.jsonl is gone already: the speech has been added before.
  undone(5);
  const OwnerFolder folder = Open();
  EXPECT_EQ(Accepted(), expected);
  EXPECT_FALSE(Exists("round.json"));
}

// Bits turn on disks.
class DamagedFolderTest : public OwnerRoundTest {
 protected:
  // A round that was stopped after some updates.
  void Stop(OwnerFolder& folder) {
    std::atomic<bool> cancel = false;
    const auto stopped = Round(
        folder, first_,
        {.round = {.progress =
                       [&](const RoundProgress& p) { cancel = p.epoch == 1 && p.update == 3; }}},
        &cancel);
    ASSERT_TRUE(stopped.has_value()) << stopped.error().message;
    ASSERT_TRUE(Exists("round.json"));
  }
  void Damage(const std::string& name, const std::string& was, const std::string& is) {
    auto text = ReadTextFile(state_ + "/" + name);
    ASSERT_TRUE(text.has_value());
    const size_t place = text->find(was);
    ASSERT_NE(place, std::string::npos) << name << " has no " << was;
    text->replace(place, was.size(), is);
    ASSERT_TRUE(ReplaceFile(state_ + "/" + name, *text).has_value());
  }
};

TEST_F(DamagedFolderTest, ARoundThatCannotBeReadIsGivenUp) {
  {
    OwnerFolder folder = Open();
    Stop(folder);
  }
  Damage("round.json", "\"epochs\":3", "\"epochs\":2");  // JSON still, and a number that can be
  OwnerFolder folder = Open();
  const auto under_way = folder.UnderWay();
  ASSERT_FALSE(under_way.has_value());
  EXPECT_EQ(under_way.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(under_way.error().message.find("round.json: damaged"), std::string::npos);
  EXPECT_FALSE(OwnerRound::Resume(folder).has_value());
  ASSERT_TRUE(folder.Abandon().has_value());
  EXPECT_TRUE(Round(folder, first_).has_value());
}

TEST_F(DamagedFolderTest, OtherSpeechThanTheRoundBeganWithIsRefused) {
  OwnerFolder folder = Open();
  Stop(folder);
  ASSERT_TRUE(RemoveFile(folder.checkpoint()).has_value());
  // Whole lines, and one of them gone.
  const auto lines = ReadTextFile(folder.round_speech());
  ASSERT_TRUE(lines.has_value());
  ASSERT_TRUE(ReplaceFile(folder.round_speech(), lines->substr(lines->find('\n') + 1)).has_value());
  auto round = OwnerRound::Resume(folder);
  ASSERT_TRUE(round.has_value()) << round.error().message;
  const auto record = round->Run(pool_, {}, nullptr, nullptr);
  ASSERT_FALSE(record.has_value());
  EXPECT_NE(record.error().message.find("round.jsonl: not what the round began with"),
            std::string::npos)
      << record.error().message;
}

TEST_F(DamagedFolderTest, ARoundDoesNotGoOnFromAnotherModel) {
  OwnerFolder folder = Open();
  ASSERT_TRUE(Round(folder, first_)->accepted);
  ASSERT_TRUE(ReplaceFile(folder_ / "away", *ReadTextFile(folder.accepted())).has_value());
  Stop(folder);
  ASSERT_TRUE(CopyFile(base_, folder.accepted()).has_value());
  const auto round = OwnerRound::Resume(folder);
  ASSERT_FALSE(round.has_value());
  EXPECT_NE(round.error().message.find("not what round 2 began with"), std::string::npos);
  ASSERT_TRUE(CopyFile(folder_ / "away", folder.accepted()).has_value());
  EXPECT_TRUE(OwnerRound::Resume(folder).has_value());
}

TEST_F(DamagedFolderTest, WhatWasDecidedIsMadeAgainFromTheCheckpoint) {
  {
    OwnerFolder folder = Open();
    ASSERT_TRUE(Round(folder, first_)->accepted);
  }
  const auto expected = Accepted();
  fs::remove_all(state_);
  {
    OwnerFolder folder = Open();
    Stop(folder);
    auto decided = folder.UnderWay();
    ASSERT_TRUE(decided.has_value() && decided->has_value());
    (*decided)->finished = true;
    (*decided)->record.accepted = true;
    (*decided)->record.why = "better";
    (*decided)->candidate = "0123456789abcdef";
    ASSERT_TRUE(folder.Update(**decided).has_value());
    ASSERT_TRUE(CopyFile(base_, folder.candidate()).has_value());  // of another hash
  }
  OwnerFolder folder = Open();
  EXPECT_FALSE(folder.concluded().has_value());
  EXPECT_TRUE(folder.history().empty());
  EXPECT_FALSE(Exists("candidate.masr"));
  auto round = OwnerRound::Resume(folder);
  ASSERT_TRUE(round.has_value()) << round.error().message;
  const auto record = round->Run(pool_, {}, nullptr, nullptr);
  ASSERT_TRUE(record.has_value()) << record.error().message;
  EXPECT_TRUE(record->accepted) << record->why;
  EXPECT_EQ(Accepted(), expected);
}

TEST_F(DamagedFolderTest, ALostOwnerFileDoesNotBringTheBaseBack) {
  {
    OwnerFolder folder = Open();
    ASSERT_TRUE(Round(folder, first_)->accepted);
  }
  const auto expected = Accepted();
  ASSERT_TRUE(RemoveFile(state_ + "/owner.json").has_value());
  ASSERT_TRUE(RemoveFile(state_ + "/history.json").has_value());
  OwnerFolder folder = Open();
  EXPECT_EQ(Accepted(), expected);
  // The model and its speech still know that there was a round.
  const auto next = Round(folder, second_);
  ASSERT_TRUE(next.has_value()) << next.error().message;
  EXPECT_EQ(next->round, 2);
}

TEST_F(DamagedFolderTest, ADamagedModelCanBeRolledBack) {
  const auto base = [&] {
    OwnerFolder folder = Open();
    auto weights = Accepted();
    EXPECT_TRUE(Round(folder, first_)->accepted);
    return weights;
  }();
  ASSERT_TRUE(ReplaceFile(state_ + "/accepted.masr", "gone").has_value());
  const auto open = OwnerFolder::Open(state_, base_);
  ASSERT_FALSE(open.has_value());
  EXPECT_NE(open.error().message.find("roll back"), std::string::npos) << open.error().message;
  auto folder = OwnerFolder::OpenExisting(state_);
  ASSERT_TRUE(folder.has_value()) << folder.error().message;
  ASSERT_TRUE(folder->Rollback().has_value());
  EXPECT_EQ(Accepted(), base);
  EXPECT_TRUE(folder->history()[0].rolled_back);
}

}  // namespace
}  // namespace masr
