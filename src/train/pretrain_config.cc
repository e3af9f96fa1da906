#include "train/pretrain_config.h"

#include <nlohmann/json.hpp>

#include "io/config_reader.h"

namespace masr {
namespace {

std::vector<double> ReadNumbers(ConfigReader& reader, const char* key) {
  std::vector<double> numbers;
  const nlohmann::json* list = reader.Child(key);
  if (list == nullptr) return numbers;
  if (!list->is_array()) reader.Refuse(std::string("'") + key + "' must be a list of numbers");
  for (const nlohmann::json& item : *list) {
    if (!item.is_number()) {
      reader.Refuse(std::string("'") + key + "' must be a list of numbers");
      return {};
    }
    numbers.push_back(item.get<double>());
  }
  return numbers;
}

Status ReadSpecAugment(const nlohmann::json& json, const std::string& where,
                       SpecAugmentOptions& spec) {
  ConfigReader reader(json, where + ": spec_augment");
  spec.frequency_masks =
      static_cast<int>(reader.Int("frequency_masks", spec.frequency_masks, 0, 64));
  spec.frequency_width =
      static_cast<int>(reader.Int("frequency_width", spec.frequency_width, 0, 512));
  spec.time_masks = static_cast<int>(reader.Int("time_masks", spec.time_masks, 0, 64));
  spec.time_width = static_cast<int>(reader.Int("time_width", spec.time_width, 0, 100000));
  spec.time_fraction = reader.Number("time_fraction", spec.time_fraction, 0, 1);
  return reader.Finish();
}

Result<PretrainStage> ReadStage(const nlohmann::json& json, const std::string& where) {
  ConfigReader reader(json, where);
  PretrainStage stage;
  stage.name = reader.Text("name", {});
  stage.epochs = reader.Int("epochs", {}, 1, 100000);
  for (double source : ReadNumbers(reader, "sources")) {
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

  AugmentOptions& augment = stage.augment;
  augment.speeds = ReadNumbers(reader, "speeds");
  for (double speed : augment.speeds) {
    if (speed < 0.5 || speed > 2) reader.Refuse("'speeds' must lie between 0.5 and 2");
  }
  augment.gain_db = reader.Number("gain_db", 0, 0, 40);
  augment.noise_probability = reader.Number("noise_probability", 0, 0, 1);
  augment.noise_snr_low_db = reader.Number("noise_snr_low_db", augment.noise_snr_low_db, -20, 60);
  augment.noise_snr_high_db =
      reader.Number("noise_snr_high_db", augment.noise_snr_high_db, -20, 60);
  augment.telephone_probability = reader.Number("telephone_probability", 0, 0, 1);
  if (const nlohmann::json* spec = reader.Child("spec_augment"); spec != nullptr) {
    augment.spec_augment = true;
    MASR_RETURN_IF_ERROR(ReadSpecAugment(*spec, where, augment.spec));
  }
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
