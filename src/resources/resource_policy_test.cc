#include "resources/resource_policy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace masr {
namespace {

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A phone that nothing keeps from training.
ResourceSnapshot Fine() {
  ResourceSnapshot s;
  s.total_bytes = 4'000'000'000;
  s.available_bytes = 2'000'000'000;
  s.memory_pressure_percent = 0;
  s.has_battery = true;
  s.charging = false;
  s.battery_percent = 80;
  s.battery_temperature_c = 30;
  s.thermal_zone = "skin";
  s.temperature_c = 35;
  s.temperature_limit_c = 45;
  s.load = 0.5;
  s.cores = 8;
  s.free_disk_bytes = 5'000'000'000;
  s.minute_of_day = 12 * 60;
  return s;
}

void ExpectContinue(const Verdict& v) {
  EXPECT_EQ(v.decision, Decision::kContinue) << v.why;
  EXPECT_EQ(v.halted_by, "");
  EXPECT_EQ(v.why, "");
}

void Expect(const Verdict& v, Decision decision, const std::string& halted_by,
            const std::string& why) {
  EXPECT_EQ(v.decision, decision);
  EXPECT_EQ(v.halted_by, halted_by);
  EXPECT_EQ(v.why, why);
}

TEST(JudgeResources, ADeviceThatTellsNothingMayTrain) {
  ExpectContinue(JudgeResources({}, {}, 0));
  ExpectContinue(JudgeResources({.only_when_charging = true, .only_when_idle = true}, {}, 1e6));
  ExpectContinue(JudgeResources({}, Fine(), 0));
}

TEST(JudgeResources, Time) {
  const ResourcePolicy policy = {.max_seconds = 600};
  ExpectContinue(JudgeResources(policy, Fine(), 599.9));
  Expect(JudgeResources(policy, Fine(), 600), Decision::kStop, "time",
         "it has trained for 600 s; max_seconds is 600");
}

TEST(JudgeResources, Charging) {
  const ResourcePolicy policy = {.only_when_charging = true};
  ResourceSnapshot s = Fine();
  s.charging = true;
  ExpectContinue(JudgeResources(policy, s, 0));
  s.charging = false;
  Expect(JudgeResources(policy, s, 0), Decision::kStop, "charging",
         "the device is not charging, its battery is at 80 %; only_when_charging is set");
  s.battery_percent.reset();
  Expect(JudgeResources(policy, s, 0), Decision::kStop, "charging",
         "the device is not charging; only_when_charging is set");
}

TEST(JudgeResources, Battery) {
  const ResourcePolicy policy = {.min_battery_percent = 30};
  ResourceSnapshot s = Fine();
  s.battery_percent = 30;
  ExpectContinue(JudgeResources(policy, s, 0));
  s.battery_percent = 29;
  Expect(JudgeResources(policy, s, 0), Decision::kStop, "battery",
         "the device is not charging, its battery is at 29 %; min_battery_percent is 30");
  s.charging = true;
  ExpectContinue(JudgeResources(policy, s, 0));
  s.charging = false;
  s.battery_percent.reset();
  ExpectContinue(JudgeResources(policy, s, 0));
}

TEST(JudgeResources, Ram) {
  const ResourcePolicy policy = {.min_available_bytes = 300'000'000};
  ResourceSnapshot s = Fine();
  s.available_bytes = 300'000'000;
  ExpectContinue(JudgeResources(policy, s, 0));
  s.available_bytes = 299'900'000;
  Expect(JudgeResources(policy, s, 0), Decision::kStop, "ram",
         "299.9 MB of RAM are available; min_available_bytes is 300 MB");
  s.available_bytes = kUnknownBytes;
  ExpectContinue(JudgeResources(policy, s, 0));
}

TEST(JudgeResources, Disk) {
  const ResourcePolicy policy = {.min_free_disk_bytes = 50'000'000};
  ResourceSnapshot s = Fine();
  s.free_disk_bytes = 50'000'000;
  ExpectContinue(JudgeResources(policy, s, 0));
  s.free_disk_bytes = 49'900'000;
  Expect(JudgeResources(policy, s, 0), Decision::kStop, "disk",
         "49.9 MB of disk are free; min_free_disk_bytes is 50 MB");
  s.free_disk_bytes = kUnknownBytes;
  ExpectContinue(JudgeResources(policy, s, 0));
}

TEST(JudgeResources, Temperature) {
  const ResourcePolicy policy = {.max_temperature_c = 70};
  ResourceSnapshot s = Fine();
  s.temperature_limit_c = 100;
  s.temperature_c = 70;
  ExpectContinue(JudgeResources(policy, s, 0));
  s.temperature_c = 70.5;
  Expect(JudgeResources(policy, s, 0), Decision::kPause, "heat",
         "skin is at 70.5 C; max_temperature_c is 70");
  s.thermal_zone.clear();
  s.temperature_limit_c.reset();
  Expect(JudgeResources(policy, s, 0), Decision::kPause, "heat",
         "the device is at 70.5 C; max_temperature_c is 70");
}

TEST(JudgeResources, TemperatureMargin) {
  const ResourcePolicy policy = {.min_temperature_margin_c = 5};
  ResourceSnapshot s = Fine();
  s.temperature_c = 40;
  ExpectContinue(JudgeResources(policy, s, 0));
  s.temperature_c = 40.5;
  Expect(JudgeResources(policy, s, 0), Decision::kPause, "heat",
         "skin is at 40.5 C and slows the device down at 45 C; min_temperature_margin_c is 5");
  s.temperature_limit_c.reset();
  ExpectContinue(JudgeResources(policy, s, 0));
}

TEST(JudgeResources, BatteryTemperature) {
  const ResourcePolicy policy = {.max_battery_temperature_c = 38};
  ResourceSnapshot s = Fine();
  s.battery_temperature_c = 38;
  ExpectContinue(JudgeResources(policy, s, 0));
  s.battery_temperature_c = 38.1;
  Expect(JudgeResources(policy, s, 0), Decision::kPause, "heat",
         "the battery is at 38.1 C; max_battery_temperature_c is 38");
}

TEST(JudgeResources, Pressure) {
  const ResourcePolicy policy = {.max_memory_pressure_percent = 8};
  ResourceSnapshot s = Fine();
  s.memory_pressure_percent = 8;
  ExpectContinue(JudgeResources(policy, s, 0));
  s.memory_pressure_percent = 8.25;
  Expect(JudgeResources(policy, s, 0), Decision::kPause, "pressure",
         "programs wait for memory 8.25 % of the time; max_memory_pressure_percent is 8");
}

TEST(JudgeResources, Idle) {
  ResourcePolicy policy = {.only_when_idle = true, .max_load_per_core = 0.25};
  ResourceSnapshot s = Fine();
  s.load = 2;
  ExpectContinue(JudgeResources(policy, s, 0));
  s.load = 4;
  Expect(JudgeResources(policy, s, 0), Decision::kPause, "idle",
         "other programs keep 0.5 of each core busy; max_load_per_core is 0.25");
  // The training itself is nobody who uses the device.
  s.process_load = 3;
  ExpectContinue(JudgeResources(policy, s, 0));
  s.process_load = 5;
  ExpectContinue(JudgeResources(policy, s, 0));
  policy.only_when_idle = false;
  s.load = 100;
  ExpectContinue(JudgeResources(policy, s, 0));
}

TEST(JudgeResources, Hours) {
  ResourceSnapshot s = Fine();
  const auto allowed = [&](double begin, double end, int hour, int minute) {
    s.minute_of_day = hour * 60 + minute;
    const Verdict v = JudgeResources({.begin_hour = begin, .end_hour = end}, s, 0);
    if (v.decision != Decision::kContinue) {
      EXPECT_EQ(v.decision, Decision::kPause);
      EXPECT_EQ(v.halted_by, "hours");
    }
    return v.decision == Decision::kContinue;
  };
  // In one day.
  EXPECT_FALSE(allowed(9, 17.5, 8, 59));
  EXPECT_TRUE(allowed(9, 17.5, 9, 0));
  EXPECT_TRUE(allowed(9, 17.5, 17, 29));
  EXPECT_FALSE(allowed(9, 17.5, 17, 30));
  // Over midnight.
  EXPECT_FALSE(allowed(22.5, 6, 22, 29));
  EXPECT_TRUE(allowed(22.5, 6, 22, 30));
  EXPECT_TRUE(allowed(22.5, 6, 23, 59));
  EXPECT_TRUE(allowed(22.5, 6, 0, 0));
  EXPECT_TRUE(allowed(22.5, 6, 5, 59));
  EXPECT_FALSE(allowed(22.5, 6, 6, 0));
  EXPECT_FALSE(allowed(22.5, 6, 12, 0));
  // To midnight and from it.
  EXPECT_TRUE(allowed(20, 24, 23, 59));
  EXPECT_FALSE(allowed(20, 24, 0, 0));
  EXPECT_TRUE(allowed(20, 0, 23, 59));
  EXPECT_FALSE(allowed(20, 0, 0, 0));
  EXPECT_TRUE(allowed(0, 6, 0, 0));
  EXPECT_FALSE(allowed(0, 6, 23, 59));
  // All day.
  for (int hour = 0; hour < 24; ++hour) {
    EXPECT_TRUE(allowed(0, 0, hour, 0));
    EXPECT_TRUE(allowed(7, 7, hour, 0));
    EXPECT_TRUE(allowed(0, 24, hour, 0));
  }
  s.minute_of_day = 12 * 60 + 5;
  Expect(JudgeResources({.begin_hour = 22.5, .end_hour = 6}, s, 0), Decision::kPause, "hours",
         "it is 12:05; training may run from 22:30 to 06:00 (begin_hour, end_hour)");
}

TEST(JudgeResources, AReasonToStopComesBeforeOneToPause) {
  ResourceSnapshot s = Fine();
  s.temperature_c = 44;
  EXPECT_EQ(JudgeResources({}, s, 0).halted_by, "heat");
  s.battery_percent = 5;
  EXPECT_EQ(JudgeResources({}, s, 0).halted_by, "battery");
}

TEST(PolicyGuard, AfterAPauseItMustBeCoolerToGoOn) {
  PolicyGuard guard({.max_temperature_c = 70, .min_temperature_margin_c = 5});
  ResourceSnapshot s = Fine();
  s.temperature_limit_c.reset();
  const auto judge = [&](double temperature) {
    s.temperature_c = temperature;
    return guard.Judge(s, 0);
  };
  ExpectContinue(judge(69.5));
  EXPECT_EQ(judge(70.5).why, "skin is at 70.5 C; max_temperature_c is 70");
  Expect(judge(69.5), Decision::kPause, "heat",
         "skin is at 69.5 C; max_temperature_c is 70, and after a pause it goes on at 68");
  EXPECT_EQ(judge(68.1).decision, Decision::kPause);
  ExpectContinue(judge(68));
  ExpectContinue(judge(69.5));  // the limit is the old one again
}

TEST(PolicyGuard, EveryPauseHasSomeSlack) {
  ResourcePolicy policy = {.only_when_idle = true, .max_load_per_core = 0.5};
  const struct {
    const char* what;
    void (*set)(double value, ResourceSnapshot& s);
    double over, between, under;
  } cases[] = {
      {"margin", [](double v, ResourceSnapshot& s) { s.temperature_c = v; }, 41, 39, 38},
      {"battery", [](double v, ResourceSnapshot& s) { s.battery_temperature_c = v; }, 41, 39, 38},
      {"pressure", [](double v, ResourceSnapshot& s) { s.memory_pressure_percent = v; }, 11, 6, 5},
      {"load", [](double v, ResourceSnapshot& s) { s.load = v; }, 4.2, 3.6, 3.1},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    PolicyGuard guard(policy);
    ResourceSnapshot s = Fine();
    const auto decide = [&](double value) {
      c.set(value, s);
      return guard.Judge(s, 0).decision;
    };
    EXPECT_EQ(decide(c.between), Decision::kContinue);
    EXPECT_EQ(decide(c.over), Decision::kPause);
    EXPECT_EQ(decide(c.between), Decision::kPause);
    EXPECT_EQ(decide(c.under), Decision::kContinue);
    EXPECT_EQ(decide(c.between), Decision::kContinue);
  }
}

TEST(PolicyGuard, ALongPauseIsAStop) {
  PolicyGuard guard({.pause_seconds_limit = 300});
  ResourceSnapshot s = Fine();
  const auto judge = [&](double time_s, double temperature) {
    s.time_s = time_s;
    s.temperature_c = temperature;
    return guard.Judge(s, 0);
  };
  EXPECT_EQ(judge(1000, 44).decision, Decision::kPause);
  EXPECT_EQ(judge(1299, 44).decision, Decision::kPause);
  const Verdict stop = judge(1300, 44);
  EXPECT_EQ(stop.decision, Decision::kStop);
  EXPECT_EQ(stop.halted_by, "heat");
  EXPECT_TRUE(Has(stop.why, "; it has waited 300 s, and pause_seconds_limit is 300")) << stop.why;
  // Going on in between starts the wait anew.
  ExpectContinue(judge(1310, 30));
  EXPECT_EQ(judge(1400, 44).decision, Decision::kPause);
  EXPECT_EQ(judge(1699, 44).decision, Decision::kPause);
  EXPECT_EQ(judge(1700, 44).decision, Decision::kStop);
}

TEST(PolicyGuard, WithoutPatienceAPauseIsAStop) {
  PolicyGuard guard({.pause_seconds_limit = 0});
  ResourceSnapshot s = Fine();
  s.temperature_c = 44;
  EXPECT_EQ(guard.Judge(s, 0).decision, Decision::kStop);
}

TEST(AllowedCores, IsAShareButNeverNone) {
  ResourceSnapshot s;
  const auto cores = [&](int of, double share) {
    s.cores = of;
    return AllowedCores({.max_cores_share = share}, s);
  };
  EXPECT_EQ(cores(8, 0.5), 4);
  EXPECT_EQ(cores(8, 1), 8);
  EXPECT_EQ(cores(7, 0.5), 3);
  EXPECT_EQ(cores(1, 0.5), 1);
  EXPECT_EQ(cores(8, 0), 1);
  EXPECT_EQ(cores(10, 0.7), 7);
  EXPECT_EQ(cores(100, 0.29), 29);  // 28.999999999999996
}

TEST(ResourcePolicy, ReadsEveryOption) {
  const auto p = ResourcePolicy::FromJson(
      R"({"only_when_charging": true, "only_when_idle": true, "max_load_per_core": 0.1,
          "min_battery_percent": 55, "max_temperature_c": 60, "min_temperature_margin_c": 7.5,
          "max_battery_temperature_c": 36, "min_available_bytes": 1000,
          "max_memory_pressure_percent": 2, "max_seconds": 900, "max_cores_share": 0.25,
          "min_free_disk_bytes": 2000, "begin_hour": 22.5, "end_hour": 6,
          "pause_seconds_limit": 60})",
      "policy.json");
  ASSERT_TRUE(p.has_value()) << p.error().message;
  EXPECT_TRUE(p->only_when_charging);
  EXPECT_TRUE(p->only_when_idle);
  EXPECT_EQ(p->max_load_per_core, 0.1);
  EXPECT_EQ(p->min_battery_percent, 55);
  EXPECT_EQ(p->max_temperature_c, 60);
  EXPECT_EQ(p->min_temperature_margin_c, 7.5);
  EXPECT_EQ(p->max_battery_temperature_c, 36);
  EXPECT_EQ(p->min_available_bytes, 1000);
  EXPECT_EQ(p->max_memory_pressure_percent, 2);
  EXPECT_EQ(p->max_seconds, 900);
  EXPECT_EQ(p->max_cores_share, 0.25);
  EXPECT_EQ(p->min_free_disk_bytes, 2000);
  EXPECT_EQ(p->begin_hour, 22.5);
  EXPECT_EQ(p->end_hour, 6);
  EXPECT_EQ(p->pause_seconds_limit, 60);
}

TEST(ResourcePolicy, EverythingIsOptional) {
  const auto p = ResourcePolicy::FromJson("{}", "policy.json");
  ASSERT_TRUE(p.has_value()) << p.error().message;
  const ResourcePolicy defaults;
  EXPECT_EQ(p->min_battery_percent, defaults.min_battery_percent);
  EXPECT_EQ(p->min_available_bytes, defaults.min_available_bytes);
  EXPECT_EQ(p->pause_seconds_limit, defaults.pause_seconds_limit);
  EXPECT_TRUE(std::isinf(p->max_seconds));
  EXPECT_FALSE(p->only_when_charging);
}

TEST(ResourcePolicy, RefusesWhatIsMisspeltOrOutOfBounds) {
  for (const char* text :
       {R"({"min_batery_percent": 3})", R"({"min_battery_percent": 101})", R"({"max_seconds": -1})",
        R"({"begin_hour": 25})", R"({"max_cores_share": 2})", R"({"only_when_charging": 1})",
        R"({"min_available_bytes": 1.5})", "[]", "{"}) {
    const auto p = ResourcePolicy::FromJson(text, "policy.json");
    ASSERT_FALSE(p.has_value()) << text;
    EXPECT_TRUE(Has(p.error().message, "policy.json: ")) << p.error().message;
  }
}

}  // namespace
}  // namespace masr
