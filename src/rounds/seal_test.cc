#include "rounds/seal.h"

#include <gtest/gtest.h>

#include "io/json.h"

namespace masr {
namespace {

nlohmann::json Parsed(const std::string& text) {
  auto json = ParseJson(text);
  EXPECT_TRUE(json.has_value()) << text;
  return json.has_value() ? *json : nlohmann::json();
}

TEST(SealTest, WhatIsSealedOpens) {
  const nlohmann::ordered_json object = {
      {"z", 0.1}, {"a", 1.0}, {"rate", static_cast<double>(3e-4f)}, {"list", {1, "é", nullptr}}};
  const auto text = WriteSealedJson(object);
  ASSERT_TRUE(text.has_value()) << text.error().message;
  nlohmann::json read = Parsed(*text);
  EXPECT_TRUE(read.contains("hash"));
  ASSERT_TRUE(OpenSeal(read).has_value());
  EXPECT_EQ(read, Parsed(object.dump()));
  // Written in another way, it says the same.
  nlohmann::json other = Parsed(Parsed(*text).dump(2));
  EXPECT_TRUE(OpenSeal(other).has_value());
}

TEST(SealTest, EveryTurnedBitIsNoticed) {
  const auto text = WriteSealedJson({{"round", 2}, {"finished", true}, {"why", "so be it"}});
  ASSERT_TRUE(text.has_value());
  const nlohmann::json whole = [&] {
    nlohmann::json json = Parsed(*text);
    EXPECT_TRUE(OpenSeal(json).has_value());
    return json;
  }();
  int noticed = 0;
  for (size_t bit = 0; bit < 8 * text->size(); ++bit) {
    std::string turned = *text;
    turned[bit / 8] = static_cast<char>(turned[bit / 8] ^ 1 << bit % 8);
    auto json = ParseJson(turned);
    // In the name "hash" itself: then there is one field too many, which readers of settings
    // refuse.
    if (json.has_value() && !json->contains("hash")) continue;
    if (json.has_value() && OpenSeal(*json).has_value()) {
      EXPECT_EQ(*json, whole) << turned;
    } else {
      ++noticed;
    }
  }
  EXPECT_GT(noticed, 300);
}

TEST(SealTest, WhatHasNoSealPasses) {
  nlohmann::json object = {{"round", 2}};
  EXPECT_TRUE(OpenSeal(object).has_value());
  nlohmann::json list = {1, 2};
  EXPECT_TRUE(OpenSeal(list).has_value());
  nlohmann::json odd = {{"round", 2}, {"hash", 7}};
  EXPECT_EQ(OpenSeal(odd).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(WriteSealedJson({{"text", "\xff"}}).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace masr
