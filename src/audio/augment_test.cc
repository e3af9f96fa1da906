#include "audio/augment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace masr {
namespace {

std::vector<float> Sine(double hz, double rate_hz, int64_t count) {
  std::vector<float> samples(count);
  for (int64_t i = 0; i < count; ++i) {
    samples[i] = static_cast<float>(0.5 * std::sin(2 * std::numbers::pi * hz * i / rate_hz));
  }
  return samples;
}

std::vector<float> Noise(size_t count, uint64_t seed, double level = 0.3) {
  Rng rng(seed);
  std::vector<float> samples(count);
  for (float& x : samples) x = static_cast<float>(rng.Uniform(-level, level));
  return samples;
}

double Energy(std::span<const float> samples) {
  double sum = 0;
  for (const float x : samples) sum += static_cast<double>(x) * x;
  return sum;
}

// Energy of one frequency, by a plain Fourier sum.
double EnergyAt(std::span<const float> samples, double hz, double rate_hz) {
  double re = 0, im = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    const double phase = 2 * std::numbers::pi * hz * static_cast<double>(i) / rate_hz;
    re += samples[i] * std::cos(phase);
    im += samples[i] * std::sin(phase);
  }
  return re * re + im * im;
}

struct Mask {
  int64_t widest_run_of_mels = 0;
  int64_t mels = 0;    // wholly masked
  int64_t frames = 0;  // wholly masked
};

Mask Measure(std::span<const float> features, int64_t frames, int64_t mels) {
  Mask mask;
  for (int64_t t = 0; t < frames; ++t) {
    const float* row = features.data() + t * mels;
    mask.frames += std::all_of(row, row + mels, [](float x) { return x == 0; });
  }
  int64_t run = 0;
  for (int64_t m = 0; m < mels; ++m) {
    bool whole = true;
    for (int64_t t = 0; t < frames; ++t) whole = whole && features[t * mels + m] == 0;
    mask.mels += whole;
    run = whole ? run + 1 : 0;
    mask.widest_run_of_mels = std::max(mask.widest_run_of_mels, run);
  }
  return mask;
}

TEST(SpecAugment, MasksAreRectanglesOfAllWidthsUpToTheLimit) {
  constexpr int64_t kFrames = 200, kMels = 80;
  Rng rng(1);
  int64_t widest = 0, narrowest = kMels, longest = 0;
  for (int round = 0; round < 500; ++round) {
    std::vector<float> x(kFrames * kMels, 1.0f);
    SpecAugment({.frequency_masks = 1, .time_masks = 1}, kFrames, kMels, x.data(), rng);
    const Mask mask = Measure(x, kFrames, kMels);
    EXPECT_EQ(mask.mels, mask.widest_run_of_mels);  // one piece
    // Nothing but the two rectangles is masked.
    const int64_t zeros = std::count(x.begin(), x.end(), 0.0f);
    EXPECT_EQ(zeros, mask.mels * kFrames + mask.frames * kMels - mask.mels * mask.frames);
    widest = std::max(widest, mask.mels);
    narrowest = std::min(narrowest, mask.mels);
    longest = std::max(longest, mask.frames);
  }
  EXPECT_EQ(widest, 27);
  EXPECT_EQ(narrowest, 0);
  EXPECT_EQ(longest, 10);  // 5 % of 200
}

TEST(SpecAugment, TimeMasksAreCappedInLongUtterances) {
  constexpr int64_t kFrames = 3000, kMels = 4;
  Rng rng(2);
  int64_t longest = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<float> x(kFrames * kMels, 1.0f);
    SpecAugment({.frequency_masks = 0, .time_masks = 1, .time_width = 20}, kFrames, kMels, x.data(),
                rng);
    longest = std::max(longest, Measure(x, kFrames, kMels).frames);
  }
  EXPECT_EQ(longest, 20);
}

TEST(SpecAugment, SmallInputsAndNoMasks) {
  Rng rng(3);
  SpecAugment({}, 0, 80, nullptr, rng);
  std::vector<float> few(1 * 3, 1.0f);
  for (int round = 0; round < 50; ++round) SpecAugment({}, 1, 3, few.data(), rng);
  std::vector<float> x(50, 1.0f);
  SpecAugment({.frequency_masks = 0, .time_masks = 0}, 10, 5, x.data(), rng);
  EXPECT_EQ(std::count(x.begin(), x.end(), 1.0f), 50);
}

TEST(SpecAugment, SameSeedSameMasks) {
  std::vector<float> a(100 * 80, 1.0f), b = a;
  Rng first(9), second(9);
  SpecAugment({}, 100, 80, a.data(), first);
  SpecAugment({}, 100, 80, b.data(), second);
  EXPECT_EQ(a, b);
}

TEST(PerturbSpeed, ChangesLengthAndPitch) {
  const std::vector<float> sine = Sine(1000, 16000, 16000);
  const auto fast = PerturbSpeed(sine, 16000, 1.1);
  ASSERT_TRUE(fast) << fast.error().message;
  EXPECT_NEAR(static_cast<double>(fast->size()), 16000 / 1.1, 2);
  EXPECT_GT(EnergyAt(*fast, 1100, 16000), 1000 * EnergyAt(*fast, 1000, 16000));
  const auto slow = PerturbSpeed(sine, 16000, 0.9);
  ASSERT_TRUE(slow);
  EXPECT_NEAR(static_cast<double>(slow->size()), 16000 / 0.9, 2);
  EXPECT_GT(EnergyAt(*slow, 900, 16000), 1000 * EnergyAt(*slow, 1000, 16000));
  EXPECT_EQ(*PerturbSpeed(sine, 16000, 1.0), sine);
}

TEST(PerturbSpeed, RefusesFactorsThatAreNone) {
  const std::vector<float> samples(100);
  for (const double speed : {0.0, -1.0, 0.05, 11.0, std::nan("")}) {
    const auto result = PerturbSpeed(samples, 16000, speed);
    ASSERT_FALSE(result) << speed;
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(result.error().message.find("between 0.1 and 10"), std::string::npos);
  }
}

TEST(AddNoise, HasTheRatioAskedFor) {
  const std::vector<float> speech = Sine(300, 16000, 8000);
  // Shorter and longer than the speech, from inside, from beyond the end; softer halfway.
  std::vector<float> uneven = Noise(20000, 4);
  for (size_t i = 10000; i < uneven.size(); ++i) uneven[i] *= 0.01f;
  for (const auto& noise : {Noise(1, 4), Noise(777, 4), uneven}) {
    for (const size_t start : {0u, 500u, 9000u, 1000000u}) {
      for (const double snr_db : {-5.0, 0.0, 12.5, 30.0}) {
        std::vector<float> mixed = speech;
        AddNoise(mixed, noise, start, snr_db);
        std::vector<float> added(mixed.size());
        for (size_t i = 0; i < mixed.size(); ++i) added[i] = mixed[i] - speech[i];
        EXPECT_NEAR(10 * std::log10(Energy(speech) / Energy(added)), snr_db, 0.01)
            << noise.size() << " from " << start;
      }
    }
  }
}

TEST(AddNoise, BeginsWhereToldAndRepeats) {
  const std::vector<float> noise{1, 2, 3};
  std::vector<float> x{1e-3f, 1e-3f, 1e-3f, 1e-3f};
  AddNoise(x, noise, 2, -60);
  EXPECT_NEAR(x[1] / x[0], 1.0 / 3, 1e-2);
  EXPECT_NEAR(x[2] / x[0], 2.0 / 3, 1e-2);
  EXPECT_NEAR(x[3] / x[0], 1.0, 1e-6);
}

TEST(AddNoise, SilenceLeavesTheSamples) {
  const std::vector<float> speech = Sine(300, 16000, 100);
  std::vector<float> x = speech;
  AddNoise(x, std::vector<float>(50), 0, 10);
  AddNoise(x, {}, 3, 10);
  EXPECT_EQ(x, speech);
  std::vector<float> silence(100);
  AddNoise(silence, Noise(50, 1), 0, 10);
  EXPECT_EQ(silence, std::vector<float>(100));
  AddNoise({}, Noise(50, 1), 0, 10);
}

TEST(TelephoneBand, RemovesWhatIsAboveFourKilohertz) {
  std::vector<float> x = Sine(1000, 16000, 16000);
  const std::vector<float> high = Sine(5500, 16000, 16000);
  for (size_t i = 0; i < x.size(); ++i) x[i] = 0.5f * (x[i] + high[i]);
  const auto out = TelephoneBand(x, 16000);
  ASSERT_TRUE(out) << out.error().message;
  ASSERT_EQ(out->size(), x.size());
  EXPECT_NEAR(EnergyAt(*out, 1000, 16000) / EnergyAt(x, 1000, 16000), 1, 0.01);
  EXPECT_LT(EnergyAt(*out, 5500, 16000) / EnergyAt(x, 5500, 16000), 1e-6);
}

TEST(TelephoneBand, KeepsLengthsAndWhatIsNarrowAlready) {
  for (const int64_t count : {0, 1, 2, 3, 1001}) {
    const auto out = TelephoneBand(Sine(440, 22050, count), 22050);
    ASSERT_TRUE(out);
    EXPECT_EQ(static_cast<int64_t>(out->size()), count);
  }
  const std::vector<float> narrow = Noise(500, 8);
  EXPECT_EQ(*TelephoneBand(narrow, 8000), narrow);
  EXPECT_FALSE(TelephoneBand(narrow, 0));
}

}  // namespace
}  // namespace masr
