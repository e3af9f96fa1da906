#include "train/prefix_batches.h"

#include <utility>

namespace masr {

Result<Batch> LoadPrefixBatch(const Model& model, const SpeechDataset& dataset, PrefixCache& cache,
                              std::span<const int64_t> indices,
                              const BoundaryAugmentOptions& augment, uint64_t key,
                              const ThreadPool& threads, std::vector<LoadProblem>& problems) {
  MASR_TRY(std::vector<PrefixRows> rows, cache.Get(indices));
  const int64_t width = cache.width();
  threads.ParallelFor(rows.size(), [&](size_t i, int) {
    if (!rows[i].has_value()) return;
    Rng rng(MixKeys(key, static_cast<uint64_t>(indices[i])));
    *rows[i] = ResampleFrames(std::move(*rows[i]), width, DrawSpeed(augment.speeds, rng));
    MaskFrames(augment, width, *rows[i], rng);
  });
  Batch batch;
  batch.first_block = cache.first_block();
  for (size_t i = 0; i < rows.size(); ++i) {
    const int64_t index = indices[i];
    if (!rows[i].has_value()) {
      problems.push_back({index, rows[i].error().message});
      continue;
    }
    const int64_t frames = static_cast<int64_t>(rows[i]->size()) / width;
    const Status fits = CheckTargetFits(dataset.utterance(index), dataset.target(index),
                                        model.encoder.OutputFrames(frames, batch.first_block));
    if (!fits.has_value()) {
      problems.push_back({index, fits.error().message});
      continue;
    }
    batch.utterances.push_back(index);
    batch.frames.push_back(frames);
    batch.features.insert(batch.features.end(), rows[i]->begin(), rows[i]->end());
    batch.targets.push_back(dataset.target(index));
  }
  return batch;
}

}  // namespace masr
