#include "model/feature_extractor.h"

#include <gtest/gtest.h>

#include "audio/feature_stream.h"
#include "audio/waveform.h"
#include "base/rng.h"

namespace masr {
namespace {

std::vector<float> Noise(size_t count) {
  Rng rng(1);
  std::vector<float> samples(count);
  for (float& x : samples) x = 0.1f + 0.2f * static_cast<float>(rng.Normal());
  return samples;
}

ModelConfig ConfigWith(const std::string& features) {
  const auto config = ModelConfig::FromJson(
      R"({"name": "n", "characters": ["a"], "encoder": [{"layer": "glu"}], "features": )" +
          features + "}",
      "test");
  EXPECT_TRUE(config.has_value()) << config.error().message;
  return *config;
}

TEST(FeatureExtractor, LogMelFramesAreNormalised) {
  const FeatureConfig config = ConfigWith(R"({"mels": 10, "sample_rate_hz": 8000})").features;
  EXPECT_EQ(config.width(), 10);
  EXPECT_DOUBLE_EQ(config.frame_s(), 0.01);
  const auto extractor = FeatureExtractor::Create(config);
  ASSERT_TRUE(extractor.has_value());
  std::vector<float> expected = LogMel::Create(config.log_mel)->ComputeAll(Noise(4000));
  NormalizeFeatures(Normalization::kPerUtterance, static_cast<int64_t>(expected.size()) / 10, 10,
                    expected.data());
  EXPECT_EQ(extractor->Features(Noise(4000)), expected);
}

TEST(FeatureExtractor, AWaveIsItsOwnFeatures) {
  const ModelConfig config = ConfigWith(R"({"kind": "waveform", "sample_rate_hz": 8000})");
  EXPECT_EQ(config.features.width(), 1);
  EXPECT_DOUBLE_EQ(config.features.frame_s(), 1.0 / 8000);
  const auto extractor = FeatureExtractor::Create(config.features);
  ASSERT_TRUE(extractor.has_value());
  std::vector<float> expected = Noise(4000);
  NormalizeWaveform(expected);
  EXPECT_EQ(extractor->Features(Noise(4000)), expected);
  const auto plain = FeatureExtractor::Create(
      ConfigWith(R"({"kind": "waveform", "normalization": "none"})").features);
  EXPECT_EQ(plain->Features(Noise(4000)), Noise(4000));

  const auto again = ModelConfig::FromJson(config.ToJson(), "again");
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(again->ToJson(), config.ToJson());
  EXPECT_EQ(again->features.kind, FeatureKind::kWaveform);
}

TEST(FeatureExtractor, OptionsOfTheOtherKindAreRefused) {
  const auto refused = [](const std::string& features, const std::string& says) {
    const auto config = ModelConfig::FromJson(
        R"({"name": "n", "characters": ["a"], "encoder": [{"layer": "glu"}], "features": )" +
            features + "}",
        "test");
    ASSERT_FALSE(config.has_value());
    EXPECT_NE(config.error().message.find(says), std::string::npos) << config.error().message;
  };
  refused(R"({"kind": "waveform", "mels": 80})", "unknown option 'mels'");
  refused(R"({"kind": "waveform", "normalization": "running"})", "utterance or none");
  refused(R"({"kind": "cepstra"})", "must be one of: log_mel, waveform");
}

}  // namespace
}  // namespace masr
