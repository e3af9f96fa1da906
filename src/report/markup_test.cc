#include "report/markup.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

namespace masr {
namespace {

TEST(Markup, EveryCharacterThatMeansSomethingIsEscaped) {
  EXPECT_EQ(Escaped("a<b>&\"c'"), "a&lt;b&gt;&amp;&#34;c&#39;");
  EXPECT_EQ(Escaped("naïve שלום 日本"), "naïve שלום 日本");
}

TEST(Markup, WhatXmlDoesNotAllowIsReplaced) {
  EXPECT_EQ(Escaped(std::string("a\0b\x1f", 4)), "a\uFFFDb\uFFFD");
  EXPECT_EQ(Escaped("\xff\xc0\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(Escaped("\xed\xa0\x80").find('\xed'), std::string::npos);  // half of a surrogate pair
  EXPECT_EQ(Escaped("\uFFFE"), "\uFFFD");
}

TEST(Markup, LongTextsAreCutBetweenCodePoints) {
  EXPECT_EQ(Escaped("äöü", 2), "äö…");
  EXPECT_EQ(Escaped("äöü", 3), "äöü");
  EXPECT_EQ(Escaped("&&&", 1), "&amp;…");
}

TEST(Markup, CoordinatesAreFiniteAndShort) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(Coordinate(12.34), "12.3");
  EXPECT_EQ(Coordinate(-0.01), "0");
  EXPECT_EQ(Coordinate(7), "7");
  EXPECT_EQ(Coordinate(infinity), "0");
  EXPECT_EQ(Coordinate(std::nan("")), "0");
  EXPECT_EQ(Coordinate(-1e300), "-1000000");
}

TEST(Markup, NumbersReadAsPeopleWriteThem) {
  EXPECT_EQ(Fixed(1.0 / 3, 2), "0.33");
  EXPECT_EQ(Fixed(std::nan(""), 2), "-");
  EXPECT_EQ(Fixed(std::numeric_limits<double>::max(), 1).size(), 311u);
  EXPECT_EQ(Grouped(0), "0");
  EXPECT_EQ(Grouped(999), "999");
  EXPECT_EQ(Grouped(-1000), "-1,000");
  EXPECT_EQ(Grouped(1234567), "1,234,567");
  EXPECT_EQ(Bytes(0), "0 kB");
  EXPECT_EQ(Bytes(850e3), "850 kB");
  EXPECT_EQ(Bytes(999'600), "1.0 MB");
  EXPECT_EQ(Bytes(131'400'000), "131 MB");
  EXPECT_EQ(Bytes(1'250'000'000), "1.25 GB");
  EXPECT_EQ(Percent(28.44), "28.4 %");
  EXPECT_EQ(Count(1, "round", "rounds"), "1 round");
  EXPECT_EQ(Count(0, "round", "rounds"), "0 rounds");
}

TEST(Markup, DurationsNeverHaveSixtyMinutes) {
  EXPECT_EQ(Duration(40.4), "40 s");
  EXPECT_EQ(Duration(99.6), "1.7 min");
  EXPECT_EQ(Duration(720), "12 min");
  EXPECT_EQ(Duration(3 * 3600 + 5 * 60), "3 h 5 min");
  EXPECT_EQ(Duration(2 * 3600 - 1), "2 h");
  EXPECT_EQ(Duration(std::nan("")), "-");
}

}  // namespace
}  // namespace masr
