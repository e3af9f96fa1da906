// Which utterances go into which update of an epoch.
#ifndef MOBILEASR_TRAIN_EPOCH_PLAN_H_
#define MOBILEASR_TRAIN_EPOCH_PLAN_H_

#include <cstdint>
#include <vector>

#include "data/speech_dataset.h"
#include "train/pretrain_config.h"

namespace masr {

// Updates of one epoch: each a list of micro-batches of utterance indices.
using EpochPlan = std::vector<std::vector<std::vector<int64_t>>>;

// A function of its arguments alone; empty if the stage has no utterance.
EpochPlan PlanEpoch(const PretrainConfig& config, const PretrainStage& stage,
                    const SpeechDataset& dataset, uint64_t key);

// The batches of one update. With a collective, micro-batch i is made by process i modulo their
// number and is empty in the others. `key` and the utterance alone decide on its augmentation.
std::vector<Batch> LoadUpdate(BatchLoader& loader, const std::vector<std::vector<int64_t>>& update,
                              const AugmentOptions& augment, uint64_t key,
                              const Collective* collective, std::vector<LoadProblem>& problems);

// Of audio in one epoch of the stage.
double StageSeconds(const PretrainStage& stage, const SpeechDataset& dataset);

}  // namespace masr

#endif  // MOBILEASR_TRAIN_EPOCH_PLAN_H_
