#include "train/epoch_plan.h"

#include <algorithm>

#include "data/batcher.h"

namespace masr {
namespace {

// How often an epoch of the stage visits utterance i.
int64_t Visits(const PretrainStage& stage, const SpeechDataset& dataset, int64_t i) {
  if (dataset.utterance(i).duration_s > stage.max_seconds) return 0;
  if (stage.sources.empty()) return 1;
  return std::count(stage.sources.begin(), stage.sources.end(), dataset.source(i));
}

}  // namespace

std::vector<Batch> LoadUpdate(BatchLoader& loader, const std::vector<std::vector<int64_t>>& update,
                              const AugmentOptions& augment, uint64_t key,
                              const Collective* collective, std::vector<LoadProblem>& problems) {
  std::vector<Batch> batches(update.size());
  const auto rank = static_cast<size_t>(collective != nullptr ? collective->rank() : 0);
  const auto size = static_cast<size_t>(collective != nullptr ? collective->size() : 1);
  for (size_t i = rank; i < update.size(); i += size) {
    batches[i] = loader.Load(update[i], augment, key, problems);
  }
  return batches;
}

double StageSeconds(const PretrainStage& stage, const SpeechDataset& dataset) {
  double seconds = 0;
  for (int64_t i = 0; i < dataset.size(); ++i) {
    seconds += static_cast<double>(Visits(stage, dataset, i)) * dataset.utterance(i).duration_s;
  }
  return seconds;
}

EpochPlan PlanEpoch(const PretrainConfig& config, const PretrainStage& stage,
                    const SpeechDataset& dataset, uint64_t key) {
  std::vector<int64_t> members;
  std::vector<double> durations;
  for (int64_t i = 0; i < dataset.size(); ++i) {
    for (int64_t visit = 0; visit < Visits(stage, dataset, i); ++visit) {
      members.push_back(i);
      durations.push_back(dataset.utterance(i).duration_s);
    }
  }
  Rng rng(key);
  const auto micro_batches = MakeBatches(
      durations, {.max_seconds = config.micro_batch_seconds, .sorted = stage.sorted}, rng);
  EpochPlan plan;
  double seconds = config.batch_seconds;
  for (const std::vector<int64_t>& positions : micro_batches) {
    std::vector<int64_t> micro;
    double micro_seconds = 0;
    for (int64_t p : positions) {
      micro.push_back(members[static_cast<size_t>(p)]);
      micro_seconds += durations[static_cast<size_t>(p)];
    }
    if (seconds + micro_seconds > config.batch_seconds) {
      plan.emplace_back();
      seconds = 0;
    }
    plan.back().push_back(std::move(micro));
    seconds += micro_seconds;
  }
  return plan;
}

}  // namespace masr
