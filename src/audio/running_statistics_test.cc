#include "audio/running_statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "audio/feature_stream.h"
#include "base/rng.h"

namespace masr {
namespace {

constexpr int64_t kMels = 3;

std::vector<float> RandomFrames(int64_t frames, double mean, double std, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> values(static_cast<size_t>(frames * kMels));
  for (float& v : values) v = static_cast<float>(mean + std * rng.Normal());
  return values;
}

void AddAll(const std::vector<float>& frames, RunningStatistics& statistics) {
  for (size_t i = 0; i < frames.size(); i += kMels)
    statistics.Add(frames.data() + i, /*speech=*/true);
}

TEST(RunningStatistics, AllFramesHeardGiveTheWholeUtterancesNormalisation) {
  const std::vector<float> frames = RandomFrames(200, 9, 3, 1);
  RunningStatistics statistics(kMels, {});
  AddAll(frames, statistics);
  std::vector<float> running = frames;
  statistics.Normalize(200, running.data());
  std::vector<float> whole = frames;
  NormalizeFeatures(Normalization::kPerUtterance, 200, kMels, whole.data());
  for (size_t i = 0; i < whole.size(); ++i) ASSERT_NEAR(running[i], whole[i], 1e-5) << i;
}

TEST(RunningStatistics, WhatIsOlderThanItsMemoryFades) {
  RunningStatistics statistics(kMels, {.memory_frames = 50});
  AddAll(RandomFrames(500, -5, 1, 1), statistics);
  const std::vector<float> frames = RandomFrames(500, 20, 2, 2);
  AddAll(frames, statistics);
  std::vector<float> values = frames;
  statistics.Normalize(500, values.data());
  double sum = 0;
  double squares = 0;
  for (const float v : values) {
    sum += v;
    squares += v * v;
  }
  const auto n = static_cast<double>(values.size());
  EXPECT_NEAR(sum / n, 0, 0.3);
  EXPECT_NEAR(squares / n, 1, 0.3);
}

TEST(RunningStatistics, QuietFramesStayBelowTheMeanUntilSpeechIsHeard) {
  const std::vector<float> quiet = RandomFrames(300, 2, 1, 1);
  RunningStatistics statistics(kMels, {.speech_frames = 300, .speech_lift = 6, .speech_std = 1});
  for (size_t i = 0; i < quiet.size(); i += kMels) {
    statistics.Add(quiet.data() + i, /*speech=*/false);
  }
  // Half is imagined 6 above: the mean is 3 above the quiet, the variance 1 + 3 * 3.
  std::vector<float> values = {2, 2, 2, 8, 8, 8};
  statistics.Normalize(2, values.data());
  for (int m = 0; m < kMels; ++m) {
    EXPECT_NEAR(values[m], -3 / std::sqrt(10), 0.1);
    EXPECT_NEAR(values[kMels + m], 3 / std::sqrt(10), 0.1);
  }
  // As much real speech as was imagined, and nothing is.
  const std::vector<float> speech = RandomFrames(300, 20, 1, 2);
  AddAll(speech, statistics);
  values = {11, 11, 11};
  statistics.Normalize(1, values.data());
  for (const float v : values) EXPECT_NEAR(v, 0, 0.05);
}

TEST(RunningStatistics, AConstantBinIsZeroAndResetForgets) {
  RunningStatistics statistics(kMels, {});
  const std::vector<float> frame = {1, -2, 3};
  for (int i = 0; i < 10; ++i) statistics.Add(frame.data(), /*speech=*/true);
  std::vector<float> values = frame;
  statistics.Normalize(1, values.data());
  EXPECT_EQ(values, std::vector<float>(3, 0.0f));
  statistics.Reset();
  const std::vector<float> other = {7, 7, 7};
  statistics.Add(other.data(), /*speech=*/true);
  values = other;
  statistics.Normalize(1, values.data());
  EXPECT_EQ(values, std::vector<float>(3, 0.0f));
}

}  // namespace
}  // namespace masr
