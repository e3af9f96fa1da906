#include "resources/callback_monitor.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace masr {
namespace {

static_assert(std::is_standard_layout_v<ResourceReading> && std::is_trivial_v<ResourceReading>);

class BaseMonitor : public ResourceMonitor {
 public:
  Result<ResourceSnapshot> Read() override {
    if (fails) return Fail(ErrorCode::kIo, "base");
    ResourceSnapshot snapshot;
    snapshot.time_s = 7;
    snapshot.available_bytes = 1000;
    snapshot.thermal_zone = "cpu";
    snapshot.temperature_c = 60;
    snapshot.temperature_limit_c = 85;
    return snapshot;
  }
  bool fails = false;
};

int TellNothing(void*, ResourceReading*) { return 0; }

int TellBattery(void* user_data, ResourceReading* reading) {
  reading->battery_percent = *static_cast<double*>(user_data);
  reading->charging = 0;
  reading->power_w = 2.5;
  reading->battery_temperature_c = 31;
  reading->temperature_c = 36;
  return 0;
}

TEST(CallbackMonitor, WhatIsNotToldComesFromTheBase) {
  BaseMonitor base;
  CallbackMonitor monitor(TellNothing, nullptr, &base);
  const auto s = monitor.Read();
  ASSERT_TRUE(s.has_value());
  EXPECT_EQ(s->time_s, 7);
  EXPECT_EQ(s->available_bytes, 1000);
  EXPECT_EQ(s->temperature_c, 60);
  EXPECT_EQ(s->temperature_limit_c, 85);
  EXPECT_FALSE(s->has_battery);
  EXPECT_TRUE(s->charging);
}

TEST(CallbackMonitor, WhatIsToldReplacesTheBase) {
  BaseMonitor base;
  double percent = 64;
  CallbackMonitor monitor(TellBattery, &percent, &base);
  const auto s = monitor.Read();
  ASSERT_TRUE(s.has_value());
  EXPECT_EQ(s->available_bytes, 1000);
  EXPECT_TRUE(s->has_battery);
  EXPECT_EQ(s->battery_percent, 64);
  EXPECT_FALSE(s->charging);
  EXPECT_EQ(s->power_w, 2.5);
  EXPECT_EQ(s->battery_temperature_c, 31);
  EXPECT_EQ(s->temperature_c, 36);
  // The base's limit belongs to another zone.
  EXPECT_FALSE(s->temperature_limit_c.has_value());
  EXPECT_EQ(s->thermal_zone, "");
}

TEST(CallbackMonitor, NonsenseIsNotTold) {
  CallbackMonitor monitor(
      [](void*, ResourceReading* reading) {
        reading->available_bytes = -5;
        reading->battery_percent = 101;
        reading->power_w = INFINITY;
        return 0;
      },
      nullptr);
  const auto s = monitor.Read();
  ASSERT_TRUE(s.has_value());
  EXPECT_EQ(s->available_bytes, kUnknownBytes);
  EXPECT_FALSE(s->has_battery);
  EXPECT_FALSE(s->power_w.has_value());
}

TEST(CallbackMonitor, FailuresArePassedOn) {
  CallbackMonitor failing([](void*, ResourceReading*) { return 3; }, nullptr);
  const auto s = failing.Read();
  ASSERT_FALSE(s.has_value());
  EXPECT_NE(s.error().message.find("answered 3"), std::string::npos);
  BaseMonitor base;
  base.fails = true;
  EXPECT_FALSE(CallbackMonitor(TellNothing, nullptr, &base).Read().has_value());
}

}  // namespace
}  // namespace masr
