#include "train/pretrain_config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace masr {
namespace {

nlohmann::json Recipe() {
  return nlohmann::json::parse(R"({
    "model": {"name": "x", "characters": ["a"], "encoder": [{"layer": "linear", "dim": 2}]},
    "training": {"stages": [{"name": "one", "epochs": 3, "learning_rate": 0.001}]}})");
}

TEST(PretrainConfig, DefaultsAndValues) {
  auto recipe = Recipe();
  recipe["training"]["optimizer"] = "sgd";
  recipe["training"]["momentum"] = 0.5;
  recipe["training"]["clip_norm"] = 0;
  auto second = recipe["training"]["stages"][0];
  second.update({{"name", "two"},
                 {"schedule", "noam"},
                 {"sources", {2, 1}},
                 {"speeds", {0.9, 1.1}},
                 {"sorted", true},
                 {"spec_augment", {{"time_masks", 7}}},
                 {"room_probability", 0.5},
                 {"room_t60_high_s", 0.9},
                 {"codec_probability", 0.25},
                 {"codecs", {"opus", "gsm"}},
                 {"clip_probability", 0.125}});
  recipe["training"]["stages"].push_back(second);
  const auto config = PretrainConfig::FromJson(recipe.dump(), "recipe");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->trainer.optimizer.kind, OptimizerOptions::Kind::kSgd);
  EXPECT_EQ(config->trainer.optimizer.momentum, 0.5f);
  EXPECT_EQ(config->trainer.clip_norm, 0);
  EXPECT_EQ(config->batch_seconds, PretrainConfig().batch_seconds);
  EXPECT_EQ(config->ema_decay, 0);
  ASSERT_EQ(config->stages.size(), 2u);
  EXPECT_EQ(config->stages[0].schedule.kind, ScheduleOptions::Kind::kCosine);
  EXPECT_FALSE(config->stages[0].augment.spec_augment);
  EXPECT_TRUE(config->stages[0].sources.empty());
  EXPECT_EQ(config->stages[1].schedule.kind, ScheduleOptions::Kind::kNoam);
  EXPECT_EQ(config->stages[1].sources, (std::vector<int>{1, 0}));
  EXPECT_EQ(config->stages[1].augment.speeds, (std::vector<double>{0.9, 1.1}));
  EXPECT_TRUE(config->stages[1].augment.spec_augment);
  EXPECT_EQ(config->stages[1].augment.spec.time_masks, 7);
  EXPECT_TRUE(config->stages[1].sorted);
  EXPECT_EQ(config->stages[1].augment.room_probability, 0.5);
  EXPECT_EQ(config->stages[1].augment.room.t60_high_s, 0.9);
  EXPECT_EQ(config->stages[1].augment.codecs, (std::vector<Codec>{Codec::kOpus, Codec::kGsm}));
  EXPECT_EQ(config->stages[1].augment.clip_probability, 0.125);
  EXPECT_EQ(config->stages[0].augment.room_probability, 0);
}

TEST(PretrainConfig, MistakesAreNamed) {
  const auto refused = [](const char* change, const char* says) {
    auto recipe = Recipe();
    recipe.merge_patch(nlohmann::json::parse(change));
    const auto config = PretrainConfig::FromJson(recipe.dump(), "recipe.json");
    ASSERT_FALSE(config.has_value()) << change;
    EXPECT_NE(config.error().message.find("recipe.json"), std::string::npos);
    EXPECT_NE(config.error().message.find(says), std::string::npos)
        << change << ": " << config.error().message;
  };
  refused(R"({"model": null})", "'model' and 'training'");
  refused(R"({"training": null})", "'model' and 'training'");
  refused(R"({"extra": 1})", "unknown option 'extra'");
  refused(R"({"model": {"characters": 5}})", "'characters'");
  refused(R"({"training": {"stages": null}})", "'stages'");
  refused(R"({"training": {"stages": []}})", "'stages'");
  refused(R"({"training": {"stages": [5]}})", "stage 1");
  refused(R"({"training": {"optimizer": "adam"}})", "must be one of: adamw, sgd");
  refused(R"({"training": {"batch_seconds": "many"}})", "'batch_seconds'");
  refused(R"({"training": {"ema_decay": 1}})", "'ema_decay'");
  const auto stage_refused = [&](const char* options, const char* says) {
    auto stage = nlohmann::json::parse(R"({"name": "s", "epochs": 1, "learning_rate": 0.1})");
    stage.merge_patch(nlohmann::json::parse(options));
    const nlohmann::json change = {{"training", {{"stages", {stage}}}}};
    refused(change.dump().c_str(), says);
  };
  stage_refused(R"({"epochs": 0})", "'epochs'");
  stage_refused(R"({"learning_rate": null})", "'learning_rate' is missing");
  stage_refused(R"({"schedule": "step"})", "must be one of: constant");
  stage_refused(R"({"sources": [0]})", "counts the manifests from 1");
  stage_refused(R"({"sources": {"a": 1}})", "'sources' must be a list of numbers");
  stage_refused(R"({"sources": ["a"]})", "'sources' must be a list of numbers");
  stage_refused(R"({"speeds": [3]})", "between 0.5 and 2");
  stage_refused(R"({"spec_augment": {"masks": 2}})", "unknown option 'masks'");
  stage_refused(R"({"noise_probability": 1.5})", "'noise_probability'");
  stage_refused(R"({"room_probability": -1})", "'room_probability'");
  stage_refused(R"({"room_t60_low_s": 0.5, "room_t60_high_s": 0.4})",
                "'room_t60_low_s' is above 'room_t60_high_s'");
  stage_refused(R"({"codecs": ["gsm", "mp3"]})", "'codecs' knows no 'mp3'; choose of: mu-law");
  EXPECT_FALSE(PretrainConfig::FromJson("{", "recipe.json").has_value());
}

}  // namespace
}  // namespace masr
