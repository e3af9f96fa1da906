#include "audio/channel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace masr {
namespace {

std::vector<float> Sine(double hz, double rate_hz, size_t count) {
  std::vector<float> samples(count);
  for (size_t i = 0; i < count; ++i) {
    samples[i] =
        static_cast<float>(0.5 * std::sin(2 * M_PI * hz * static_cast<double>(i) / rate_hz));
  }
  return samples;
}

double Energy(std::span<const float> samples) {
  double sum = 0;
  for (const float x : samples) sum += static_cast<double>(x) * x;
  return sum;
}

// Gain of a tone once the filter has settled.
double GainDb(double hz, double low_hz, double high_hz) {
  std::vector<float> tone = Sine(hz, 16000, 32000);
  const double before = Energy(std::span(tone).last(16000));
  BandLimit(tone, 16000, low_hz, high_hz);
  return 10 * std::log10(Energy(std::span(tone).last(16000)) / before);
}

TEST(Clip, CutsAtADepthBelowThePeak) {
  std::vector<float> x = {0.1f, -0.8f, 0.5f, -0.3f};
  Clip(x, 20 * std::log10(2.0));
  EXPECT_NEAR(x[0], 0.1, 1e-6);
  EXPECT_NEAR(x[1], -0.4, 1e-6);
  EXPECT_NEAR(x[2], 0.4, 1e-6);
  EXPECT_NEAR(x[3], -0.3, 1e-6);
  const std::vector<float> before = x;
  for (const double none : {0.0, -3.0, std::nan("")}) {
    Clip(x, none);
    EXPECT_EQ(x, before);
  }
  Clip({}, 6);
}

// A Butterworth filter of order n loses 10 log10(1 + (f / corner)^2n) dB, with the bilinear
// transform's warped frequencies.
TEST(BandLimit, IsAFourthOrderButterworth) {
  const auto loss_db = [](double hz, double corner_hz) {
    const double warped = std::tan(M_PI * hz / 16000) / std::tan(M_PI * corner_hz / 16000);
    return 10 * std::log10(1 + std::pow(warped, 8));
  };
  for (const double hz : {500.0, 2000.0, 3400.0, 4500.0, 6000.0}) {
    EXPECT_NEAR(GainDb(hz, 0, 3400), -loss_db(hz, 3400), 0.05) << hz;
  }
  for (const double hz : {100.0, 200.0, 300.0, 600.0, 3000.0}) {
    const double warped = std::tan(M_PI * 300 / 16000) / std::tan(M_PI * hz / 16000);
    EXPECT_NEAR(GainDb(hz, 300, 0), -10 * std::log10(1 + std::pow(warped, 8)), 0.05) << hz;
  }
  EXPECT_NEAR(GainDb(1000, 300, 3400), 0, 0.1);
}

TEST(BandLimit, BordersOutsideTheBandChangeNothing) {
  std::vector<float> x = Sine(1000, 16000, 500);
  const std::vector<float> before = x;
  BandLimit(x, 16000, 0, 8000);
  EXPECT_EQ(x, before);
  BandLimit(x, 16000, 0, 0);
  EXPECT_EQ(x, before);
}

// The strongest frequency, by its crossings of zero.
double FrequencyHz(std::span<const float> tone, double rate_hz) {
  int crossings = 0;
  for (size_t i = 1; i < tone.size(); ++i) crossings += (tone[i - 1] < 0) != (tone[i] < 0);
  return crossings * rate_hz / (2 * static_cast<double>(tone.size()));
}

TEST(ShiftPitch, MovesThePitchAndKeepsTheDuration) {
  for (const double rate_hz : {8000.0, 16000.0}) {
    const std::vector<float> tone = Sine(220, rate_hz, static_cast<size_t>(2 * rate_hz));
    for (const double semitones : {-4.0, -1.0, 2.0, 4.0}) {
      const auto shifted = ShiftPitch(tone, rate_hz, semitones);
      ASSERT_TRUE(shifted) << shifted.error().message;
      ASSERT_EQ(shifted->size(), tone.size());
      // Not at the ends, where pieces are missing.
      const auto middle = std::span(*shifted).subspan(tone.size() / 4, tone.size() / 2);
      const double expected_hz = 220 * std::pow(2, semitones / 12);
      EXPECT_NEAR(FrequencyHz(middle, rate_hz) / expected_hz, 1, 0.02) << semitones;
      EXPECT_GT(Energy(*shifted), 0.7 * Energy(tone));
    }
  }
}

TEST(ShiftPitch, WordsStayWhereTheyAre) {
  // A burst between two silences.
  std::vector<float> burst(16000);
  const std::vector<float> tone = Sine(300, 16000, 6000);
  std::copy(tone.begin(), tone.end(), burst.begin() + 5000);
  const auto shifted = ShiftPitch(burst, 16000, 3);
  ASSERT_TRUE(shifted);
  const std::span<const float> s = *shifted;
  EXPECT_GT(Energy(s.subspan(4500, 7000)), 0.95 * Energy(s));
}

TEST(ShiftPitch, SameInputSameOutput) {
  const std::vector<float> tone = Sine(220, 16000, 16000);
  EXPECT_EQ(*ShiftPitch(tone, 16000, 1.5), *ShiftPitch(tone, 16000, 1.5));
  EXPECT_EQ(*ShiftPitch(tone, 16000, 0), tone);
  EXPECT_TRUE(ShiftPitch({}, 16000, 2)->empty());
  EXPECT_EQ(ShiftPitch(std::vector<float>(5), 16000, 2)->size(), 5u);
}

TEST(ShiftPitch, RefusesWhatItCannotDo) {
  const std::vector<float> tone(100);
  for (const double semitones : {-13.0, 40.0, std::nan("")}) {
    const auto result = ShiftPitch(tone, 16000, semitones);
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message.find("give -12 to 12"), std::string::npos);
  }
  EXPECT_FALSE(ShiftPitch(tone, 100, 1));
}

}  // namespace
}  // namespace masr
