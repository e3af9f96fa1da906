#include "audio/waveform.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace masr {
namespace {

TEST(Waveform, HasMeanZeroAndVarianceOne) {
  std::vector<float> samples;
  for (int i = 0; i < 16000; ++i) {
    samples.push_back(0.25f + 0.1f * std::sin(0.03f * static_cast<float>(i)));
  }
  NormalizeWaveform(samples);
  double sum = 0;
  double squares = 0;
  for (const float x : samples) {
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / 16000, 0, 1e-6);
  EXPECT_NEAR(squares / 16000, 1, 1e-4);
}

// By hand: mean 2, variance 1; and a wave so quiet that the constant is as large as its variance.
TEST(Waveform, FollowsTheFormula) {
  std::vector<float> two = {1, 3};
  NormalizeWaveform(two);
  EXPECT_NEAR(two[0], -1 / std::sqrt(1 + 1e-7), 1e-7);
  EXPECT_NEAR(two[1], 1 / std::sqrt(1 + 1e-7), 1e-7);
  const auto level = static_cast<float>(std::sqrt(1e-7));
  std::vector<float> quiet = {-level, level};
  NormalizeWaveform(quiet);
  EXPECT_NEAR(quiet[1], std::sqrt(0.5), 1e-5);
  std::vector<float> silence(10, 0.5f);
  NormalizeWaveform(silence);
  EXPECT_EQ(silence, std::vector<float>(10, 0.0f));
  NormalizeWaveform({});
}

}  // namespace
}  // namespace masr
