#include "plan/device_profile.h"

#include <gtest/gtest.h>

namespace masr {
namespace {

DeviceProfile Example() {
  return {.name = "phone",
          .threads = 2,
          .encoder = R"([{"layer":"linear"}])",
          .blocks = {{.frozen_forward = {0.125, 0.25},
                      .forward = {1, 2},
                      .backward = {3, 4},
                      .vector_backward = {5, 6}}},
          .features_s = 0.5,
          .augmented_features_s = 0.75,
          .update_s = 1e-9,
          .training_power_w = 2.5,
          .battery_wh = 15};
}

std::string Text(const DeviceProfile& profile) {
  const auto text = WriteDeviceProfile(profile);
  EXPECT_TRUE(text.has_value());
  return text.value_or("");
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(DeviceProfile, IsReadAsItWasWritten) {
  const auto read = ReadDeviceProfile(Text(Example()), "p.json");
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(*read, Example());
}

TEST(DeviceProfile, WhatIsNotKnownIsThatOfAPhone) {
  DeviceProfile unknown = Example();
  unknown.training_power_w.reset();
  unknown.battery_wh.reset();
  const auto read = ReadDeviceProfile(Text(unknown), "p.json");
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_FALSE(read->training_power_w.has_value());
  EXPECT_DOUBLE_EQ(TrainingPowerW(*read), kPhonePowerW);
  EXPECT_DOUBLE_EQ(BatteryWh(*read), kPhoneBatteryWh);
  EXPECT_DOUBLE_EQ(TrainingPowerW(Example()), 2.5);
  EXPECT_DOUBLE_EQ(BatteryWh(Example()), 15);
}

TEST(DeviceProfile, ASlowerDeviceTakesLongerForEverything) {
  const DeviceProfile here = Example();
  DeviceProfile slow = here;
  SlowDown(slow, 4);
  ASSERT_EQ(slow.blocks.size(), here.blocks.size());
  for (size_t b = 0; b < here.blocks.size(); ++b) {
    for (const auto cost : {&BlockCost::frozen_forward, &BlockCost::forward, &BlockCost::backward,
                            &BlockCost::vector_backward}) {
      EXPECT_EQ((slow.blocks[b].*cost).Of(2, 3), 4 * (here.blocks[b].*cost).Of(2, 3));
    }
  }
  EXPECT_EQ(slow.features_s, 4 * here.features_s);
  EXPECT_EQ(slow.augmented_features_s, 4 * here.augmented_features_s);
  EXPECT_EQ(slow.update_s, 4 * here.update_s);
  EXPECT_EQ(slow.training_power_w, here.training_power_w);
}

TEST(DeviceProfile, RefusesWhatCannotBeAndNamesTheField) {
  const std::string good = Text(Example());
  const auto refused = [](const std::string& text, const std::string& expected) {
    const auto read = ReadDeviceProfile(text, "p.json");
    ASSERT_FALSE(read.has_value()) << text;
    EXPECT_NE(read.error().message.find("p.json"), std::string::npos) << read.error().message;
    EXPECT_NE(read.error().message.find(expected), std::string::npos) << read.error().message;
  };
  refused("{", "JSON");
  refused("[]", "object");
  refused(Replaced(good, "\"threads\":2", "\"threads\":0"), "'threads'");
  refused(Replaced(good, "\"threads\":2,", ""), "'threads' is missing");
  refused(Replaced(good, "\"features_s\":0.5", "\"features_s\":-1"), "'features_s'");
  refused(Replaced(good, "\"battery_wh\":15.0", "\"battery_wh\":\"full\""), "'battery_wh'");
  refused(Replaced(good, "[3.0,4.0]", "[3.0]"), "blocks[0]: 'backward'");
  refused(Replaced(good, "[3.0,4.0]", "[3.0,-4.0]"), "blocks[0]: 'backward'");
  refused(Replaced(good, "\"vector_backward\":[5.0,6.0]", "\"x\":1"), "'vector_backward'");
  refused(Replaced(good, "\"name\"", "\"nome\""), "'nome'");
  refused(R"({"threads":1,"encoder":"","features_s":0,"augmented_features_s":0,"update_s":0})",
          "'blocks'");
}

TEST(DeviceProfile, IsOfOneEncoderAndOneNumberOfThreads) {
  EXPECT_TRUE(CheckProfile(Example(), Example().encoder, 2).has_value());
  const auto encoder = CheckProfile(Example(), "[]", 2);
  ASSERT_FALSE(encoder.has_value());
  EXPECT_NE(encoder.error().message.find("another encoder"), std::string::npos);
  const auto threads = CheckProfile(Example(), Example().encoder, 4);
  ASSERT_FALSE(threads.has_value());
  EXPECT_NE(threads.error().message.find("--threads 2"), std::string::npos);
}

}  // namespace
}  // namespace masr
