// The model that a pretraining begins with: random, or with another one's weights.
#ifndef MOBILEASR_TRAIN_PRETRAIN_MODEL_H_
#define MOBILEASR_TRAIN_PRETRAIN_MODEL_H_

#include "model/model.h"
#include "train/pretrain.h"

namespace masr {

// With options.init, "start.fingerprint" and "start.blocks" in the model's metadata tell what it
// began with, and a warning counts the parameters that began at random. Only the first process
// reads that file: the others get its weights with the state (SharePretrainState).
Result<Model> CreatePretrainModel(const PretrainConfig& config, const PretrainOptions& options,
                                  const std::function<void(const std::string&)>& warning);

}  // namespace masr

#endif  // MOBILEASR_TRAIN_PRETRAIN_MODEL_H_
