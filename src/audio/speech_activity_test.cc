#include "audio/speech_activity.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/rng.h"

namespace masr {
namespace {

constexpr double kHopMs = 10;

// `count` frames of noise about `level`.
void Hear(SpeechActivity& activity, double level, int count, Rng& rng) {
  for (int i = 0; i < count; ++i) {
    std::vector<float> frame(40);
    for (float& v : frame) v = static_cast<float>(level + 1.2 * rng.Normal());
    activity.Push(frame);
  }
}

TEST(SpeechActivity, SpeechAfterAPauseIsAnOnset) {
  Rng rng(1);
  SpeechActivity activity(kHopMs);
  Hear(activity, 5, 300, rng);
  EXPECT_FALSE(activity.active());
  Hear(activity, 9, 10, rng);
  EXPECT_TRUE(activity.active());
  EXPECT_LE(activity.frames_since_onset(), 10);
  EXPECT_GE(activity.frames_since_onset(), 9);
  Hear(activity, 5, 30, rng);
  EXPECT_FALSE(activity.active());
  // Too short a pause for another onset.
  Hear(activity, 9, 10, rng);
  EXPECT_TRUE(activity.active());
  EXPECT_GE(activity.frames_since_onset(), 49);
}

TEST(SpeechActivity, NothingHeardIsNoSpeech) {
  const SpeechActivity activity(kHopMs);
  EXPECT_FALSE(activity.loud());
  EXPECT_FALSE(activity.active());
  EXPECT_EQ(activity.quiet_frames(), 0);
}

TEST(SpeechActivity, CountsTheQuietFrames) {
  Rng rng(1);
  SpeechActivity activity(kHopMs);
  Hear(activity, 5, 100, rng);
  EXPECT_EQ(activity.quiet_frames(), 100);
  Hear(activity, 9, 1, rng);
  EXPECT_TRUE(activity.loud());
  Hear(activity, 5, 7, rng);
  EXPECT_FALSE(activity.loud());
  EXPECT_EQ(activity.quiet_frames(), 7);
}

TEST(SpeechActivity, NoiseThatBecomesLouderIsTakenForSpeechForAWhileOnly) {
  Rng rng(1);
  SpeechActivity activity(kHopMs);
  Hear(activity, 2, 300, rng);
  Hear(activity, 6, 100, rng);
  EXPECT_TRUE(activity.active());
  Hear(activity, 6, 1500, rng);
  EXPECT_FALSE(activity.active());
}

}  // namespace
}  // namespace masr
