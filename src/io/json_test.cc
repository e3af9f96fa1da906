#include "io/json.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace masr {
namespace {

TEST(Json, ParsesValuesOfEveryKind) {
  auto value = ParseJson(R"( {"a": [1, -2, 2.5], "b": null, "c": {"a": "x\u00e9"}, "d": true} )");
  ASSERT_TRUE(value.has_value()) << value.error().message;
  EXPECT_EQ((*value)["a"][1], -2);
  EXPECT_EQ((*value)["c"]["a"], "x\xc3\xa9");
}

TEST(Json, RefusesWhatIsNotJsonAndSaysWhere) {
  for (std::string_view bad : {"", "{", "[1,]", "{'a': 1}", "{\"a\" 1}", "nan", "[1] 2", "\"\xff\"",
                               "1e999", "]", "}{", "\"a", "\"\\", "{\"a\": 1, \"b\"}"}) {
    auto value = ParseJson(bad);
    ASSERT_FALSE(value.has_value()) << bad;
    EXPECT_EQ(value.error().code, ErrorCode::kCorrupt);
  }
  EXPECT_EQ(ParseJson("[1, x]").error().message, "not JSON at byte 5");
}

TEST(Json, AZeroByteIsNotTheEnd) {
  EXPECT_FALSE(ParseJson(std::string_view("{}\0{}", 5)).has_value());
  EXPECT_FALSE(ParseJson(std::string_view("{}\0", 3)).has_value());
}

TEST(Json, BoundsTheDepthButNotBracketsInStrings) {
  EXPECT_TRUE(ParseJson("[[[1]]]", 3).has_value());
  EXPECT_FALSE(ParseJson("[[[[1]]]]", 3).has_value());
  EXPECT_TRUE(ParseJson(R"(["[[[[{{{{", "\"[[[["])", 1).has_value());
  EXPECT_TRUE(ParseJson("[[1], [1], [1], [1]]", 2).has_value());
  EXPECT_FALSE(ParseJson(std::string(1'000'000, '[')).has_value());
}

TEST(Json, RefusesANameThatIsThereTwiceInOneObject) {
  auto value = ParseJson(R"({"a": {"b": 1, "c": 2, "b": 3}})");
  ASSERT_FALSE(value.has_value());
  EXPECT_EQ(value.error().message, "the name \"b\" is there twice");
  EXPECT_TRUE(ParseJson(R"({"a": {"a": 1}, "b": {"a": [{"a": 1}, {"a": 2}]}})").has_value());
  EXPECT_FALSE(ParseJson(R"({"a": 1, "\u0061": 2})").has_value());
}

TEST(Json, WritesOneLineAndRefusesBadUtf8) {
  EXPECT_EQ(*WriteJson({{"b", 1}, {"a", "\n"}}), R"({"b":1,"a":"\n"})");
  auto bad = WriteJson({{"a", "\xff"}});
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace masr
