// Where a round's batches come from: from audio, or from what the frozen blocks have made of it.
#ifndef MOBILEASR_TRAIN_ROUND_BATCHES_H_
#define MOBILEASR_TRAIN_ROUND_BATCHES_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "plan/candidate.h"
#include "train/batch_loader.h"
#include "train/prefix_batches.h"
#include "train/prefix_cache.h"

namespace masr {

// The same batches for the same key, whatever was asked for before: a round that is resumed needs
// nothing of a cache that was lost. Movable; one thread at a time.
class RoundBatches {
 public:
  // All but the options must outlive it. Where candidate.cache, blocks below candidate.first_block
  // run in `arena` (PrefixCache), and `augment` is what comes nearest to it there.
  static Result<RoundBatches> Create(const Model& model, SpeechDataset& dataset,
                                     const Candidate& candidate, const AugmentOptions& augment,
                                     const PrefixCacheOptions& cache, const ThreadPool& threads,
                                     Arena* arena);

  // As BatchLoader's.
  void LimitReading(double seconds) {
    loader_ ? loader_->LimitReading(seconds) : cache_->LimitReading(seconds);
  }

  // Of an update; `key` seeds the augmentation.
  Result<Batch> Training(std::span<const int64_t> indices, uint64_t key,
                         std::vector<LoadProblem>& problems);
  // As they are.
  Result<Batch> Validation(std::span<const int64_t> indices, std::vector<LoadProblem>& problems);

  // Null where batches come from audio.
  const PrefixCache* cache() const { return cache_ ? &*cache_ : nullptr; }

 private:
  RoundBatches(const Model& model, SpeechDataset& dataset, const AugmentOptions& augment,
               const ThreadPool& threads)
      : model_(&model), dataset_(&dataset), augment_(augment), threads_(&threads) {}

  const Model* model_;
  SpeechDataset* dataset_;
  AugmentOptions augment_;
  const ThreadPool* threads_;
  // One of the two.
  std::optional<BatchLoader> loader_;
  std::optional<PrefixCache> cache_;
};

}  // namespace masr

#endif  // MOBILEASR_TRAIN_ROUND_BATCHES_H_
