// From kept prefixes to batches that begin at the lowest block that learns.
#ifndef MOBILEASR_TRAIN_PREFIX_BATCHES_H_
#define MOBILEASR_TRAIN_PREFIX_BATCHES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "train/batch_loader.h"
#include "train/boundary_augment.h"
#include "train/prefix_cache.h"

namespace masr {

// The utterances at `indices`, as BatchLoader::Load gives them but from the cache's block on. Each
// one's augmentation depends on `key` and its index alone. Unreadable audio and targets longer than
// their frames are left out and reported. Fails only as PrefixCache::Get does. The dataset is the
// cache's, and owns the targets.
Result<Batch> LoadPrefixBatch(const Model& model, const SpeechDataset& dataset, PrefixCache& cache,
                              std::span<const int64_t> indices,
                              const BoundaryAugmentOptions& augment, uint64_t key,
                              const ThreadPool& threads, std::vector<LoadProblem>& problems);

}  // namespace masr

#endif  // MOBILEASR_TRAIN_PREFIX_BATCHES_H_
