#include "plan/measure_device.h"

#include <gtest/gtest.h>

#include <memory>

#include "plan/testing/plan_fixtures.h"

namespace masr {
namespace {

using testing::Tiny;

// A clock that is a second later whenever it is asked: each pass takes a second, whatever it does.
ClockS EverySecond() {
  return [now = std::make_shared<double>(0)] { return ++*now; };
}

TEST(MeasureDevice, TimesEveryBlockWithTheClockItIsGiven) {
  const Model model = Tiny();
  const ThreadPool threads(1);
  const auto profile = MeasureDevice(model, threads, EverySecond(), {.name = "clock"});
  ASSERT_TRUE(profile.has_value()) << profile.error().message;
  EXPECT_EQ(profile->name, "clock");
  EXPECT_EQ(profile->threads, 1);
  EXPECT_EQ(profile->encoder, model.config.encoder_json);
  ASSERT_EQ(profile->blocks.size(), model.encoder.blocks().size());
  for (const BlockCost& block : profile->blocks) {
    for (const PassCost& cost :
         {block.frozen_forward, block.forward, block.backward, block.vector_backward}) {
      // An utterance or four: it does not grow with the speech.
      EXPECT_DOUBLE_EQ(cost.pass_s, 1);
      EXPECT_DOUBLE_EQ(cost.speech_s, 0);
    }
  }
  EXPECT_DOUBLE_EQ(profile->features_s, 1.0 / (4 * 3));
  EXPECT_GT(profile->update_s, 0);
}

// What is measured is read again: nothing in it is out of bounds or not a number.
TEST(MeasureDevice, GivesAProfileThatItsReaderTakes) {
  const Model model = Tiny();
  const ThreadPool threads(2);
  double now = 0;
  double step = 1e-3;
  const ClockS uneven = [&] {
    step = step > 4e-3 ? 1e-3 : step * 1.7;
    return now += step;
  };
  const auto profile = MeasureDevice(model, threads, uneven, {});
  ASSERT_TRUE(profile.has_value()) << profile.error().message;
  const auto text = WriteDeviceProfile(*profile);
  ASSERT_TRUE(text.has_value());
  const auto read = ReadDeviceProfile(*text, "measured");
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(*read, *profile);
}

TEST(MeasureDevice, LeavesTheModelAsItIs) {
  const Model model = Tiny();
  const auto before = testing::AllWeights(model);
  const ThreadPool threads(1);
  ASSERT_TRUE(MeasureDevice(model, threads, EverySecond(), {}).has_value());
  EXPECT_EQ(testing::AllWeights(model), before);
}

TEST(MeasureDevice, RefusesUtterancesThatTheEncoderDoesNotTake) {
  const Model model = Tiny();
  const ThreadPool threads(1);
  const auto profile = MeasureDevice(model, threads, EverySecond(), {.utterance_s = 0.001});
  ASSERT_FALSE(profile.has_value());
  EXPECT_NE(profile.error().message.find("too few"), std::string::npos);
}

}  // namespace
}  // namespace masr
