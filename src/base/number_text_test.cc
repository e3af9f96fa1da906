#include "base/number_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>

namespace masr {
namespace {

TEST(ParseDouble, ReadsWholeNumbersBothWays) {
  for (const auto& [text, value] : {std::pair{"0", 0.0},
                                    {"-1.5", -1.5},
                                    {".25", 0.25},
                                    {"1e3", 1000.0},
                                    {"2.5E-1", 0.25},
                                    {"123456789.125", 123456789.125},
                                    {"0.1", 0.1},
                                    {"-inf", -INFINITY}}) {
    EXPECT_EQ(ParseDouble(text), value) << text;
    EXPECT_EQ(ParseDoubleInC(text), value) << text;
  }
  EXPECT_TRUE(std::isnan(ParseDouble("nan").value_or(0)));
  EXPECT_TRUE(std::isnan(ParseDoubleInC("nan").value_or(0)));
}

TEST(ParseDouble, TakesNothingElseBothWays) {
  for (const char* text : {"", " 1", "1 ", "+1", "-", ".", "e5", "1,5", "0x10", "1e999", "--1",
                           "1.5s", "\t2", "-+3"}) {
    EXPECT_FALSE(ParseDoubleInC(text).has_value()) << text;
    EXPECT_FALSE(ParseDouble(text).has_value()) << text;
  }
}

TEST(ShortestText, ReadsBackToTheSameNumberBothWays) {
  for (const double value : {0.0, 1.0, 0.1, 1e-12, 0.95, 123456.789, 1.0 / 3, -2.5e30, 5e-324}) {
    for (const std::string& text : {ShortestText(value), ShortestTextInC(value, 17)}) {
      EXPECT_EQ(ParseDouble(text), value) << text;
      EXPECT_LE(text.size(), ShortestText(value).size() + 1) << text;
    }
  }
  EXPECT_EQ(ShortestText(0.1f), "0.1");
  EXPECT_EQ(ShortestTextInC(0.1f, 9), "0.1");
  EXPECT_EQ(ShortestTextInC(1e-12, 17), "1e-12");
}

TEST(ParseInteger, ReadsWhatFits) {
  EXPECT_EQ(ParseInteger<int8_t>("-128"), -128);
  EXPECT_FALSE(ParseInteger<int8_t>("128").has_value());
  EXPECT_FALSE(ParseInteger<uint64_t>("-1").has_value());
  EXPECT_EQ(ParseInteger<uint64_t>("18446744073709551615"), UINT64_MAX);
  EXPECT_FALSE(ParseInteger<int>("12a").has_value());
  EXPECT_FALSE(ParseInteger<int>("").has_value());
}

}  // namespace
}  // namespace masr
