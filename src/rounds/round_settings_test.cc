#include "rounds/round_settings.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace masr {
namespace {

RoundSettings Unusual() {
  RoundSettings s;
  s.personalize = {
      .validation_share = 0.3,
      .epochs = 3,
      .patience = 2,
      .batch_seconds = 7,
      .updates_per_epoch = 5,
      .learning_rate = 1.25e-3f,
      .base_share = 0.1,
      .trainer = {.optimizer = {.kind = OptimizerOptions::Kind::kSgd, .weight_decay = 0.125f},
                  .clip_norm = 2},
      .augment = {.speeds = {0.9, 1.1}, .gain_db = 1, .spec_augment = false},
      .candidate = {.first_block = 3,
                    .tuning = Tuning::kVectors,
                    .parts = 2,
                    .micro_batch_seconds = 4,
                    .cache = true},
      .arena_bytes = 12345678,
      .validation_batch_seconds = 9,
      .seed = uint64_t{INT64_MAX},
      .cache = {.place = CachePlace::kDisk,
                .folder = "there",
                .budget_bytes = 1234,
                .format = CacheFormat::kF32},
      .checkpoint = {.every_s = 5}};
  s.replay_share = 0.5;
  s.general = "general.jsonl";
  s.test = "test.jsonl";
  s.max_general_cer_rise = 1.5;
  s.speech_cache_bytes = 1234567;
  s.check_transcripts = false;
  return s;
}

TEST(RoundSettings, ComeBackAsTheyWere) {
  for (const auto format :
       {WeightFormat::kF32, WeightFormat::kBf16, WeightFormat::kInt8, WeightFormat::kAsStored}) {
    RoundSettings settings = Unusual();
    settings.format = format;
    const nlohmann::json json = nlohmann::json::parse(RoundSettingsToJson(settings).dump());
    const auto read = RoundSettingsFromJson(json, "round.json");
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_EQ(read->format, format);
    EXPECT_EQ(read->personalize.candidate, settings.personalize.candidate);
    EXPECT_EQ(read->personalize.learning_rate, settings.personalize.learning_rate);
    EXPECT_EQ(read->personalize.trainer.optimizer.kind, OptimizerOptions::Kind::kSgd);
    EXPECT_EQ(read->personalize.seed, uint64_t{INT64_MAX});
    EXPECT_EQ(RoundSettingsToJson(*read), RoundSettingsToJson(settings));
  }
  const nlohmann::json plain = nlohmann::json::parse(RoundSettingsToJson({}).dump());
  const auto read = RoundSettingsFromJson(plain, "round.json");
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(RoundSettingsToJson(*read), RoundSettingsToJson({}));
}

TEST(RoundSettings, WhatIsMissingOrWrongIsNamed) {
  const nlohmann::json whole = nlohmann::json::parse(RoundSettingsToJson(Unusual()).dump());
  for (const auto& [key, value] : whole.items()) {
    if (key == "check_transcripts" || key == "cache") continue;  // came later
    nlohmann::json without = whole;
    without.erase(key);
    const auto read = RoundSettingsFromJson(without, "round.json");
    ASSERT_FALSE(read.has_value()) << key;
    EXPECT_NE(read.error().message.find("'" + key + "'"), std::string::npos)
        << read.error().message;
  }
  nlohmann::json wrong = whole;
  wrong["candidate"]["tuning"] = "magic";
  const auto read = RoundSettingsFromJson(wrong, "round.json");
  ASSERT_FALSE(read.has_value());
  EXPECT_NE(read.error().message.find("tuning"), std::string::npos) << read.error().message;
}

}  // namespace
}  // namespace masr
