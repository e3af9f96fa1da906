#include "rounds/owner_folder.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "io/file.h"
#include "io/json.h"
#include "rounds/testing/owner_round_fixture.h"

namespace masr {
namespace {

namespace fs = std::filesystem;

using OwnerFolderTest = testing::OwnerRoundFixture;

TEST_F(OwnerFolderTest, AnotherBaseIsRefused) {
  { Open(); }
  auto other = testing::MakeModel(testing::ToyModelConfig(), 5);
  ASSERT_TRUE(other.has_value());
  ASSERT_TRUE(SaveModel(*other, WeightFormat::kInt8, folder_ / "other.masr").has_value());
  const auto folder = OwnerFolder::Open(state_, folder_ / "other.masr");
  ASSERT_FALSE(folder.has_value());
  EXPECT_NE(folder.error().message.find("another base"), std::string::npos);
}

TEST_F(OwnerFolderTest, OneProcessAtATime) {
  const OwnerFolder folder = Open();
  EXPECT_FALSE(OwnerFolder::Open(state_, base_).has_value());
}

TEST_F(OwnerFolderTest, ALaterVersionIsRefused) {
  { Open(); }
  ASSERT_TRUE(ReplaceFile(state_ + "/owner.json", R"({"format": 2, "base": "x"})").has_value());
  const auto folder = OwnerFolder::OpenExisting(state_);
  ASSERT_FALSE(folder.has_value());
  EXPECT_NE(folder.error().message.find("later version"), std::string::npos);
  EXPECT_EQ(OwnerFolder::OpenExisting(folder_ / "nowhere").error().code, ErrorCode::kNotFound);
}

// Killed anywhere between the decision and the last file that was put in its place: opening the
// folder ends it, and what was accepted is there.
TEST_F(OwnerFolderTest, AConclusionThatWasCutShortIsEnded) {
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
class DamagedFolderTest : public OwnerFolderTest {
 protected:
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
    (*decided)->record.model_hash = "0123456789abcdef";
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

// A weight is another number then, and nothing else would tell.
TEST_F(DamagedFolderTest, ATurnedBitInAModelIsNoticed) {
  const auto turn_bit = [&](const std::string& name) {
    auto bytes = ReadTextFile(state_ + "/" + name);
    ASSERT_TRUE(bytes.has_value());
    (*bytes)[bytes->size() - 40] ^= 1;
    ASSERT_TRUE(ReplaceFile(state_ + "/" + name, *bytes).has_value());
    ASSERT_TRUE(LoadModel(state_ + "/" + name).has_value());
  };
  { Open(); }
  turn_bit("accepted.masr");  // the base's copy
  const auto refused = [&](const std::string& advice) {
    const auto folder = OwnerFolder::Open(state_, base_);
    ASSERT_FALSE(folder.has_value());
    EXPECT_EQ(folder.error().code, ErrorCode::kCorrupt);
    EXPECT_NE(folder.error().message.find("accepted.masr: its bytes are not"), std::string::npos);
    EXPECT_NE(folder.error().message.find(advice), std::string::npos) << folder.error().message;
  };
  refused("copy the base there");
  ASSERT_TRUE(CopyFile(base_, state_ + "/accepted.masr").has_value());
  {
    OwnerFolder folder = Open();
    ASSERT_TRUE(Round(folder, first_)->accepted);
  }
  turn_bit("accepted.masr");
  refused("roll back");
  auto folder = OwnerFolder::OpenExisting(state_);
  ASSERT_TRUE(folder.has_value()) << folder.error().message;
  turn_bit("previous.masr");
  const Status back = folder->Rollback();
  ASSERT_FALSE(back.has_value());
  EXPECT_NE(back.error().message.find("previous.masr: its bytes"), std::string::npos);
  EXPECT_TRUE(Exists("previous.masr"));
}

}  // namespace
}  // namespace masr
