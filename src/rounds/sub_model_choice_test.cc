#include "rounds/sub_model_choice.h"

#include <gtest/gtest.h>

#include "model/testing/tiny_model.h"
#include "plan/testing/plan_fixtures.h"

namespace masr {
namespace {

// Utterances that exist only as their lengths: short ones, and a long one.
SpeechDataset SpeechOf(const std::vector<double>& seconds) {
  Manifest manifest;
  for (size_t i = 0; i < seconds.size(); ++i) {
    manifest.utterances.push_back(
        {.audio_path = "none", .text = std::string(i + 1, 'a'), .duration_s = seconds[i]});
  }
  std::vector<Manifest> manifests;
  manifests.push_back(std::move(manifest));
  return SpeechDataset::Create(std::move(manifests), Vocabulary::English(), {});
}

class SubModelChoice : public ::testing::Test {
 protected:
  Result<ChosenSubModel> Choose(const SpeechDataset& data, int64_t ram_bytes, bool named = false) {
    return ChooseSubModel(model_, data, round_, named, /*threads=*/1, {.ram_bytes = ram_bytes},
                          testing::TinyDevice(model_), testing::RisingGains());
  }

  const Model model_ = testing::Tiny();
  PersonalizeOptions round_;
};

TEST_F(SubModelChoice, LeavesOutLongUtterancesOnlyWhereNothingFitsOtherwise) {
  const SpeechDataset data = SpeechOf({2, 2.1, 2.2, 2.3, 2.4, 2.5, 2.6, 2.7, 2.8, 60});
  constexpr int64_t kPlenty = int64_t{4} << 30;
  const auto all = Choose(data, kPlenty);
  ASSERT_TRUE(all.has_value()) << all.error().message;
  EXPECT_EQ(all->plan.best().candidate.longest_s, 0);
  int64_t least = kPlenty;
  for (const PlannedCandidate& c : all->plan.candidates) least = std::min(least, c.peak_bytes);

  // What the process holds changes a little from one plan to the next.
  constexpr int64_t kSlack = 1 << 20;
  const auto still = Choose(data, least + kSlack);
  ASSERT_TRUE(still.has_value()) << still.error().message;
  EXPECT_EQ(still->plan.best().candidate.longest_s, 0);
  EXPECT_NEAR(still->minutes, all->minutes, 1e-9);

  const auto shorter = Choose(data, least - kSlack);
  ASSERT_TRUE(shorter.has_value()) << shorter.error().message;
  EXPECT_DOUBLE_EQ(shorter->plan.best().candidate.longest_s, 2.8);
  EXPECT_LE(shorter->plan.best().peak_bytes, least - kSlack);
  EXPECT_NEAR(shorter->minutes, all->minutes - 1, 1e-9);
  EXPECT_NE(shorter->plan.best().name.find("up to 2.8 s"), std::string::npos)
      << shorter->plan.best().name;

  // Whoever names what learns gets that or nothing.
  EXPECT_FALSE(Choose(data, least - kSlack, /*named=*/true).has_value());
  const auto nothing = Choose(data, 1);
  ASSERT_FALSE(nothing.has_value());
  EXPECT_EQ(nothing.error().code, ErrorCode::kNoSpace);
}

TEST_F(SubModelChoice, LeavesFewUtterancesAsTheyAre) {
  const SpeechDataset data = SpeechOf({2, 2.1, 2.2, 60});
  const auto chosen = Choose(data, 1);
  ASSERT_FALSE(chosen.has_value());
  EXPECT_EQ(chosen.error().message.find("up to"), std::string::npos) << chosen.error().message;
}

// Where an owner's rounds have put all that is short on one side, for ever.
TEST_F(SubModelChoice, LeavesNoSideOfTheSplitEmpty) {
  const SpeechDataset data = SpeechOf({2, 2.1, 2.2, 2.3, 60});
  round_.split = ValidationSplit{.training = {0, 1, 2, 3}, .validation = {4}};
  const auto chosen = Choose(data, 1);
  ASSERT_FALSE(chosen.has_value());
  EXPECT_EQ(chosen.error().message.find("up to"), std::string::npos) << chosen.error().message;
}

}  // namespace
}  // namespace masr
