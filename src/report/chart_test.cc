#include "report/chart.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <regex>

#include "report/testing/drawn_text.h"
#include "report/testing/markup_checker.h"

namespace masr {
namespace {

Chart SomeChart() {
  return {.x = PlainAxis(0, 10, 6),
          .y = NiceAxis(0, 50, 6),
          .x_title = "minutes",
          .y_title = "errors, %",
          .lines = {{.points = {{0, 40}, {5, 30}, {10, 28}}, .label = "words"},
                    {.points = {{0, 20}, {10, 27}}, .tone = Tone::kGreen, .label = "characters"}},
          .rules = {{.y = 29, .label = "limit 29"}, {.y = 30, .label = "budget 30"}},
          .bands = {{.from = 2, .to = 4, .label = "2"}},
          .spans = {{.from = 0, .to = 10, .names = {"Round 1"}}},
          .marks = {{.at = {5, 30}, .label = "30.0 %"}, {.at = {5.1, 30}, .label = "30.1 %"}}};
}

Drawing Draw(const Chart& chart, double width = 360) {
  Drawing drawing{.width = width, .height = 240, .title = "a chart"};
  DrawChart(chart, {0, 0, width, 240}, drawing);
  return drawing;
}

// Of a path's points.
std::vector<Point> PathPoints(const Drawing& drawing) {
  static const std::regex kPath(" d=\"([^\"]*)\"");
  static const std::regex kPair("([-0-9.]+) ([-0-9.]+)");
  std::vector<Point> points;
  const std::string& body = drawing.body;
  for (std::sregex_iterator path(body.begin(), body.end(), kPath), end; path != end; ++path) {
    const std::string d = (*path)[1];
    for (std::sregex_iterator pair(d.begin(), d.end(), kPair); pair != end; ++pair) {
      points.push_back({std::stod((*pair)[1]), std::stod((*pair)[2])});
    }
  }
  return points;
}

TEST(Chart, PointsLieInsideThePlotWhereTheAxesPutThem) {
  Chart chart = SomeChart();
  const Box plot = PlotArea(chart, {0, 0, 360, 240});
  std::vector<Point> points = PathPoints(Draw(chart));
  ASSERT_EQ(points.size(), 5u);
  EXPECT_NEAR(points[0].x, plot.x, 0.06);
  EXPECT_NEAR(points[0].y, plot.bottom() - 0.8 * plot.height, 0.06);
  EXPECT_NEAR(points[1].x, plot.x + plot.width / 2, 0.06);

  chart.lines = {{.points = {{-100, 1e300}, {5, -70}, {1e9, 400}}}};
  points = PathPoints(Draw(chart));
  ASSERT_EQ(points.size(), 3u);
  for (const Point& p : points) {
    EXPECT_GE(p.x, plot.x - 0.06);
    EXPECT_LE(p.x, plot.right() + 0.06);
    EXPECT_GE(p.y, plot.y - 0.06);
    EXPECT_LE(p.y, plot.bottom() + 0.06);
  }
}

TEST(Chart, LabelsDoNotLieOverEachOther) {
  for (const double width : {300.0, 360.0, 720.0}) {
    EXPECT_EQ(Collision(Draw(SomeChart(), width)), "") << width;
  }
}

TEST(Chart, ALabelWithoutRoomIsLeftOut) {
  Chart chart = SomeChart();
  chart.marks.assign(40, {.at = {5, 30}, .label = "30.0 %"});
  const Drawing drawing = Draw(chart);
  EXPECT_EQ(Collision(drawing), "");
  size_t labels = 0;
  for (const DrawnText& text : TextsOf(drawing)) labels += text.text == "30.0 %" ? 1 : 0;
  EXPECT_GE(labels, 1u);
  EXPECT_LT(labels, 8u);
}

TEST(Chart, TheLongestNameThatFitsIsWritten) {
  Chart chart = SomeChart();
  chart.x.ticks.clear();
  chart.y.ticks.clear();
  const auto name_for = [&](double to) {
    chart.spans = {{.from = 0, .to = to, .names = {"Round 1 (refused)", "Round 1", "1"}}};
    const Drawing drawing = Draw(chart);
    for (const DrawnText& text : TextsOf(drawing)) {
      if (text.text.find('1') == 0 || text.text.find("Round") == 0) return text.text;
    }
    return std::string();
  };
  EXPECT_EQ(name_for(10), "Round 1 (refused)");
  EXPECT_EQ(name_for(3), "Round 1");
}

TEST(Chart, WhatIsNotFiniteIsNotWritten) {
  const double infinity = std::numeric_limits<double>::infinity();
  Chart chart = SomeChart();
  chart.lines.push_back({.points = {{0, NAN}, {1, 5}, {2, infinity}, {NAN, 3}, {3, 6}, {4, 7}},
                         .steps = true,
                         .label = "gaps"});
  chart.lines.push_back({.points = {{0, NAN}}, .label = "nothing"});
  chart.rules.push_back({.y = -infinity, .label = "no limit"});
  chart.bands.push_back({.from = NAN, .to = infinity, .shade = Shade::kPause, .label = "pause"});
  chart.spans.push_back({.from = NAN, .to = 3, .names = {"x"}});
  chart.dividers.push_back(NAN);
  chart.marks.push_back({.at = {NAN, infinity}, .label = "nowhere"});
  const std::string svg = InlineSvg(Draw(chart));
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
  EXPECT_EQ(svg.find("nothing"), std::string::npos);
  EXPECT_EQ(svg.find("nowhere"), std::string::npos);
  EXPECT_EQ(MarkupChecker::Mistake(svg), "");
}

TEST(Chart, EveryTextIsEscaped) {
  const std::string bad = "<i a=\"&'>";
  Chart chart = SomeChart();
  chart.x_title = chart.y_title = bad;
  chart.lines[0].label = chart.rules[0].label = chart.bands[0].label = bad;
  chart.spans[0].names = {bad};
  chart.marks[0].label = chart.marks[0].tip = bad;
  chart.x.ticks = {{5, bad}};
  Drawing drawing = Draw(chart);
  drawing.title = drawing.description = bad;
  for (const std::string& svg : {InlineSvg(drawing), SvgFile(drawing)}) {
    EXPECT_EQ(svg.find("<i"), std::string::npos);
    EXPECT_EQ(MarkupChecker::Mistake(svg), "");
  }
}

TEST(Chart, ManyPointsBecomeAsManyAsAreSeen) {
  Chart chart = SomeChart();
  chart.lines = {{}};
  for (int i = 0; i < 100000; ++i) {
    chart.lines[0].points.push_back({i * 1e-4, 25 + 20 * std::sin(i)});
  }
  EXPECT_LT(Draw(chart).body.size(), 40000u);
}

TEST(Chart, SpreadLabelsKeepTheirOrderAndDistance) {
  using List = std::vector<double>;
  EXPECT_EQ(Spread({10, 40}, 15, 0, 100), (List{10, 40}));
  EXPECT_EQ(Spread({10, 11, 12}, 15, 0, 100), (List{10, 25, 40}));
  EXPECT_EQ(Spread({98, 99, 100}, 15, 0, 100), (List{70, 85, 100}));
  EXPECT_TRUE(Spread({}, 15, 0, 100).empty());
}

}  // namespace
}  // namespace masr
