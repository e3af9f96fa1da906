#include "train/pretrain_config.h"

#include <nlohmann/json.hpp>

#include "io/config_reader.h"

namespace masr {
namespace {

Result<PretrainStage> ReadStage(const nlohmann::json& json, const std::string& where) {
  ConfigReader reader(json, where);
  PretrainStage stage;
  stage.name = reader.Text("name", {});
  stage.epochs = reader.Int("epochs", {}, 1, 100000);
  for (double source : reader.NumberList("sources")) {
    if (source < 1 || source > 1000) reader.Refuse("'sources' counts the manifests from 1");
    stage.sources.push_back(static_cast<int>(source) - 1);
  }
  stage.max_seconds = reader.Number("max_seconds", stage.max_seconds, 0.1, 3600);
  stage.sorted = reader.Bool("sorted", stage.sorted);

  ScheduleOptions& schedule = stage.schedule;
  schedule.kind = static_cast<ScheduleOptions::Kind>(
      reader.Choice("schedule", "cosine", {"constant", "cosine", "noam", "linear"}));
  schedule.peak = static_cast<float>(reader.Number("learning_rate", {}, 0, 10));
  schedule.floor = static_cast<float>(reader.Number("floor", schedule.floor, 0, 10));
  schedule.warmup_steps = reader.Int("warmup_steps", 0, 0, 10000000);

  ReadAugmentOptions(reader, stage.augment);
  AugmentOptions& augment = stage.augment;
  augment.join_probability = reader.Number("join_probability", augment.join_probability, 0, 1);
  augment.join_max_seconds = reader.Number("join_max_seconds", augment.join_max_seconds, 0, 600);
  MASR_RETURN_IF_ERROR(reader.Finish());
  return stage;
}

}  // namespace

Result<PretrainConfig> PretrainConfig::FromJson(std::string_view text, const std::string& where) {
  MASR_TRY(const nlohmann::json json, ParseConfig(text, where));
  ConfigReader top(json, where);
  const nlohmann::json* model = top.Child("model");
  const nlohmann::json* training = top.Child("training");
  if (model == nullptr || training == nullptr) top.Refuse("needs 'model' and 'training'");
  MASR_RETURN_IF_ERROR(top.Finish());

  PretrainConfig config;
  MASR_TRY(config.model, ModelConfig::FromJson(model->dump(), where + ": model"));

  ConfigReader reader(*training, where + ": training");
  OptimizerOptions& optimizer = config.trainer.optimizer;
  optimizer.kind =
      static_cast<OptimizerOptions::Kind>(reader.Choice("optimizer", "adamw", {"adamw", "sgd"}));
  optimizer.weight_decay =
      static_cast<float>(reader.Number("weight_decay", optimizer.weight_decay, 0, 1));
  optimizer.momentum = static_cast<float>(reader.Number("momentum", optimizer.momentum, 0, 1));
  config.trainer.clip_norm = reader.Number("clip_norm", config.trainer.clip_norm, 0, 1e9);
  config.trainer.precision =
      static_cast<Precision>(reader.Choice("precision", "f32", {"f32", "bf16"}));
  config.batch_seconds = reader.Number("batch_seconds", config.batch_seconds, 1, 1e6);
  config.micro_batch_seconds =
      reader.Number("micro_batch_seconds", config.micro_batch_seconds, 1, 1e6);
  config.ema_decay = reader.Number("ema_decay", config.ema_decay, 0, 0.99999);
  const nlohmann::json* stages = reader.Child("stages");
  if (stages == nullptr || !stages->is_array() || stages->empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                where + ": training: 'stages' must be a list of at least one stage");
  }
  for (size_t i = 0; i < stages->size(); ++i) {
    MASR_TRY(PretrainStage stage,
             ReadStage((*stages)[i], where + ": stage " + std::to_string(i + 1)));
    config.stages.push_back(std::move(stage));
  }
  MASR_RETURN_IF_ERROR(reader.Finish());
  return config;
}

}  // namespace masr
