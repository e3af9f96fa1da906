#include "audio/resampler.h"

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

TEST(Resampler, ASineStaysThatSine) {
  for (const auto& [from, to] : {std::pair{48000.0, 16000.0},
                                 {8000.0, 16000.0},
                                 {44100.0, 16000.0},
                                 {16000.0, 22050.0},
                                 {16000.0, 17600.0}}) {
    SCOPED_TRACE(std::to_string(from) + " to " + std::to_string(to));
    const auto out = Resample(Sine(440, from, static_cast<int64_t>(from)), from, to);
    ASSERT_TRUE(out) << out.error().message;
    ASSERT_NEAR(static_cast<double>(out->size()), to, 1);
    const std::vector<float> expected = Sine(440, to, static_cast<int64_t>(out->size()));
    // The ends ring: what came before and after is taken for silence.
    for (size_t i = out->size() / 10; i < out->size() * 9 / 10; ++i) {
      ASSERT_NEAR((*out)[i], expected[i], 1e-4) << i;
    }
  }
}

TEST(Resampler, RemovesWhatTheNewRateCannotHold) {
  const auto out = Resample(Sine(6000, 16000, 16000), 16000, 8000);
  ASSERT_TRUE(out);
  for (size_t i = 800; i < 7200; ++i) ASSERT_NEAR((*out)[i], 0, 1e-4);
}

TEST(Resampler, EqualRatesCopyAndNothingStaysNothing) {
  const std::vector<float> samples{0.1f, -0.2f, 0.3f};
  EXPECT_EQ(*Resample(samples, 16000, 16000), samples);
  EXPECT_TRUE(Resample({}, 8000, 16000)->empty());
  const auto one = Resample(std::vector<float>{0.5f}, 8000, 16000);
  ASSERT_TRUE(one);
  EXPECT_LE(one->size(), 2u);
}

TEST(Resampler, RefusesRatesThatAreNone) {
  const std::vector<float> samples(10);
  for (const double rate : {0.0, -1.0, 768001.0, std::nan(""), HUGE_VAL}) {
    EXPECT_EQ(Resample(samples, rate, 16000).error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(Resample(samples, 16000, rate).error().code, ErrorCode::kInvalidArgument);
  }
  const auto tiny = Resample(samples, 1e-9, 768000);
  ASSERT_FALSE(tiny);
  EXPECT_NE(tiny.error().message.find("check the rates"), std::string::npos);
}

TEST(ResampleStream, PiecesOfAnySizeEqualTheWhole) {
  for (const auto& [from, to] :
       {std::pair{48000.0, 16000.0}, {8000.0, 16000.0}, {44100.0, 16000.0}, {16000.0, 16000.0}}) {
    SCOPED_TRACE(std::to_string(from) + " to " + std::to_string(to));
    const std::vector<float> samples = Sine(440, from, 9001);
    const auto whole = Resample(samples, from, to);
    ASSERT_TRUE(whole);
    auto stream = ResampleStream::Create(from, to);
    ASSERT_TRUE(stream) << stream.error().message;
    for (const size_t size : {1u, 160u, 5000u, 9001u}) {  // one after the other: Finish begins anew
      std::vector<float> out;
      for (size_t i = 0; i < samples.size(); i += size) {
        const auto some =
            stream->Push(std::span(samples).subspan(i, std::min(size, samples.size() - i)));
        ASSERT_TRUE(some) << some.error().message;
        out.insert(out.end(), some->begin(), some->end());
      }
      const auto rest = stream->Finish();
      ASSERT_TRUE(rest) << rest.error().message;
      out.insert(out.end(), rest->begin(), rest->end());
      ASSERT_EQ(out.size(), whole->size()) << size;
      for (size_t i = 0; i < out.size(); ++i) ASSERT_NEAR(out[i], (*whole)[i], 1e-6) << i;
    }
  }
}

TEST(ResampleStream, NothingStaysNothingAndRatesThatAreNoneAreRefused) {
  auto stream = ResampleStream::Create(8000, 16000);
  ASSERT_TRUE(stream);
  EXPECT_TRUE(stream->Push({})->empty());
  EXPECT_TRUE(stream->Finish()->empty());
  EXPECT_EQ(ResampleStream::Create(0, 16000).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(ResampleStream::Create(16000, HUGE_VAL).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace masr
