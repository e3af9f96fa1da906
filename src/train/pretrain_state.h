// Where a pretraining is, and how it goes on from there: position and history beside the weights,
// in one checkpoint.
#ifndef MOBILEASR_TRAIN_PRETRAIN_STATE_H_
#define MOBILEASR_TRAIN_PRETRAIN_STATE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "train/pretrain.h"
#include "train/trainer.h"
#include "train/weight_average.h"

namespace masr {

struct PretrainState {
  // The next update, each from 0.
  int64_t stage = 0;
  int64_t epoch = 0;
  int64_t update = 0;
  double loss_sum = 0;  // of this epoch's updates, weighted by tokens
  int64_t tokens = 0;
  int64_t stage_start_step = 0;
  std::vector<PretrainEpoch> epochs;  // that are done
};

// As JSON, for the model file's "training.history".
std::string HistoryJson(const std::vector<PretrainEpoch>& epochs);

std::string CheckpointPath(const std::string& out);

Status SavePretrainState(const PretrainState& state, const PretrainOptions& options,
                         Trainer& trainer, WeightAverage* average);

// The beginning if there is no checkpoint. Fails if it was made with another seed or model.
Result<PretrainState> LoadPretrainState(const PretrainOptions& options, Trainer& trainer,
                                        WeightAverage* average);

// Every process gets the state, weights, optimizer state and average of rank 0.
Status SharePretrainState(Collective& collective, PretrainState& state, Trainer& trainer,
                          WeightAverage* average);

}  // namespace masr

#endif  // MOBILEASR_TRAIN_PRETRAIN_STATE_H_
