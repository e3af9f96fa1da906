#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "report/epoch_figures.h"
#include "report/resource_figures.h"
#include "report/testing/drawn_text.h"
#include "report/testing/invented_rounds.h"
#include "report/testing/markup_checker.h"

namespace masr {
namespace {

bool Says(const Drawing& drawing, const std::string& what) {
  for (const DrawnText& text : TextsOf(drawing)) {
    if (text.text == what) return true;
  }
  return false;
}

TEST(EpochFigures, StartChosenEpochsAndOutcomesAreWritten) {
  const Drawing wide = ErrorRateFigure(InventedRounds(), 1080);
  EXPECT_TRUE(Says(wide, "46.0 %"));
  EXPECT_TRUE(Says(wide, "Round 1"));
  EXPECT_TRUE(Says(wide, "Round 3 (refused)"));
  EXPECT_NE(wide.body.find("Round 2, epoch 12: WER 28.1 %"), std::string::npos);
  EXPECT_NE(wide.body.find("class=\"hollow"), std::string::npos);
  EXPECT_NE(wide.body.find("class=\"refused\""), std::string::npos);
  const RoundRecord accepted[] = {InventedRound(1, true)};
  const Drawing kept = ErrorRateFigure(accepted, 1080);
  EXPECT_EQ(kept.body.find("hollow"), std::string::npos);
  EXPECT_EQ(kept.body.find("refused"), std::string::npos);
}

TEST(EpochFigures, AmongVeryManyRoundsOnlyTheLastAcceptedIsMarked) {
  std::vector<RoundRecord> rounds;
  for (int64_t n = 1; n <= 99; ++n) rounds.push_back(InventedRound(n, n != 99, 40));
  const Drawing drawing = ErrorRateFigure(rounds, 360);
  EXPECT_TRUE(Says(drawing, "40.0 %"));
  EXPECT_TRUE(Says(drawing, "round"));
  EXPECT_FALSE(Says(drawing, "epoch"));
  EXPECT_NE(drawing.body.find("Round 98, epoch 7"), std::string::npos);
  EXPECT_EQ(drawing.body.find("Round 97, epoch 7"), std::string::npos);
}

TEST(EpochFigures, TheLossBeforeTheFirstEpochIsNoZero) {
  const RoundRecord rounds[] = {InventedRound(1, true, 40, 1)};
  // Of the training loss one point is left: a dot.
  EXPECT_NE(LossFigure(rounds, 360).body.find("h0\""), std::string::npos);
}

TEST(Figures, NothingIsWrittenOverAnythingAtAnyWidth) {
  std::vector<std::vector<RoundRecord>> histories = {InventedRounds(), {InventedRound(7, false)}};
  for (int64_t n = 1; n <= 100; ++n) {
    if (n == 1) histories.emplace_back();
    histories.back().push_back(InventedRound(n, n % 3 != 0, 60 - 0.4 * n, 1 + n % 9));
  }
  for (const auto& rounds : histories) {
    for (const double width : {300.0, 360.0, 760.0, 1080.0}) {
      EXPECT_EQ(Collision(ErrorRateFigure(rounds, width)), "") << rounds.size() << " " << width;
      EXPECT_EQ(Collision(LossFigure(rounds, width)), "") << rounds.size() << " " << width;
      EXPECT_EQ(Collision(*MemoryFigure(rounds.back(), width)), "") << width;
      EXPECT_EQ(Collision(*MemoryPlanFigure(rounds.back(), width)), "") << width;
      EXPECT_EQ(Collision(*DeviceFigure(rounds.back(), width)), "") << width;
    }
  }
}

TEST(ResourceFigures, PlanBudgetPeakAndLimitsAreNamed) {
  const RoundRecord round = InventedRound(1, true);
  const Drawing memory = *MemoryFigure(round, 360);
  for (const char* text : {"plan 164", "budget 220", "peak 155", "process", "available",
                           "stop at 0.27", "pause", "minutes"}) {
    EXPECT_TRUE(Says(memory, text)) << text;
  }
  const Drawing device = *DeviceFigure(round, 360);
  for (const char* text : {"battery, %", "stop at 30", "temperature, °C", "pause at 45", "power"}) {
    EXPECT_TRUE(Says(device, text)) << text;
  }
  const Drawing plan = *MemoryPlanFigure(round, 360);
  for (const char* text :
       {"arena", "78 MB", "optimizer", "plan", "164 MB", "measured peak 155 MB", "budget 220 MB"}) {
    EXPECT_TRUE(Says(plan, text)) << text;
  }
}

TEST(ResourceFigures, WhatIsNotKnownIsNotDrawn) {
  RoundRecord round = InventedRound(1, true);
  round.thresholds.clear();
  round.ram_budget_bytes = 0;
  for (ResourceSample& s : round.samples) {
    s.available_bytes = -1;
    s.battery_percent.reset();
    s.power_w.reset();
  }
  const Drawing memory = *MemoryFigure(round, 360);
  EXPECT_FALSE(Says(memory, "available"));
  EXPECT_FALSE(Says(memory, "budget 0"));
  const Drawing device = *DeviceFigure(round, 360);
  EXPECT_FALSE(Says(device, "battery, %"));
  EXPECT_TRUE(Says(device, "temperature, °C"));
  for (ResourceSample& s : round.samples) s.temperature_c.reset();
  EXPECT_FALSE(DeviceFigure(round, 360).has_value());
  round.samples.clear();
  EXPECT_FALSE(MemoryFigure(round, 360).has_value());
  round.memory.clear();
  EXPECT_FALSE(MemoryPlanFigure(round, 360).has_value());
}

TEST(ResourceFigures, OneSampleAndMadTimesAreDrawn) {
  RoundRecord round = InventedRound(1, true, 40, 10, 1);
  EXPECT_EQ(MarkupChecker::Mistake(InlineSvg(*MemoryFigure(round, 360))), "");
  round = InventedRound(1, true);
  round.samples[3].time_s = NAN;
  round.samples[4].time_s = -1e300;
  round.samples[5].time_s = std::numeric_limits<double>::infinity();
  round.samples[6].process_bytes = std::numeric_limits<int64_t>::max();
  round.samples[7].process_bytes = std::numeric_limits<int64_t>::min();
  round.samples[8].battery_percent = NAN;
  round.memory["more"] = std::numeric_limits<int64_t>::max();
  round.memory["yet more"] = std::numeric_limits<int64_t>::max();
  round.memory["less"] = -5;
  for (const Drawing& drawing :
       {*MemoryFigure(round, 360), *DeviceFigure(round, 360), *MemoryPlanFigure(round, 360)}) {
    const std::string svg = InlineSvg(drawing);
    EXPECT_EQ(MarkupChecker::Mistake(svg), "");
    EXPECT_EQ(svg.find("nan"), std::string::npos);
    EXPECT_EQ(svg.find("inf"), std::string::npos);
  }
}

TEST(ResourceFigures, ManySamplesKeepTheirPeak) {
  RoundRecord round = InventedRound(1, true, 40, 10, 50000);
  round.peak_rss_bytes = 0;
  round.samples[33333].process_bytes = 199'000'000;
  const Drawing drawing = *MemoryFigure(round, 360);
  EXPECT_TRUE(Says(drawing, "peak 199"));
  EXPECT_LT(drawing.body.size(), 200000u);
}

}  // namespace
}  // namespace masr
