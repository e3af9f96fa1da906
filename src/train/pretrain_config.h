// A recipe for training a base recogniser: model, optimizer, and a curriculum of stages.
#ifndef MOBILEASR_TRAIN_PRETRAIN_CONFIG_H_
#define MOBILEASR_TRAIN_PRETRAIN_CONFIG_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/model_config.h"
#include "train/batch_loader.h"
#include "train/optimizer.h"
#include "train/trainer.h"

namespace masr {

struct PretrainStage {
  std::string name;
  int64_t epochs = 1;
  std::vector<int>
      sources;  // manifests by position, from 0; named twice, seen twice; empty: all once
  double max_seconds = 20;   // longer utterances are left out of this stage
  bool sorted = false;       // shortest first
  ScheduleOptions schedule;  // total_steps is filled in from the data
  AugmentOptions augment;
};

struct PretrainConfig {
  ModelConfig model;
  TrainerOptions trainer;
  double batch_seconds = 100;       // audio per update
  double micro_batch_seconds = 50;  // audio per forward and backward
  double ema_decay = 0;             // of the moving average that is measured and written; 0: none
  std::vector<PretrainStage> stages;

  // The JSON of docs/models.md; `where` names the source in messages.
  static Result<PretrainConfig> FromJson(std::string_view text, const std::string& where);
};

}  // namespace masr

#endif  // MOBILEASR_TRAIN_PRETRAIN_CONFIG_H_
