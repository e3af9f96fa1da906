#include "resources/scripted_monitor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include "io/testing/temporary_folder.h"
#include "resources/resource_policy.h"

namespace masr {
namespace {

class ScriptedMonitorTest : public ::testing::Test {
 protected:
  ScriptedMonitor Parse(const std::string& csv) {
    auto monitor = ScriptedMonitor::Parse(csv, "t.csv", base_, [this] { return now_s_; });
    EXPECT_TRUE(monitor.has_value()) << monitor.error().message;
    if (!monitor.has_value()) {
      return *ScriptedMonitor::Parse("load\n0\n", "none", base_, [] { return 0.0; });
    }
    return *std::move(monitor);
  }
  std::string ErrorOf(const std::string& csv) {
    const auto monitor = ScriptedMonitor::Parse(csv, "t.csv", base_, [] { return 0.0; });
    EXPECT_FALSE(monitor.has_value()) << csv;
    if (monitor.has_value()) return "";
    EXPECT_EQ(monitor.error().code, ErrorCode::kCorrupt);
    return monitor.error().message;
  }

  ResourceSnapshot base_;
  double now_s_ = 0;
};

TEST_F(ScriptedMonitorTest, AValueHoldsUntilTheNext) {
  ScriptedMonitor monitor = Parse("time_s,battery_percent\n10,50\n20,49.5\n30,49\n");
  const auto percent_at = [&](double now_s) {
    now_s_ = now_s;
    const ResourceSnapshot s = *monitor.Read();
    EXPECT_EQ(s.time_s, now_s);
    EXPECT_TRUE(s.has_battery);
    return s.battery_percent;
  };
  EXPECT_EQ(percent_at(-5), 50);
  EXPECT_EQ(percent_at(0), 50);
  EXPECT_EQ(percent_at(10), 50);
  EXPECT_EQ(percent_at(19.9), 50);
  EXPECT_EQ(percent_at(20), 49.5);
  EXPECT_EQ(percent_at(29.9), 49.5);
  EXPECT_EQ(percent_at(30), 49);
  EXPECT_EQ(percent_at(1e9), 49);
  EXPECT_EQ(percent_at(15), 50);  // a clock may be set back
  ASSERT_EQ(monitor.moments().size(), 3u);
  EXPECT_EQ(monitor.moments()[1].time_s, 20);
}

TEST_F(ScriptedMonitorTest, EveryColumnIsRead) {
  ScriptedMonitor monitor = Parse(
      "time_s,available_mb,battery_percent,charging,temperature_c,temperature_limit_c,"
      "memory_pressure_percent,power_w,throttle_share,load,free_disk_mb,hour\n"
      "0,1500.5,81,0,41.5,45,2.25,-3.5,0.75,1.5,8000,22.5\n");
  const ResourceSnapshot s = *monitor.Read();
  EXPECT_EQ(s.available_bytes, 1'500'500'000);
  EXPECT_EQ(s.battery_percent, 81);
  EXPECT_FALSE(s.charging);
  EXPECT_EQ(s.temperature_c, 41.5);
  EXPECT_EQ(s.temperature_limit_c, 45);
  EXPECT_EQ(s.memory_pressure_percent, 2.25);
  EXPECT_EQ(s.power_w, -3.5);
  EXPECT_EQ(s.throttle_share, 0.75);
  EXPECT_EQ(s.load, 1.5);
  EXPECT_EQ(s.free_disk_bytes, 8'000'000'000);
  EXPECT_EQ(s.minute_of_day, 22 * 60 + 30);
  EXPECT_EQ(s.hour(), 22);
}

TEST_F(ScriptedMonitorTest, WhatIsAbsentComesFromTheBaseAndWhatIsEmptyFromAbove) {
  base_.cores = 6;
  base_.temperature_c = 30;
  base_.load = 0.5;
  ScriptedMonitor monitor = Parse("time_s,load,charging\n0,,1\n10,2,\n20,,0\n");
  EXPECT_EQ(monitor.moments()[0].load, 0.5);
  EXPECT_EQ(monitor.moments()[1].load, 2);
  EXPECT_EQ(monitor.moments()[2].load, 2);
  EXPECT_TRUE(monitor.moments()[1].charging);
  EXPECT_FALSE(monitor.moments()[2].charging);
  EXPECT_EQ(monitor.Read()->cores, 6);
  EXPECT_EQ(monitor.Read()->temperature_c, 30);
  EXPECT_FALSE(monitor.Read()->has_battery);
}

TEST_F(ScriptedMonitorTest, CommentsSpacesAndLineEndsAreAllowed) {
  ScriptedMonitor monitor = Parse(
      "\xef\xbb\xbf# a comment, with a comma\r\n time_s , load \r\n\r\n  # another\r\n 0 , 1 "
      "\r\n5,2");
  ASSERT_EQ(monitor.moments().size(), 2u);
  EXPECT_EQ(monitor.moments()[1].load, 2);
}

TEST_F(ScriptedMonitorTest, MidnightIsHour24Too) {
  EXPECT_EQ(Parse("hour\n24\n").Read()->minute_of_day, 0);
  EXPECT_EQ(Parse("hour\n23.999\n").Read()->minute_of_day, 0);
  EXPECT_EQ(Parse("hour\n23.98\n").Read()->minute_of_day, 1439);
}

TEST_F(ScriptedMonitorTest, WithoutTimesThereIsOneMoment) {
  ScriptedMonitor monitor = Parse("load\n3\n");
  now_s_ = 1234;
  EXPECT_EQ(monitor.Read()->load, 3);
  EXPECT_EQ(monitor.Read()->time_s, 1234);
  EXPECT_EQ(ErrorOf("load\n3\n4\n"),
            "t.csv: line 3: without a column time_s a trace has one moment; add the column or "
            "remove the line");
}

TEST_F(ScriptedMonitorTest, ErrorsNameFileLineColumnAndRemedy) {
  const std::string known =
      "time_s, available_mb, battery_percent, charging, temperature_c, temperature_limit_c, "
      "memory_pressure_percent, power_w, throttle_share, load, free_disk_mb, hour";
  for (const char* empty : {"", "\n\n", "# only a comment\n"}) {
    EXPECT_EQ(ErrorOf(empty), "t.csv: is empty; its first line must name the columns, of " + known);
  }
  EXPECT_EQ(ErrorOf("# c\n0,50\n10,49\n"),
            "t.csv: line 2: there is no header; put a line before it that names the columns, of " +
                known);
  EXPECT_EQ(
      ErrorOf("time_s,battery\n0,50\n"),
      "t.csv: line 1: column 'battery' is not known; remove it or name it as one of " + known);
  EXPECT_EQ(ErrorOf("time_s,load,\n0,50,\n"),
            "t.csv: line 1: column '' is not known; remove it or name it as one of " + known);
  EXPECT_EQ(ErrorOf("load,time_s,load\n"),
            "t.csv: line 1: column 'load' is there twice; remove one");
  EXPECT_EQ(ErrorOf("time_s,load\n# nothing\n"),
            "t.csv: line 1: nothing follows the header; add a line with its values");
  EXPECT_EQ(ErrorOf("time_s,load\n0,1\n5\n"),
            "t.csv: line 3: has 1 fields where the header names 2 columns; a field may be empty, "
            "but its comma must be there");
  EXPECT_TRUE(ErrorOf("time_s,load\n0,1,2\n")
                  .starts_with("t.csv: line 2: has 3 fields where the header names 2 columns"));
  EXPECT_EQ(ErrorOf("time_s,load\n0,1\n\n5,much\n"),
            "t.csv: line 4: column load: 'much' is not a number from 0 to 1000000; correct it or "
            "leave the field empty");
  EXPECT_EQ(ErrorOf("time_s,load\n,1\n"),
            "t.csv: line 2: column time_s: '' is not a number from -1000000000 to 1000000000; "
            "correct it");
  EXPECT_EQ(ErrorOf("time_s,load\n10,1\n20,1\n15,1\n"),
            "t.csv: line 4: column time_s: 15 is not later than the 20 of the line before; sort "
            "the lines");
  EXPECT_NE(ErrorOf("time_s,load\n10,1\n10,1\n").find("is not later than"), std::string::npos);
}

TEST_F(ScriptedMonitorTest, ValuesAreBounded) {
  const struct {
    const char* column;
    const char* value;
  } bad[] = {
      {"battery_percent", "101"},
      {"battery_percent", "-1"},
      {"charging", "2"},
      {"charging", "0.5"},
      {"charging", "yes"},
      {"available_mb", "-1"},
      {"throttle_share", "1.1"},
      {"hour", "24.1"},
      {"hour", "-1"},
      {"load", "nan"},
      {"load", "inf"},
      {"load", "1 2"},
      {"load", "0x1"},
      {"temperature_c", "1e999"},
      {"memory_pressure_percent", "100.5"},
  };
  for (const auto& c : bad) {
    const std::string message = ErrorOf(std::string(c.column) + "\n" + c.value + "\n");
    EXPECT_NE(message.find("line 2: column " + std::string(c.column) + ": '" + c.value + "' is"),
              std::string::npos)
        << message;
  }
}

TEST_F(ScriptedMonitorTest, MessagesAreAsciiAndShort) {
  const std::string message = ErrorOf("load\n\xff\xfe" + std::string(100'000, 'x') + "\n");
  EXPECT_LT(message.size(), 300u);
  for (char c : message) EXPECT_TRUE(c >= ' ' && c <= '~');
}

TEST_F(ScriptedMonitorTest, TooManyMomentsAreRefused) {
  std::string csv = "time_s\n";
  for (int i = 0; i <= 100'000; ++i) csv += std::to_string(i) + "\n";
  const auto monitor = ScriptedMonitor::Parse(csv, "t.csv", base_, [] { return 0.0; });
  ASSERT_FALSE(monitor.has_value());
  EXPECT_EQ(monitor.error().code, ErrorCode::kUnsupported);
}

TEST_F(ScriptedMonitorTest, OpensAFile) {
  testing::TemporaryFolder folder;
  std::ofstream(folder / "a.csv") << "load\n2\n";
  std::ofstream(folder / "b.csv") << "load\nx\n";
  auto monitor = ScriptedMonitor::Open(folder / "a.csv", base_, [] { return 0.0; });
  ASSERT_TRUE(monitor.has_value());
  EXPECT_EQ(monitor->Read()->load, 2);
  const auto broken = ScriptedMonitor::Open(folder / "b.csv", base_, [] { return 0.0; });
  ASSERT_FALSE(broken.has_value());
  EXPECT_TRUE(broken.error().message.starts_with((folder / "b.csv") + ": line 2: column load"));
  const auto missing = ScriptedMonitor::Open(folder / "c.csv", base_, [] { return 0.0; });
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
}

// What the default policy says along a shipped trace, asked every ten seconds until it says stop:
// each change as "time decision halted_by".
std::vector<std::string> Replay(const std::string& name) {
  double now_s = 0;
  auto monitor = ScriptedMonitor::Open(std::string(MASR_SOURCE_DIR) + "/assets/traces/" + name, {},
                                       [&] { return now_s; });
  EXPECT_TRUE(monitor.has_value()) << monitor.error().message;
  std::vector<std::string> changes;
  if (!monitor.has_value()) return changes;
  PolicyGuard guard{ResourcePolicy{}};
  std::string last;
  for (; now_s <= monitor->moments().back().time_s; now_s += 10) {
    const Verdict verdict = guard.Judge(*monitor->Read(), now_s);
    const char* decisions[] = {"continue", "pause", "stop"};
    std::string state = decisions[static_cast<int>(verdict.decision)];
    if (!verdict.halted_by.empty()) state += " " + verdict.halted_by;
    if (state != last) changes.push_back(std::to_string(static_cast<int>(now_s)) + " " + state);
    last = state;
    if (verdict.decision == Decision::kStop) break;
  }
  return changes;
}

using Changes = std::vector<std::string>;

TEST(Traces, OvernightTrainingRunsThrough) {
  EXPECT_EQ(Replay("overnight_charge.csv"), (Changes{"0 continue"}));
}

TEST(Traces, OnTheWayToWorkItRestsInTheSun) {
  EXPECT_EQ(Replay("commute.csv"), (Changes{"0 continue", "1200 pause heat", "1800 continue"}));
}

TEST(Traces, AGameComesFirst) {
  EXPECT_EQ(Replay("game_started.csv"),
            (Changes{"0 continue", "310 pause pressure", "420 pause heat", "1740 continue"}));
}

TEST(Traces, AnEmptyBatteryStopsIt) {
  EXPECT_EQ(Replay("unplugged_at_12_percent.csv"), (Changes{"0 continue", "1080 stop battery"}));
}

TEST(Traces, EachSaysThatItIsInvented) {
  std::set<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(MASR_SOURCE_DIR) + "/assets/traces")) {
    names.insert(entry.path().filename());
    std::ifstream file(entry.path());
    const std::string text(std::istreambuf_iterator<char>(file), {});
    EXPECT_NE(text.find("# Invented, not measured"), std::string::npos) << entry.path();
  }
  EXPECT_EQ(names.size(), 4u);
}

}  // namespace
}  // namespace masr
