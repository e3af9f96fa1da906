#include "audio/feature_stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/rng.h"

namespace masr {
namespace {

std::vector<float> Noise(size_t count, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> samples(count);
  for (float& x : samples) x = static_cast<float>(rng.Uniform(-0.5, 0.5));
  return samples;
}

std::vector<float> StreamInPieces(FeatureStream& stream, std::span<const float> samples,
                                  int64_t mels, auto next_size) {
  std::vector<float> frames;
  int64_t count = 0;
  while (!samples.empty()) {
    const size_t n = std::min(samples.size(), next_size());
    count += stream.Push(samples.first(n), frames);
    EXPECT_EQ(static_cast<int64_t>(frames.size()), count * mels);
    samples = samples.subspan(n);
  }
  count += stream.Finish(frames);
  EXPECT_EQ(static_cast<int64_t>(frames.size()), count * mels);
  return frames;
}

TEST(FeatureStream, PiecesOfAnySizeEqualTheWhole) {
  const LogMelOptions all_options[] = {
      {},
      {.sample_rate_hz = 8000, .mels = 40},
      {.sample_rate_hz = 22050, .mels = 23},
      {.hop_ms = 25},
      {.dither = 1},
      {.remove_dc = false, .style = LogMelStyle::kNemo, .fft_samples = 512},
      {.window_ms = 20, .style = LogMelStyle::kNemo},
      {.sample_rate_hz = 22050, .mels = 23, .hop_ms = 20, .style = LogMelStyle::kNemo},
  };
  for (const LogMelOptions& options : all_options) {
    SCOPED_TRACE(&options - all_options);
    const auto log_mel = LogMel::Create(options);
    ASSERT_TRUE(log_mel);
    const std::vector<float> samples = Noise(6001, 1);
    const std::vector<float> whole = log_mel->ComputeAll(samples);
    FeatureStream stream(*log_mel);
    for (const size_t size : {1u, 7u, 159u, 160u, 161u, 399u, 400u, 401u, 6001u}) {
      SCOPED_TRACE(size);
      stream.Reset();
      EXPECT_EQ(StreamInPieces(stream, samples, options.mels, [&] { return size; }), whole);
    }
    Rng rng(2);
    stream.Reset();
    EXPECT_EQ(StreamInPieces(stream, samples, options.mels, [&] { return rng.Below(900) + 1; }),
              whole);
  }
}

TEST(FeatureStream, AppendsAndSaysHowMany) {
  const auto log_mel = LogMel::Create({});
  ASSERT_TRUE(log_mel);
  FeatureStream stream(*log_mel);
  std::vector<float> frames{42.0f};
  EXPECT_EQ(stream.Push({}, frames), 0);
  EXPECT_EQ(stream.Push(Noise(399, 1), frames), 0);
  EXPECT_EQ(frames, std::vector<float>{42.0f});
  EXPECT_EQ(stream.Push(Noise(161, 2), frames), 2);
  EXPECT_EQ(frames.size(), 161u);
  EXPECT_EQ(frames[0], 42.0f);
}

TEST(FeatureStream, ResetForgetsWhatWasHeard) {
  const auto log_mel = LogMel::Create({});
  ASSERT_TRUE(log_mel);
  const std::vector<float> samples = Noise(800, 1);
  FeatureStream stream(*log_mel);
  std::vector<float> ignored, frames;
  stream.Push(Noise(777, 5), ignored);
  stream.Reset();
  stream.Push(samples, frames);
  EXPECT_EQ(frames, log_mel->ComputeAll(samples));
}

TEST(NormalizeFeatures, NoneChangesNothing) {
  std::vector<float> x{1, 2, 3, 4};
  NormalizeFeatures(Normalization::kNone, 2, 2, x.data());
  EXPECT_EQ(x, (std::vector<float>{1, 2, 3, 4}));
}

TEST(NormalizeFeatures, UtteranceHasMeanZeroAndVarianceOne) {
  constexpr int64_t kFrames = 37, kMels = 5;
  std::vector<float> x = Noise(kFrames * kMels, 3);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = x[i] * static_cast<float>(1 + i % kMels) + 10 * static_cast<float>(i % kMels);
  }
  NormalizeFeatures(Normalization::kPerUtterance, kFrames, kMels, x.data());
  for (int64_t m = 0; m < kMels; ++m) {
    double mean = 0, squares = 0;
    for (int64_t t = 0; t < kFrames; ++t) {
      mean += x[t * kMels + m] / kFrames;
      squares += x[t * kMels + m] * x[t * kMels + m] / kFrames;
    }
    EXPECT_NEAR(mean, 0, 1e-5);
    EXPECT_NEAR(squares, 1, 1e-5);
  }
}

TEST(NormalizeFeatures, ABinThatNeverChangesBecomesZero) {
  std::vector<float> x{-15.9f, 1, -15.9f, 3, -15.9f, 5};
  NormalizeFeatures(Normalization::kPerUtterance, 3, 2, x.data());
  for (int t = 0; t < 3; ++t) EXPECT_EQ(x[2 * t], 0.0f);
  EXPECT_NEAR(x[1], -std::sqrt(1.5), 1e-6);

  std::vector<float> one_frame{7, -3};
  NormalizeFeatures(Normalization::kPerUtterance, 1, 2, one_frame.data());
  EXPECT_EQ(one_frame, (std::vector<float>{0, 0}));
  NormalizeFeatures(Normalization::kPerUtterance, 0, 2, nullptr);
  NormalizeFeatures(Normalization::kRunning, 0, 2, nullptr);
}

TEST(NormalizeFeatures, RunningByHand) {
  // Prior: 2 frames of mean 1, deviation 2. Frame 4: mean (1 + 1 + 4) / 3 = 2, mean of squares
  // (2 * (4 + 1) + 16) / 3 = 26/3, variance 14/3. Frame -2 on top: mean 1, squares 30/4,
  // variance 6.5.
  std::vector<float> x{4, -2};
  NormalizeFeatures(Normalization::kRunning, 2, 1, x.data(),
                    {.prior_frames = 2, .prior_mean = 1, .prior_std = 2});
  EXPECT_NEAR(x[0], 2 / std::sqrt(14.0 / 3), 1e-6);
  EXPECT_NEAR(x[1], -3 / std::sqrt(6.5), 1e-6);
}

TEST(NormalizeFeatures, RunningNeverLooksAhead) {
  std::vector<float> x = Noise(60, 4);
  std::vector<float> start(x.begin(), x.begin() + 30);
  NormalizeFeatures(Normalization::kRunning, 20, 3, x.data());
  NormalizeFeatures(Normalization::kRunning, 10, 3, start.data());
  x.resize(30);
  EXPECT_EQ(x, start);
}

TEST(NormalizeFeatures, RunningWithoutPriorEndsLikeTheUtterance) {
  std::vector<float> running = Noise(50, 6);
  std::vector<float> whole = running;
  NormalizeFeatures(Normalization::kRunning, 50, 1, running.data(), {.prior_frames = 0});
  NormalizeFeatures(Normalization::kPerUtterance, 50, 1, whole.data());
  EXPECT_EQ(running[0], 0.0f);
  EXPECT_NEAR(running[49], whole[49], 1e-5);
}

}  // namespace
}  // namespace masr
