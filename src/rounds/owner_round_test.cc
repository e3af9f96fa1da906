#include "rounds/owner_round.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "io/file.h"
#include "resources/scripted_monitor.h"
#include "rounds/testing/owner_round_fixture.h"

namespace masr {
namespace {

namespace fs = std::filesystem;
using testing::AllWeights;

using OwnerRoundTest = testing::OwnerRoundFixture;

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

// Adapters stay in the model: a later round of another tuning goes on with them, and half of what
// they have learned can be taken.
TEST_F(OwnerRoundTest, ResidualAdaptersOfOneRoundAreThereInTheNext) {
  OwnerFolder folder = Open();
  settings_.personalize.candidate = {.tuning = Tuning::kAdapters, .adapter_width = 4};
  settings_.check_transcripts = false;
  const auto one = Round(folder, first_);
  ASSERT_TRUE(one.has_value()) << one.error().message;
  ASSERT_TRUE(one->accepted) << one->why;
  EXPECT_EQ(one->tuning, "adapters-4");
  const auto adapters_of = [&] {
    const auto model = LoadModel(state_ + "/accepted.masr");
    EXPECT_TRUE(model.has_value());
    int64_t count = 0;
    for (const EncoderBlock& b : model->encoder.blocks()) count += b.adapter != b.end ? 1 : 0;
    return count;
  };
  EXPECT_EQ(adapters_of(), 2);
  settings_.personalize.candidate = {};
  const auto two = Round(folder, second_);
  ASSERT_TRUE(two.has_value()) << two.error().message;
  EXPECT_EQ(adapters_of(), 2);
}

TEST_F(OwnerRoundTest, UtterancesThatAreTooLongTakeNoPart) {
  const auto manifest = ReadManifest(first_);
  ASSERT_TRUE(manifest.has_value());
  OwnerFolder folder = Open();
  auto round = OwnerRound::Begin(folder, first_, 0, settings_);
  ASSERT_TRUE(round.has_value()) << round.error().message;
  std::vector<double> durations;
  for (int64_t i = 0; i < round->data().size(); ++i) {
    durations.push_back(round->data().utterance(i).duration_s);
  }
  std::ranges::sort(durations);
  const double longest = durations[durations.size() / 2];
  round->settings().personalize.candidate.longest_s = longest;
  const auto record = round->Run(pool_, {}, nullptr, nullptr);
  ASSERT_TRUE(record.has_value()) << record.error().message;
  const auto expected = std::ranges::count_if(durations, [&](double s) { return s <= longest; });
  ASSERT_LT(expected, std::ssize(durations));
  EXPECT_EQ(record->training_utterances + record->validation_utterances + record->left_out,
            expected);
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

// Others mean what the base knows; this owner means b where they say a, c for b, and a for c.
TEST_F(OwnerRoundTest, WhatForgetsOthersIsTakenInPart) {
  auto manifest = ReadManifest(first_);
  ASSERT_TRUE(manifest.has_value());
  std::string lines;
  for (const Utterance& u : manifest->utterances) {
    std::string text = u.text;
    for (char& letter : text) letter = "bca"[letter - 'a'];
    lines += R"({"audio_filepath": ")" + u.audio_path + R"(", "text": ")" + text + "\"}\n";
  }
  const std::string other_letters = folder_ / "other_letters.jsonl";
  ASSERT_TRUE(ReplaceFile(other_letters, lines).has_value());
  settings_.general = folder_ / "base.jsonl";
  settings_.check_transcripts = false;
  settings_.personalize.base_share = 0;
  settings_.personalize.epochs = 12;
  const auto weights_with = [&](double max_rise, RoundRecord& record) {
    fs::remove_all(state_);
    settings_.max_general_cer_rise = max_rise;
    OwnerFolder folder = Open();
    const auto round = Round(folder, other_letters);
    EXPECT_TRUE(round.has_value()) << round.error().message;
    record = round.value_or(RoundRecord());
    return Accepted();
  };
  RoundRecord whole, part, none;
  const auto all = weights_with(100, whole);
  ASSERT_TRUE(whole.accepted) << whole.why;
  const double rise = whole.general_after->cer - whole.general_base->cer;
  ASSERT_GT(rise, 0);
  const auto some = weights_with(rise - 1e-6, part);
  ASSERT_TRUE(part.accepted) << part.why;
  EXPECT_NE(part.why.find("of what was learned; all of it forgot too much"), std::string::npos);
  EXPECT_LT(part.general_after->cer, whole.general_after->cer);
  EXPECT_LT(part.general_after->cer - part.general_base->cer, rise);
  const auto base = weights_with(-100, none);
  EXPECT_FALSE(none.accepted);
  EXPECT_NE(none.why.find("other people's speech"), std::string::npos) << none.why;

  const double share = part.why.find("with half") != std::string::npos ? 0.5 : 0.25;
  double moved = 0;
  for (size_t p = 0; p < base.size(); ++p) {
    for (size_t k = 0; k < base[p].size(); ++k) {
      const double expected = base[p][k] + share * (all[p][k] - base[p][k]);
      EXPECT_NEAR(some[p][k], expected, 0.01 * (std::abs(expected) + std::abs(all[p][k])));
      moved += std::abs(some[p][k] - base[p][k]);
    }
  }
  EXPECT_GT(moved, 0);
}

// A set of other people's speech that was exchanged is judged by what the base makes of the new
// one, not by what it made of the old.
TEST_F(OwnerRoundTest, AnotherGeneralSetIsHeldAgainstTheBaseToo) {
  settings_.general = folder_ / "base.jsonl";
  settings_.max_general_cer_rise = 100;
  settings_.personalize.epochs = 12;
  OwnerFolder folder = Open();
  const auto one = Round(folder, first_);
  ASSERT_TRUE(one.has_value()) << one.error().message;
  ASSERT_TRUE(one->accepted) << one->why;
  EXPECT_EQ(one->general_base->cer, one->general_before->cer);
  settings_.general = first_;  // what has been learned: the model is better there than the base
  const auto two = Round(folder, second_);
  ASSERT_TRUE(two.has_value()) << two.error().message;
  EXPECT_NE(two->general_set, one->general_set);
  EXPECT_GT(two->general_base->cer, two->general_before->cer);
  settings_.general = folder_ / "base.jsonl";
  const auto three = Round(folder, first_);
  ASSERT_TRUE(three.has_value()) << three.error().message;
  EXPECT_EQ(three->general_set, one->general_set);
  EXPECT_EQ(three->general_base->cer, one->general_base->cer);
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

// Also where an epoch was better: its owner may want the rest of it later.
TEST_F(OwnerRoundTest, WhatItsOwnerStopsStaysUnderWay) {
  const auto looks = [](double* now_s) {
    return ScriptedMonitor::Parse("time_s,battery_percent,charging\n0,80,0\n", "trace", {},
                                  [now_s] { return *now_s; });
  };
  double now_s = 100;
  auto monitor = looks(&now_s);
  ASSERT_TRUE(monitor.has_value());
  OwnerFolder folder = Open();
  const auto run = [&](OwnerRound& round, const std::atomic<bool>* cancel,
                       const std::function<void(const RoundProgress&)>& progress) {
    RoundGuard guard(*monitor, {.looked = [&](const ResourceSnapshot& s, const Verdict& v) {
      round.Look(s, v);
      now_s += 1;
    }});
    return round.Run(pool_, {.round = {.progress = progress}}, cancel, &guard);
  };
  std::atomic<bool> cancel = false;
  auto begun = OwnerRound::Begin(folder, first_, 0, settings_);
  ASSERT_TRUE(begun.has_value()) << begun.error().message;
  const auto stopped = run(*begun, &cancel, [&](const RoundProgress& p) { cancel = p.epoch == 3; });
  ASSERT_TRUE(stopped.has_value()) << stopped.error().message;
  EXPECT_TRUE(begun->unfinished());
  EXPECT_GT(stopped->best_epoch, 0);
  EXPECT_TRUE(folder.history().empty());
  ASSERT_GT(stopped->samples.size(), 3u);

  now_s = 5000;  // another process, on a clock of its own
  auto resumed = OwnerRound::Resume(folder);
  ASSERT_TRUE(resumed.has_value()) << resumed.error().message;
  const auto round = run(*resumed, nullptr, {});
  ASSERT_TRUE(round.has_value()) << round.error().message;
  EXPECT_TRUE(round->accepted) << round->why;
  EXPECT_FALSE(resumed->unfinished());
  // What the first process saw is in the record, and time goes on from there.
  ASSERT_GT(round->samples.size(), stopped->samples.size());
  for (size_t i = 0; i < round->samples.size(); ++i) {
    if (i < stopped->samples.size()) {
      EXPECT_EQ(round->samples[i].time_s, stopped->samples[i].time_s);
    }
    EXPECT_LT(round->samples[i].time_s, 100);
    const double before_s = i > 0 ? round->samples[i - 1].time_s : 0;
    EXPECT_GE(round->samples[i].time_s, before_s);
  }
  EXPECT_GE(round->peak_rss_bytes, stopped->peak_rss_bytes);
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

}  // namespace
}  // namespace masr
