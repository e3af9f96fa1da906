#include "report/axis.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace masr {
namespace {

std::vector<std::string> Texts(const std::vector<Tick>& ticks) {
  std::vector<std::string> texts;
  for (const Tick& tick : ticks) texts.push_back(tick.text);
  return texts;
}

TEST(Axis, TicksAreRoundNumbers) {
  using List = std::vector<std::string>;
  EXPECT_EQ(Texts(NiceTicks(0, 10, 6)), (List{"0", "2", "4", "6", "8", "10"}));
  EXPECT_EQ(Texts(NiceTicks(0, 1300, 4)), (List{"0", "500", "1,000"}));
  EXPECT_EQ(Texts(NiceTicks(0.1, 0.32, 4)), (List{"0.1", "0.2", "0.3"}));
  EXPECT_EQ(Texts(NiceTicks(-3, 3, 4)), (List{"-2", "0", "2"}));
}

TEST(Axis, AnyRangeGivesFewRisingTicksWithinIt) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double values[] = {0,   1,     -1,       37.3,      1e-300, 1e300, -1e300,     5e15,
                           0.1, 1e-12, infinity, -infinity, NAN,    100,   100.0000001};
  for (const double low : values) {
    for (const double high : values) {
      for (const int most : {1, 2, 5, 8}) {
        const Axis axis = NiceAxis(low, high, most);
        ASSERT_TRUE(std::isfinite(axis.low) && std::isfinite(axis.high));
        ASSERT_LT(axis.low, axis.high) << low << " " << high;
        ASSERT_GE(axis.ticks.size(), 2u) << low << " " << high;
        ASSERT_LE(axis.ticks.size(), static_cast<size_t>(std::max(most, 3))) << low << " " << high;
        for (size_t i = 0; i < axis.ticks.size(); ++i) {
          ASSERT_GE(axis.ticks[i].at, axis.low);
          ASSERT_LE(axis.ticks[i].at, axis.high);
          ASSERT_TRUE(i == 0 || axis.ticks[i].at > axis.ticks[i - 1].at);
        }
        for (const Tick& tick : PlainAxis(low, high, most).ticks) {
          ASSERT_TRUE(std::isfinite(tick.at));
        }
      }
    }
  }
}

TEST(Axis, ANiceAxisHoldsItsData) {
  for (const double high : {0.07, 1.0, 9.9, 46.2, 100.0, 1251.0}) {
    EXPECT_LE(high, NiceAxis(0, high, 5).high * (1 + 1e-9));
    EXPECT_EQ(NiceAxis(0, high, 5).low, 0);
  }
}

std::vector<Point> Noise(size_t n) {
  std::vector<Point> points;
  for (size_t i = 0; i < n; ++i) points.push_back({static_cast<double>(i), std::sin(i * 1.7)});
  return points;
}

TEST(Axis, FewPointsStayAsTheyAre) {
  EXPECT_EQ(Thinned(Noise(40), 10).size(), 40u);
  EXPECT_TRUE(Thinned({}, 10).empty());
}

TEST(Axis, ThinningKeepsEndsAndExtremes) {
  std::vector<Point> points = Noise(10000);
  points[5003].y = 9;
  points[7001].y = -9;
  const std::vector<Point> thin = Thinned(points, 50);
  EXPECT_LE(thin.size(), 200u);
  EXPECT_EQ(thin.front().x, 0);
  EXPECT_EQ(thin.back().x, 9999);
  const auto lower = [](const Point& a, const Point& b) { return a.y < b.y; };
  EXPECT_EQ(std::max_element(thin.begin(), thin.end(), lower)->x, 5003);
  EXPECT_EQ(std::min_element(thin.begin(), thin.end(), lower)->x, 7001);
  EXPECT_TRUE(std::is_sorted(thin.begin(), thin.end(),
                             [](const Point& a, const Point& b) { return a.x < b.x; }));
}

TEST(Axis, ThinningKeepsGapsThatAreSeen) {
  std::vector<Point> points = Noise(1000);
  for (size_t i = 400; i < 600; ++i) points[i].y = NAN;
  for (size_t i = 0; i < 5; ++i) points[10 + i].x = NAN;
  size_t gaps = 0;
  for (const Point& p : Thinned(points, 20)) {
    EXPECT_TRUE(std::isfinite(p.x));
    gaps += std::isfinite(p.y) ? 0 : 1;
  }
  EXPECT_GE(gaps, 1u);
  EXPECT_LE(gaps, 5u);
}

TEST(Axis, ThinningPointsOfOneTimeDoesNotDivideByNothing) {
  EXPECT_LE(Thinned(std::vector<Point>(100, Point{3, 1}), 2).size(), 8u);
}

}  // namespace
}  // namespace masr
