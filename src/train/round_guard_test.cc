#include "train/round_guard.h"

#include <gtest/gtest.h>

#include "resources/scripted_monitor.h"

namespace masr {
namespace {

// A trace whose clock moves only when somebody waits.
class RoundGuardTest : public ::testing::Test {
 protected:
  ScriptedMonitor Script(const std::string& csv) {
    auto script = ScriptedMonitor::Parse(csv, "test.csv", {}, [this] { return now_s_; });
    EXPECT_TRUE(script.has_value()) << script.error().message;
    return std::move(*script);
  }
  RoundGuardOptions Options(ResourcePolicy policy = {}) {
    return {.policy = policy,
            .look_s = 10,
            .wait =
                [this](double seconds) {
                  now_s_ += seconds;
                  ++waits_;
                },
            .paused = [this](const ResourceSnapshot&,
                             const Verdict& verdict) { why_ = verdict.halted_by; }};
  }

  double now_s_ = 0;
  int waits_ = 0;
  std::string why_;
};

TEST_F(RoundGuardTest, GoesOnAtOnceWhereNothingIsWrong) {
  ScriptedMonitor monitor = Script("battery_percent,charging\n80,0\n");
  RoundGuard guard(monitor, Options());
  const auto verdict = guard.Check(5, nullptr);
  ASSERT_TRUE(verdict.has_value());
  EXPECT_EQ(verdict->decision, Decision::kContinue);
  EXPECT_EQ(waits_, 0);
  EXPECT_EQ(guard.seconds_paused(), 0);
}

TEST_F(RoundGuardTest, WaitsUntilTheDeviceIsCoolAgain) {
  ScriptedMonitor monitor =
      Script("time_s,temperature_c,temperature_limit_c\n0,44,45\n95,39,45\n150,30,45\n");
  RoundGuard guard(monitor, Options());
  const auto verdict = guard.Check(5, nullptr);
  ASSERT_TRUE(verdict.has_value());
  EXPECT_EQ(verdict->decision, Decision::kContinue);
  EXPECT_EQ(why_, "heat");
  // At 95 s it is below the limit, but a pause ends only two degrees further down.
  EXPECT_EQ(guard.seconds_paused(), 150);
  EXPECT_EQ(waits_, 15);
}

TEST_F(RoundGuardTest, APauseThatTakesTooLongIsAStop) {
  ScriptedMonitor monitor = Script("temperature_c,temperature_limit_c\n44,45\n");
  RoundGuard guard(monitor, Options({.pause_seconds_limit = 100}));
  const auto verdict = guard.Check(5, nullptr);
  ASSERT_TRUE(verdict.has_value());
  EXPECT_EQ(verdict->decision, Decision::kStop);
  EXPECT_EQ(verdict->halted_by, "heat");
  EXPECT_EQ(guard.seconds_paused(), 100);
}

TEST_F(RoundGuardTest, CountsTheMonitorsSecondsButNotPauses) {
  ScriptedMonitor monitor =
      Script("time_s,temperature_c,temperature_limit_c\n0,30,45\n40,44,45\n65,30,45\n");
  now_s_ = 20;
  RoundGuard guard(monitor, Options({.max_seconds = 100}));
  const auto decision = [&](double now_s, double earlier_s) {
    now_s_ = now_s;
    const auto verdict = guard.Check(earlier_s, nullptr);
    EXPECT_TRUE(verdict.has_value());
    return verdict.has_value() ? verdict->decision : Decision::kPause;
  };
  EXPECT_EQ(decision(45, 0), Decision::kContinue);  // after a pause of twenty seconds
  EXPECT_EQ(guard.seconds_paused(), 20);
  EXPECT_EQ(guard.Seconds(), 45);
  EXPECT_EQ(decision(139, 0), Decision::kContinue);
  EXPECT_EQ(decision(140, 0), Decision::kStop);
  EXPECT_EQ(decision(140, -10), Decision::kContinue);
  EXPECT_EQ(decision(130, 10), Decision::kStop);
}

TEST_F(RoundGuardTest, StopsAtOnceWhereThePolicySaysSo) {
  ScriptedMonitor monitor = Script("battery_percent,charging\n12,0\n");
  RoundGuard guard(monitor, Options());
  const auto verdict = guard.Check(5, nullptr);
  ASSERT_TRUE(verdict.has_value());
  EXPECT_EQ(verdict->decision, Decision::kStop);
  EXPECT_EQ(verdict->halted_by, "battery");
  EXPECT_EQ(waits_, 0);
}

TEST_F(RoundGuardTest, ItsOwnerNeedNotWaitForAPauseToEnd) {
  ScriptedMonitor monitor = Script("temperature_c,temperature_limit_c\n44,45\n");
  RoundGuardOptions options = Options();
  std::atomic<bool> cancel = false;
  options.wait = [&](double seconds) {
    now_s_ += seconds;
    cancel = ++waits_ == 3;
  };
  RoundGuard guard(monitor, options);
  const auto verdict = guard.Check(5, &cancel);
  ASSERT_TRUE(verdict.has_value());
  EXPECT_EQ(verdict->decision, Decision::kPause);
  EXPECT_EQ(waits_, 3);
}

}  // namespace
}  // namespace masr
