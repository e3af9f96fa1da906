#include "io/config_reader.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace masr {
namespace {

using nlohmann::json;

json Parsed(const std::string& text) {
  auto value = ParseConfig(text, "test");
  EXPECT_TRUE(value.has_value()) << value.error().message;
  return value.value_or(json());
}

// The message of Finish(), which must fail.
std::string ErrorOf(ConfigReader& reader) {
  const Status status = reader.Finish();
  EXPECT_FALSE(status.has_value());
  if (status.has_value()) return "";
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  return status.error().message;
}

TEST(ConfigReader, ReadsValuesOfEveryKind) {
  const json object = Parsed(R"({"int": -3, "number": 2.5, "whole": 7, "bool": true, "text": "x",
                                 "choice": "blue", "list": ["a", ""], "numbers": [1, -0.5], "child": {"x": [1]}})");
  ConfigReader reader(object, "test");
  EXPECT_EQ(reader.where(), "test");
  EXPECT_EQ(reader.Int("int", {}, -5, 5), -3);
  EXPECT_EQ(reader.Number("number", {}, 0, 10), 2.5);
  EXPECT_EQ(reader.Number("whole", {}, 0, 10), 7.0);
  EXPECT_TRUE(reader.Bool("bool", false));
  EXPECT_EQ(reader.Text("text", {}), "x");
  EXPECT_EQ(reader.Choice("choice", {}, {"red", "blue"}), 1u);
  EXPECT_EQ(reader.TextList("list"), (std::vector<std::string>{"a", ""}));
  EXPECT_EQ(reader.NumberList("numbers"), (std::vector<double>{1, -0.5}));
  EXPECT_TRUE(reader.NumberList("none").empty());
  ASSERT_NE(reader.Child("child"), nullptr);
  EXPECT_EQ((*reader.Child("child"))["x"][0], 1);
  EXPECT_TRUE(reader.Finish().has_value());
}

TEST(ConfigReader, OthersMayBeIgnoredButNotMistakes) {
  const json object = Parsed(R"({"known": 3, "other": {"x": 1}})");
  ConfigReader reader(object, "test");
  EXPECT_EQ(reader.Int("known", {}, 0, 9), 3);
  EXPECT_TRUE(reader.FinishIgnoringOthers().has_value());
  EXPECT_FALSE(reader.Finish().has_value());
  ConfigReader strict(object, "test");
  strict.Int("known", {}, 5, 9);
  EXPECT_FALSE(strict.FinishIgnoringOthers().has_value());
}

TEST(ConfigReader, GivesDefaultsForWhatIsAbsent) {
  const json object = json::object();
  ConfigReader reader(object, "test");
  EXPECT_EQ(reader.Int("a", 4, 0, 9), 4);
  EXPECT_EQ(reader.Number("b", 0.5, 0, 1), 0.5);
  EXPECT_TRUE(reader.Bool("c", true));
  EXPECT_EQ(reader.Text("d", "x"), "x");
  EXPECT_EQ(reader.Choice("e", "blue", {"red", "blue"}), 1u);
  EXPECT_EQ(reader.Child("f"), nullptr);
  EXPECT_TRUE(reader.Finish().has_value());
}

TEST(ConfigReader, ADefaultNeedNotLieWithinTheBounds) {
  const json object = json::object();
  ConfigReader reader(object, "test");
  EXPECT_EQ(reader.Int("a", -1, 1, 9), -1);
  EXPECT_TRUE(reader.Finish().has_value());
}

TEST(ConfigReader, WhatIsRequiredMustBeThere) {
  const json object = json::object();
  const auto refusal = [&](const auto& read) {
    ConfigReader reader(object, "layer 3");
    read(reader);
    return ErrorOf(reader);
  };
  const std::string expected = "layer 3: 'dim' is missing";
  EXPECT_EQ(refusal([](auto& r) { EXPECT_EQ(r.Int("dim", {}, 1, 9), 1); }), expected);
  EXPECT_EQ(refusal([](auto& r) { EXPECT_EQ(r.Number("dim", {}, 2, 9), 2.0); }), expected);
  EXPECT_EQ(refusal([](auto& r) { EXPECT_EQ(r.Text("dim", {}), ""); }), expected);
  EXPECT_EQ(refusal([](auto& r) { EXPECT_EQ(r.Choice("dim", {}, {"x"}), 0u); }), expected);
  EXPECT_EQ(refusal([](auto& r) { EXPECT_TRUE(r.TextList("dim").empty()); }), expected);
}

TEST(ConfigReader, WholeNumbersAreBounded) {
  for (const char* value : {"0", "10", "-1", "1.5", "1.0", "9223372036854775808",
                            "18446744073709551615", "1e3", "\"5\"", "true", "null", "[5]", "{}"}) {
    const json object = Parsed(std::string(R"({"n": )") + value + "}");
    ConfigReader reader(object, "test");
    EXPECT_EQ(reader.Int("n", 5, 1, 9), 1) << value;
    EXPECT_EQ(ErrorOf(reader), "test: 'n' must be a whole number from 1 to 9") << value;
  }
  for (const char* value : {"1", "9"}) {
    const json object = Parsed(std::string(R"({"n": )") + value + "}");
    ConfigReader reader(object, "test");
    EXPECT_EQ(reader.Int("n", {}, 1, 9), value[0] - '0');
    EXPECT_TRUE(reader.Finish().has_value());
  }
}

// 2^64 - 1 must not come out as -1.
TEST(ConfigReader, WholeNumbersDoNotWrapAround) {
  const json object = Parsed(R"({"n": 18446744073709551615})");
  ConfigReader reader(object, "test");
  EXPECT_EQ(reader.Int("n", {}, -9, 9), -9);
  EXPECT_FALSE(reader.Finish().has_value());
}

TEST(ConfigReader, NumbersAreBounded) {
  for (const char* value : {"0", "1.01", "-1e300", "1e300", "\"0.5\"", "false", "null", "[]"}) {
    const json object = Parsed(std::string(R"({"x": )") + value + "}");
    ConfigReader reader(object, "test");
    EXPECT_EQ(reader.Number("x", 0.5, 1e-12, 1), 1e-12) << value;
    EXPECT_EQ(ErrorOf(reader), "test: 'x' must be a number from 1e-12 to 1") << value;
  }
  const json nan = {{"x", std::nan("")}};
  ConfigReader reader(nan, "test");
  reader.Number("x", {}, -1, 1);
  EXPECT_FALSE(reader.Finish().has_value());
}

TEST(ConfigReader, TypesAreChecked) {
  const json object =
      Parsed(R"({"bool": 1, "text": 2, "choice": 3, "list": "a", "items": ["a", 1]})");
  const auto refusal = [&](const auto& read) {
    ConfigReader reader(object, "test");
    read(reader);
    return ErrorOf(reader);
  };
  EXPECT_EQ(refusal([](auto& r) { EXPECT_TRUE(r.Bool("bool", true)); }),
            "test: 'bool' must be true or false");
  EXPECT_EQ(refusal([](auto& r) { r.Text("text", "x"); }), "test: 'text' must be a string");
  EXPECT_EQ(refusal([](auto& r) { EXPECT_EQ(r.Choice("choice", "x", {"x"}), 0u); }),
            "test: 'choice' must be a string");
  EXPECT_EQ(refusal([](auto& r) { EXPECT_TRUE(r.TextList("list").empty()); }),
            "test: 'list' must be a list of strings");
  EXPECT_EQ(refusal([](auto& r) { EXPECT_TRUE(r.TextList("items").empty()); }),
            "test: 'items' must be a list of strings");
}

TEST(ConfigReader, AChoiceNamesTheOthers) {
  const json object = {{"color", "green"}};
  ConfigReader reader(object, "test");
  EXPECT_EQ(reader.Choice("color", {}, {"red", "blue"}), 0u);
  EXPECT_EQ(ErrorOf(reader), "test: 'color' is 'green' but must be one of: red, blue");
}

TEST(ConfigReader, AMisspeltOptionIsRefused) {
  const json object = {{"dim", 3}, {"baïs", true}};
  ConfigReader reader(object, "test");
  reader.Int("dim", {}, 1, 9);
  reader.Bool("bias", true);
  EXPECT_EQ(ErrorOf(reader), "test: unknown option 'baïs'; known: bias, dim");
}

TEST(ConfigReader, TheFirstErrorStays) {
  const json object = {{"a", "x"}, {"b", "x"}};
  ConfigReader reader(object, "test");
  reader.Refuse("the caller's own");
  reader.Int("a", {}, 1, 9);
  EXPECT_EQ(ErrorOf(reader), "test: the caller's own");
}

TEST(ConfigReader, WhatIsNotAnObjectIsRefusedWhateverIsAsked) {
  for (const json& value : {json(), json(3), json("text"), json::array({1, 2})}) {
    ConfigReader reader(value, "test");
    EXPECT_EQ(reader.Int("a", {}, 1, 9), 1);
    EXPECT_EQ(reader.Child("b"), nullptr);
    EXPECT_EQ(ErrorOf(reader), "test: must be a JSON object");
  }
}

TEST(ParseConfig, NamesItsSource) {
  const auto value = ParseConfig("{\"a\": }", "my.json");
  ASSERT_FALSE(value.has_value());
  EXPECT_EQ(value.error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(value.error().message.starts_with("my.json: not JSON at byte"))
      << value.error().message;
}

}  // namespace
}  // namespace masr
