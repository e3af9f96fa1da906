#include "plan/plan_limits.h"

#include <gtest/gtest.h>

namespace masr {
namespace {

const DeviceProfile kPhone = {.battery_wh = 10};

ResourceSnapshot OnBattery(double percent) {
  return {.has_battery = true, .charging = false, .battery_percent = percent};
}

PlanLimits Limits(const ResourcePolicy& policy, const ResourceSnapshot& snapshot) {
  const auto limits = LimitsOf(policy, snapshot, kPhone);
  EXPECT_TRUE(limits.has_value()) << limits.error().message;
  return limits.value_or(PlanLimits{});
}

TEST(PlanLimits, WhatIsNotToldIsNoLimit) {
  const PlanLimits limits = Limits({}, {});
  EXPECT_FALSE(limits.ram_bytes.has_value());
  EXPECT_FALSE(limits.seconds.has_value());
  EXPECT_FALSE(limits.joules.has_value());
}

TEST(PlanLimits, LeavesToOthersWhatThePolicySays) {
  const ResourcePolicy policy = {.min_available_bytes = 300, .max_seconds = 77};
  const PlanLimits limits = Limits(policy, {.available_bytes = 1000, .process_bytes = 50});
  EXPECT_EQ(limits.ram_bytes, 750);
  EXPECT_EQ(limits.seconds, 77);
  EXPECT_EQ(Limits(policy, {.available_bytes = 100}).ram_bytes, 0);
}

TEST(PlanLimits, ABatteryGivesWhatIsAboveTheLeast) {
  const ResourcePolicy policy = {.min_battery_percent = 30};
  EXPECT_NEAR(*Limits(policy, OnBattery(40)).joules, 0.1 * 10 * 3600, 1e-6);
  EXPECT_NEAR(*Limits(policy, OnBattery(30)).joules, 0, 1e-6);
  ResourceSnapshot charging = OnBattery(20);
  charging.charging = true;
  EXPECT_FALSE(Limits(policy, charging).joules.has_value());
}

TEST(PlanLimits, RefusesABatteryBelowTheLeast) {
  const auto limits = LimitsOf({.min_battery_percent = 30}, OnBattery(29), kPhone);
  ASSERT_FALSE(limits.has_value());
  EXPECT_EQ(limits.error().code, ErrorCode::kNoSpace);
  EXPECT_NE(limits.error().message.find("29 %"), std::string::npos) << limits.error().message;
  EXPECT_NE(limits.error().message.find("min_battery_percent is 30"), std::string::npos);
}

TEST(PlanLimits, RefusesABatteryWhereAChargerIsWanted) {
  const auto limits = LimitsOf({.only_when_charging = true}, OnBattery(90), kPhone);
  ASSERT_FALSE(limits.has_value());
  EXPECT_NE(limits.error().message.find("only_when_charging"), std::string::npos);
}

TEST(PlanLimits, TheTighterCounts) {
  const PlanLimits both = TightestOf({.ram_bytes = 5, .seconds = 7}, {.ram_bytes = 6, .joules = 1});
  EXPECT_EQ(both.ram_bytes, 5);
  EXPECT_EQ(both.seconds, 7);
  EXPECT_EQ(both.joules, 1);
}

}  // namespace
}  // namespace masr
