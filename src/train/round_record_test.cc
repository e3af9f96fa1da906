#include "train/round_record.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "io/json.h"

namespace masr {
namespace {

RoundRecord Everything() {
  return {.round = 2,
          .began = "2026-11-27T12:00:00Z",
          .base = "00aa",
          .from = "00bb",
          .sub_model = "top 4 blocks",
          .plan_reason = "most gain",
          .tuning = "full",
          .learning_share = 0.25,
          .trainable_parameters = 7,
          .ram_budget_bytes = 200,
          .memory = {{"arena", 100}, {"trained", 50}},
          .planned_peak_bytes = 150,
          .peak_rss_bytes = 140,
          .thresholds = {{"min_battery_percent", 30}},
          .samples = {{.time_s = 1.5,
                       .epoch = 1,
                       .paused = true,
                       .process_bytes = 120,
                       .available_bytes = 900,
                       .battery_percent = 55,
                       .temperature_c = 31.5,
                       .power_w = -2},
                      {.time_s = 2}},
          .epochs = {{.epoch = 0, .validation_loss = 2, .validation_wer = 60, .validation_cer = 30},
                     {.epoch = 1,
                      .train_loss = 1.25,
                      .mean = false,
                      .validation_loss = 1.5,
                      .validation_wer = 50,
                      .validation_cer = 25,
                      .cer_error = 2,
                      .seconds = 3}},
          .best_epoch = 1,
          .accepted = true,
          .rolled_back = true,
          .why = "better",
          .halted_by = "battery",
          .halt_why = "29 %",
          .retries = 1,
          .audio_seconds = 60,
          .training_utterances = 12,
          .replayed_utterances = 4,
          .validation_utterances = 3,
          .transcript_agreement = 0.75,
          .left_out = 2,
          .seconds = 30,
          .seconds_paused = 5,
          .general_before = ErrorRates{40, 20},
          .general_after = ErrorRates{41, 21},
          .test_before = ErrorRates{61, 31},
          .test_after = ErrorRates{51, 26},
          .sentences = {{"a b", "a d", "a b"}}};
}

TEST(RoundRecord, AHistoryComesBackAsItWas) {
  RoundRecord plain;
  plain.round = 1;
  const auto text = WriteJson(HistoryToJson({plain, Everything()}));
  ASSERT_TRUE(text.has_value()) << text.error().message;
  const auto rounds = ReadHistory(*text, "history.json");
  ASSERT_TRUE(rounds.has_value()) << rounds.error().message;
  ASSERT_EQ(rounds->size(), 2u);
  EXPECT_EQ(RoundRecordToJson(rounds->at(0)), RoundRecordToJson(plain));
  EXPECT_EQ(RoundRecordToJson(rounds->at(1)), RoundRecordToJson(Everything()));
  EXPECT_EQ(rounds->at(1).samples[0].battery_percent, 55);
  EXPECT_EQ(rounds->at(1).memory.at("arena"), 100);
  EXPECT_FALSE(rounds->at(1).samples[1].battery_percent.has_value());
  EXPECT_FALSE(rounds->at(0).general_before.has_value());
}

TEST(RoundRecord, UnknownFieldsAreIgnored) {
  const auto rounds = ReadHistory(R"({"rounds": [{"round": 3, "mood": "good"}], "more": 1})", "h");
  ASSERT_TRUE(rounds.has_value()) << rounds.error().message;
  EXPECT_EQ(rounds->at(0).round, 3);
}

TEST(RoundRecord, WrongTypesAreNamed) {
  const auto refused = [](const char* text, const char* expected) {
    const auto rounds = ReadHistory(text, "h.json");
    ASSERT_FALSE(rounds.has_value()) << text;
    EXPECT_NE(rounds.error().message.find(expected), std::string::npos) << rounds.error().message;
  };
  refused("{", "h.json: not JSON");
  refused("[]", "not a history");
  refused(R"({"rounds": [3]})", "h.json, round 1: is not a JSON object");
  refused(R"({"rounds": [{"round": "x"}]})", "h.json, round 1: round is not an integer");
  refused(R"({"rounds": [{}, {"epochs": [{"wer": []}]}]})",
          "h.json, round 2, epochs 0: wer is not a number");
  refused(R"({"rounds": [{"memory": {"arena": 1.5}}]})", "memory: arena is not an integer");
  refused(R"({"rounds": [{"general_after": 7}]})", "general_after: is not a JSON object");
}

}  // namespace
}  // namespace masr
