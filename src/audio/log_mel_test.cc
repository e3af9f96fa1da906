#include "audio/log_mel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numbers>
#include <thread>

#include "audio/feature_stream.h"
#include "base/rng.h"

namespace masr {
namespace {

const float kLogFloor = std::log(1.1920929e-07f);

// The signal of scripts/make_audio_goldens.py.
std::vector<float> GoldenSignal(int64_t count) {
  uint32_t state = 12345, phase = 0, increment = 1u << 24;
  std::vector<float> samples;
  for (int64_t i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    const int noise = static_cast<int>(state >> 16) - 32768;
    phase += increment;
    increment += 1u << 18;
    const int saw = static_cast<int>(phase >> 16) - 32768;
    samples.push_back(static_cast<float>((saw >> 2) + (noise >> 4) + 300) / 32768.0f);
  }
  return samples;
}

std::vector<float> Sine(double hz, double rate_hz, int64_t count) {
  std::vector<float> samples(count);
  for (int64_t i = 0; i < count; ++i) {
    samples[i] = static_cast<float>(0.5 * std::sin(2 * std::numbers::pi * hz * i / rate_hz));
  }
  return samples;
}

TEST(LogMel, AgreesWithTorchaudio) {
  std::ifstream file(MASR_SOURCE_DIR "/src/audio/testdata/log_mel_golden.json");
  const nlohmann::json golden = nlohmann::json::parse(file);
  ASSERT_EQ(golden["cases"].size(), 3u);
  for (const auto& c : golden["cases"]) {
    SCOPED_TRACE(c["sample_rate_hz"].get<int>());
    const auto log_mel = LogMel::Create({.sample_rate_hz = c["sample_rate_hz"], .mels = c["mels"]});
    ASSERT_TRUE(log_mel) << log_mel.error().message;
    const int64_t frames = c["frames"];
    const int64_t samples = log_mel->window_samples() + (frames - 1) * log_mel->hop_samples();
    const std::vector<float> features = log_mel->ComputeAll(GoldenSignal(samples));
    const std::vector<double> expected = c["log_mel"];
    ASSERT_EQ(features.size(), expected.size());
    ASSERT_EQ(log_mel->Frames(samples), frames);
    for (size_t i = 0; i < features.size(); ++i) ASSERT_NEAR(features[i], expected[i], 1e-3) << i;
  }
}

TEST(LogMel, AgreesWithNemosFrontEnd) {
  std::ifstream file(MASR_SOURCE_DIR "/src/audio/testdata/nemo_mel_golden.json");
  const nlohmann::json golden = nlohmann::json::parse(file);
  ASSERT_EQ(golden["cases"].size(), 3u);
  for (const auto& c : golden["cases"]) {
    SCOPED_TRACE(c["mels"].get<int>());
    const auto log_mel = LogMel::Create({.sample_rate_hz = c["sample_rate_hz"],
                                         .mels = c["mels"],
                                         .window_ms = c["window_ms"],
                                         .low_hz = 0,
                                         .style = LogMelStyle::kNemo,
                                         .fft_samples = c["fft_samples"]});
    ASSERT_TRUE(log_mel) << log_mel.error().message;
    std::vector<float> features = log_mel->ComputeAll(GoldenSignal(c["samples"]));
    const std::vector<double> expected = c["log_mel"];
    ASSERT_EQ(features.size(), expected.size());
    for (size_t i = 0; i < features.size(); ++i) ASSERT_NEAR(features[i], expected[i], 5e-4) << i;
    const int64_t mels = log_mel->mels();
    NormalizeFeatures(Normalization::kPerUtteranceUnbiased,
                      static_cast<int64_t>(features.size()) / mels, mels, features.data());
    const std::vector<double> normalized = c["normalized"];
    for (size_t i = 0; i < features.size(); ++i) ASSERT_NEAR(features[i], normalized[i], 1e-3) << i;
  }
}

TEST(LogMel, StylesHaveTheirOwnOptions) {
  EXPECT_FALSE(LogMel::Create({.fft_samples = 512}));
  EXPECT_FALSE(LogMel::Create({.dither = 1, .style = LogMelStyle::kNemo}));
  EXPECT_FALSE(LogMel::Create({.style = LogMelStyle::kNemo, .fft_samples = 398}));
  EXPECT_FALSE(LogMel::Create({.style = LogMelStyle::kNemo, .fft_samples = 401}));
  EXPECT_TRUE(LogMel::Create({.style = LogMelStyle::kNemo, .fft_samples = 400}));
}

TEST(LogMel, CountsWholeWindowsOnly) {
  const auto log_mel = LogMel::Create({});
  ASSERT_TRUE(log_mel);
  EXPECT_EQ(log_mel->window_samples(), 400);
  EXPECT_EQ(log_mel->hop_samples(), 160);
  EXPECT_EQ(log_mel->Frames(0), 0);
  EXPECT_EQ(log_mel->Frames(399), 0);
  EXPECT_EQ(log_mel->Frames(400), 1);
  EXPECT_EQ(log_mel->Frames(559), 1);
  EXPECT_EQ(log_mel->Frames(560), 2);
  EXPECT_TRUE(log_mel->ComputeAll({}).empty());
  EXPECT_TRUE(log_mel->ComputeAll(std::vector<float>(399)).empty());
}

TEST(LogMel, SilenceAndConstantsAreAtTheFloor) {
  const auto log_mel = LogMel::Create({});
  ASSERT_TRUE(log_mel);
  for (const float level : {0.0f, 0.25f, -1.0f}) {
    for (const float x : log_mel->ComputeAll(std::vector<float>(1000, level))) {
      EXPECT_FLOAT_EQ(x, kLogFloor);
    }
  }
}

TEST(LogMel, ASinePeaksInItsBin) {
  // 1 kHz lies at mel 999.99; the bins' peaks are at MelFromHz(20) + (m + 1) * step.
  const auto log_mel = LogMel::Create({});
  ASSERT_TRUE(log_mel);
  const double low = 1127 * std::log1p(20 / 700.0), high = 1127 * std::log1p(8000 / 700.0);
  const int expected = static_cast<int>(std::lround((1000.0 - low) / ((high - low) / 81))) - 1;
  const std::vector<float> frames = log_mel->ComputeAll(Sine(1000, 16000, 400));
  EXPECT_EQ(std::max_element(frames.begin(), frames.end()) - frames.begin(), expected);
}

TEST(LogMel, TwiceAsLoudIsTwoLogTwoMore) {
  const auto log_mel = LogMel::Create({});
  ASSERT_TRUE(log_mel);
  std::vector<float> signal = GoldenSignal(4000);
  const std::vector<float> soft = log_mel->ComputeAll(signal);
  for (float& x : signal) x *= 2;
  const std::vector<float> loud = log_mel->ComputeAll(signal);
  for (size_t i = 0; i < soft.size(); ++i) {
    ASSERT_NEAR(loud[i] - soft[i], 2 * std::log(2.0), 1e-4);
  }
}

TEST(LogMel, NumbersThatAreNoneStayInTheirFrames) {
  const auto log_mel = LogMel::Create({});
  ASSERT_TRUE(log_mel);
  std::vector<float> signal = GoldenSignal(1200);
  const std::vector<float> clean = log_mel->ComputeAll(signal);
  signal[0] = std::nanf("");
  const std::vector<float> dirty = log_mel->ComputeAll(signal);
  for (size_t i = 0; i < clean.size(); ++i) {
    if (i < 80) {
      EXPECT_EQ(dirty[i], kLogFloor);
    } else {
      ASSERT_EQ(dirty[i], clean[i]);
    }
  }
}

TEST(LogMel, DitherIsRepeatableAndOfItsSize) {
  const auto log_mel = LogMel::Create({.dither = 1});
  ASSERT_TRUE(log_mel);
  const std::vector<float> silence(16000);
  const std::vector<float> frames = log_mel->ComputeAll(silence);
  EXPECT_EQ(frames, log_mel->ComputeAll(silence));
  EXPECT_NE(frames[79], frames[80 + 79]);
  // Near 8 kHz, pre-emphasis gives unit noise (1 + 0.97)^2 of power per sample, times the sum of
  // the squared window, times the bin's weights: about 9.9 in all.
  double mean = 0;
  const int64_t count = log_mel->Frames(16000);
  for (int64_t t = 0; t < count; ++t) mean += std::exp(frames[t * 80 + 79]) / count;
  EXPECT_GT(std::log(mean), 8);
  EXPECT_LT(std::log(mean), 10.5);
}

TEST(LogMel, OneObjectServesSeveralThreads) {
  const auto log_mel = LogMel::Create({});
  ASSERT_TRUE(log_mel);
  const std::vector<float> signal = GoldenSignal(16000);
  const std::vector<float> expected = log_mel->ComputeAll(signal);
  std::vector<std::vector<float>> results(4);
  std::vector<std::thread> threads;
  for (auto& result : results) {
    threads.emplace_back([&] { result = log_mel->ComputeAll(signal); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& result : results) EXPECT_EQ(result, expected);
}

TEST(LogMel, BandEdgesCountFromNyquistWhenNotPositive) {
  const std::vector<float> signal = GoldenSignal(2000);
  const auto relative = LogMel::Create({.mels = 40, .high_hz = -400});
  const auto absolute = LogMel::Create({.mels = 40, .high_hz = 7600});
  ASSERT_TRUE(relative && absolute);
  EXPECT_EQ(relative->ComputeAll(signal), absolute->ComputeAll(signal));
}

TEST(LogMel, RefusesWhatCannotBe) {
  const LogMelOptions wrong[] = {
      {.sample_rate_hz = 0},
      {.sample_rate_hz = -16000},
      {.sample_rate_hz = 1 << 30},
      {.mels = 0},
      {.mels = 1 << 20},
      {.window_ms = 0},
      {.window_ms = 1e9},
      {.window_ms = std::nan("")},
      {.hop_ms = 0},
      {.hop_ms = 26},
      {.hop_ms = std::nan("")},
      {.low_hz = -1},
      {.low_hz = 9000},
      {.high_hz = 8001},
      {.high_hz = -8000},
      {.high_hz = std::nan("")},
      {.preemphasis = 2},
      {.dither = -1},
  };
  for (const LogMelOptions& options : wrong) {
    const auto log_mel = LogMel::Create(options);
    ASSERT_FALSE(log_mel) << &options - wrong;
    EXPECT_EQ(log_mel.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(log_mel.error().message.find("must"), std::string::npos) << log_mel.error().message;
  }
  EXPECT_TRUE(LogMel::Create({.sample_rate_hz = 100, .low_hz = 0}));
  EXPECT_TRUE(LogMel::Create({.sample_rate_hz = 768000}));
}

TEST(LogMel, ItsMatricesGiveTheSameFeatures) {
  for (const LogMelOptions& options :
       {LogMelOptions{}, LogMelOptions{.sample_rate_hz = 8000, .mels = 23, .preemphasis = 0},
        LogMelOptions{.mels = 7, .high_hz = -400, .remove_dc = false},
        LogMelOptions{.low_hz = 0, .style = LogMelStyle::kNemo},
        LogMelOptions{.sample_rate_hz = 8000,
        .mels = 23,
        .window_ms = 20,
        .hop_ms = 12.5,
        .style = LogMelStyle::kNemo,
        .fft_samples = 250}}) {
    const bool nemo = options.style == LogMelStyle::kNemo;
    auto log_mel = LogMel::Create(options);
    ASSERT_TRUE(log_mel.has_value());
    const std::vector<float> samples = GoldenSignal(4000);
    const std::vector<float> expected = log_mel->ComputeAll(samples);
    const LogMel::Matrices matrices = log_mel->AsMatrices();
    const int n = log_mel->window_samples();
    std::vector<float> signal(static_cast<size_t>(matrices.lead));
    for (size_t t = 0; t < samples.size(); ++t) {
      signal.push_back(samples[t] - (t == 0 ? 0 : matrices.preemphasis * samples[t - 1]));
    }
    if (nemo) {
      signal.resize(samples.size() + static_cast<size_t>(n - log_mel->hop_samples()));
      EXPECT_EQ((std::ssize(signal) - n) / log_mel->hop_samples() + 1, log_mel->Frames(4000));
    }
    for (int64_t f = 0; f < log_mel->Frames(4000); ++f) {
      const float* frame = signal.data() + f * log_mel->hop_samples();
      std::vector<double> power(matrices.lines);
      for (int k = 0; k < 2 * matrices.lines; ++k) {
        double sum = 0;
        for (int i = 0; i < n; ++i) sum += matrices.fourier[k * n + i] * frame[i];
        power[k % matrices.lines] += sum * sum;
      }
      for (int m = 0; m < options.mels; ++m) {
        double energy = 0;
        for (int k = 0; k < matrices.lines; ++k) {
          energy += matrices.mel[m * matrices.lines + k] * power[k];
        }
        const double held = nemo ? energy + static_cast<double>(matrices.floor)
                                 : std::max<double>(energy, matrices.floor);
        EXPECT_NEAR(std::log(held), expected[f * options.mels + m], 2e-4)
            << "frame " << f << ", mel " << m;
      }
    }
  }
}

}  // namespace
}  // namespace masr
