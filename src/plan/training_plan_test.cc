#include "plan/training_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>

#include "plan/testing/plan_fixtures.h"

namespace masr {
namespace {

using testing::RisingGains;
using testing::TinyDevice;
using testing::TinySpeech;

class TrainingPlanTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto model = testing::MakeTinyModel(1);
    ASSERT_TRUE(model.has_value()) << model.error().message;
    model_.emplace(std::move(*model));
    gains_ = RisingGains();
    device_ = TinyDevice(*model_);
    for (BlockCost& block : device_.blocks) block.backward.pass_s = 0.01;
  }

  Result<TrainingPlan> Make(const PlanLimits& limits) const {
    return MakeTrainingPlan(*model_, EnumerateCandidates(model_->encoder), TinySpeech(), limits,
                            device_, gains_, kOptions);
  }
  TrainingPlan Plan(const PlanLimits& limits) const {
    auto plan = Make(limits);
    EXPECT_TRUE(plan.has_value()) << plan.error().message;
    return plan.value_or(TrainingPlan{});
  }
  // The smallest that any candidate needs.
  template <class Need>
  auto Least(Need need) const {
    const TrainingPlan plan = Plan({});
    return std::ranges::min(plan.candidates, {}, need).*need;
  }
  std::string Refused(const PlanLimits& limits) const {
    const auto plan = Make(limits);
    EXPECT_FALSE(plan.has_value());
    if (plan.has_value()) return "";
    EXPECT_EQ(plan.error().code, ErrorCode::kNoSpace);
    return plan.error().message;
  }

  static constexpr PlanOptions kOptions = {.epochs = 3, .process_bytes = 1'000'000};
  std::optional<Model> model_;
  GainTable gains_;
  DeviceProfile device_;
};

TEST_F(TrainingPlanTest, WithoutLimitsTheBestIsChosenAsItIsQuickest) {
  const TrainingPlan plan = Plan({});
  EXPECT_EQ(plan.candidates.size(), EnumerateCandidates(model_->encoder).size());
  EXPECT_EQ(plan.best().candidate, (Candidate{}));
  EXPECT_EQ(plan.best().name, "all blocks");
  for (const PlannedCandidate& c : plan.candidates) EXPECT_TRUE(c.fits) << c.refused_because;
}

TEST_F(TrainingPlanTest, SaysWhatEachCandidateTakes) {
  const TrainingPlan plan = Plan({});
  const PlannedCandidate& best = plan.best();
  EXPECT_EQ(best.trainable_parameters, CountTrainable(model_->encoder, {}));
  EXPECT_EQ(best.peak_bytes, best.memory.total());
  EXPECT_EQ(best.memory.process, 1'000'000);
  const EpochCost cost = CostOfEpoch(model_->encoder, {}, TinySpeech(), device_);
  EXPECT_DOUBLE_EQ(best.seconds_per_epoch, cost.total_s());
  EXPECT_DOUBLE_EQ(best.joules_per_epoch, 2 * cost.total_s());
  EXPECT_DOUBLE_EQ(best.seconds, RoundSeconds(cost, 3));
  EXPECT_DOUBLE_EQ(best.joules, 2 * best.seconds);
  EXPECT_DOUBLE_EQ(best.expected_gain, *gains_.Gain("full", 1, 2));
}

TEST_F(TrainingPlanTest, LessMemoryIsSavedByPartsBeforeLessIsLearned) {
  const int64_t whole = Plan({}).best().peak_bytes;
  const TrainingPlan plan = Plan({.ram_bytes = whole - 1});
  EXPECT_EQ(plan.best().candidate.first_block, 0u);
  EXPECT_EQ(plan.best().candidate.tuning, Tuning::kFull);
  EXPECT_LT(plan.best().peak_bytes, whole);
  const auto refused = std::ranges::find(plan.candidates, "all blocks", &PlannedCandidate::name);
  ASSERT_NE(refused, plan.candidates.end());
  EXPECT_FALSE(refused->fits);
  EXPECT_TRUE(refused->refused_because.starts_with("memory: ")) << refused->refused_because;
}

TEST_F(TrainingPlanTest, NothingThatIsChosenExceedsALimit) {
  const TrainingPlan all = Plan({});
  for (const PlannedCandidate& c : all.candidates) {
    const TrainingPlan by_ram = Plan({.ram_bytes = c.peak_bytes});
    EXPECT_LE(by_ram.best().peak_bytes, c.peak_bytes);
    EXPECT_GE(by_ram.best().expected_gain, 0.95 * c.expected_gain);
    const TrainingPlan by_time = Plan({.seconds = c.seconds});
    EXPECT_LE(by_time.best().seconds, c.seconds);
    EXPECT_GE(by_time.best().expected_gain, 0.95 * c.expected_gain);
    const TrainingPlan by_battery = Plan({.joules = c.joules});
    EXPECT_LE(by_battery.best().joules, c.joules);
  }
}

TEST_F(TrainingPlanTest, OfGainsThatTheTableCannotTellApartTheCheapestIsChosen) {
  for (TuningGains& tuning : gains_.tunings) {
    for (auto& row : tuning.gains) row = {0.100, 0.100};
  }
  gains_.tunings[0].gains[1] = {0.104, 0.104};
  EXPECT_EQ(Plan({}).best().name, "head");
  gains_.tunings[0].gains[1] = {0.2, 0.2};
  EXPECT_EQ(Plan({}).best().name, "all blocks");
}

TEST_F(TrainingPlanTest, NamesTheSmallestBudgetThatWouldDo) {
  const int64_t bytes = Least(&PlannedCandidate::peak_bytes);
  const std::string message = Refused({.ram_bytes = bytes - 200'000});
  EXPECT_NE(message.find("memory must be at least "), std::string::npos) << message;
  EXPECT_NE(message.find("'head"), std::string::npos) << message;
  // And it would.
  const size_t at = message.find("at least ") + 9;
  const double megabytes = std::stod(message.substr(at));
  EXPECT_TRUE(Make({.ram_bytes = static_cast<int64_t>(megabytes * 1e6)}).has_value()) << message;

  const double seconds = Least(&PlannedCandidate::seconds);
  const std::string time = Refused({.seconds = seconds / 2});
  EXPECT_NE(time.find("time must be at least "), std::string::npos) << time;
  EXPECT_TRUE(Make({.seconds = std::stod(time.substr(time.find("at least ") + 9))}).has_value());
  EXPECT_NE(Refused({.joules = 1}).find("battery must be at least "), std::string::npos);
}

TEST_F(TrainingPlanTest, SaysSoWhereNoSingleBudgetHelps) {
  const std::string message = Refused({.ram_bytes = 1000, .seconds = 1});
  EXPECT_NE(message.find("the smallest, 'head"), std::string::npos) << message;
  EXPECT_NE(message.find(" of memory, not "), std::string::npos) << message;
  EXPECT_NE(message.find(" of time, not 1 s"), std::string::npos) << message;
}

TEST_F(TrainingPlanTest, ATuningThatTheTableDoesNotHaveIsNotChosen) {
  gains_.tunings.erase(gains_.tunings.begin());  // full
  const TrainingPlan plan = Plan({});
  EXPECT_EQ(plan.best().candidate.tuning, Tuning::kLora);
  for (const PlannedCandidate& c : plan.candidates) {
    if (c.candidate.tuning == Tuning::kFull) {
      EXPECT_EQ(c.refused_because, "the gain table does not have 'full'");
    }
  }
  gains_.tunings.clear();
  EXPECT_FALSE(Make({}).has_value());
}

TEST_F(TrainingPlanTest, WhatItsOwnerNamedNeedsNoGainButHasToFit) {
  const Candidate named[] = {{.tuning = Tuning::kLora, .lora_rank = 3}};
  const auto plan = [&](const PlanLimits& limits, bool is_named) {
    PlanOptions options = kOptions;
    options.named = is_named;
    return MakeTrainingPlan(*model_, named, TinySpeech(), limits, device_, gains_, options);
  };
  EXPECT_FALSE(plan({}, false).has_value());
  const auto fits = plan({}, true);
  ASSERT_TRUE(fits.has_value()) << fits.error().message;
  EXPECT_EQ(fits->best().candidate.lora_rank, 3);
  const auto not_fits = plan({.ram_bytes = fits->best().peak_bytes - 1}, true);
  ASSERT_FALSE(not_fits.has_value());
  EXPECT_EQ(not_fits.error().code, ErrorCode::kNoSpace);
  EXPECT_NE(not_fits.error().message.find("memory must be at least"), std::string::npos);
}

TEST_F(TrainingPlanTest, RefusesAProfileOfAnotherDeviceOrEncoder) {
  DeviceProfile profile = TinyDevice(*model_);
  const auto refused = [&](const char* expected) {
    const auto plan = MakeTrainingPlan(*model_, EnumerateCandidates(model_->encoder), TinySpeech(),
                                       {}, profile, gains_, kOptions);
    ASSERT_FALSE(plan.has_value());
    EXPECT_EQ(plan.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(plan.error().message.find(expected), std::string::npos) << plan.error().message;
  };
  profile.blocks.pop_back();
  refused("3 blocks, the encoder 4");
  profile.encoder = "[]";
  refused("another encoder");
}

}  // namespace
}  // namespace masr
