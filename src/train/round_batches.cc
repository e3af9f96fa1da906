#include "train/round_batches.h"

#include <utility>

namespace masr {

Result<RoundBatches> RoundBatches::Create(const Model& model, SpeechDataset& dataset,
                                          const Candidate& candidate, const AugmentOptions& augment,
                                          const PrefixCacheOptions& cache,
                                          const ThreadPool& threads, Arena* arena) {
  RoundBatches batches(model, dataset, augment, threads);
  if (candidate.cache) {
    MASR_TRY(PrefixCache made,
             PrefixCache::Create(model, dataset, candidate.first_block, threads, arena, cache));
    batches.cache_.emplace(std::move(made));
  } else {
    MASR_TRY(BatchLoader made, BatchLoader::Create(model, dataset, nullptr, threads));
    batches.loader_.emplace(std::move(made));
  }
  return batches;
}

Result<Batch> RoundBatches::Training(std::span<const int64_t> indices, uint64_t key,
                                     std::vector<LoadProblem>& problems) {
  if (!cache_) return loader_->Load(indices, augment_, key, problems);
  return LoadPrefixBatch(*model_, *dataset_, *cache_, indices, BoundaryAugmentOf(augment_), key,
                         *threads_, problems);
}

Result<Batch> RoundBatches::Validation(std::span<const int64_t> indices,
                                       std::vector<LoadProblem>& problems) {
  if (!cache_) return loader_->Load(indices, {}, 0, problems);
  return LoadPrefixBatch(*model_, *dataset_, *cache_, indices, {}, 0, *threads_, problems);
}

}  // namespace masr
