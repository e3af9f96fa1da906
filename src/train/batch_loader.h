// From utterances to a batch that an encoder can learn from: samples, augmentation, features,
// targets.
#ifndef MOBILEASR_TRAIN_BATCH_LOADER_H_
#define MOBILEASR_TRAIN_BATCH_LOADER_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "data/speech_dataset.h"
#include "model/feature_extractor.h"
#include "model/model.h"
#include "train/augmentation.h"
#include "train/reading_room.h"

namespace masr {

struct Batch {
  std::vector<int64_t>
      utterances;  // indices into the dataset, in batch order; the first of joined ones
  std::vector<int64_t> frames;                    // feature frames of each
  std::vector<float> features;                    // [sum of frames, mels], normalised
  std::vector<std::span<const int32_t>> targets;  // into the dataset, or into `joined`
  std::vector<std::vector<int32_t>> joined;       // targets of utterances played as one
  // Not 0 where the blocks before it do not learn and what they gave was kept: frames and features
  // are then those of what enters this block.
  size_t first_block = 0;
};

// What was left out of a batch and why.
struct LoadProblem {
  int64_t utterance;
  std::string message;  // names the manifest line
};

// Whether `out_frames` logits can spell the target; the error names the utterance's line.
Status CheckTargetFits(const Utterance& utterance, std::span<const int32_t> target,
                       int64_t out_frames);

class BatchLoader {
 public:
  // All must outlive the loader; `noise` may be null. The dataset's rate is the model's.
  static Result<BatchLoader> Create(const Model& model, SpeechDataset& dataset,
                                    SpeechDataset* noise, const ThreadPool& threads);

  // However many threads there are: at most so much speech is in memory as samples at a time, or an
  // utterance that is longer.
  void LimitReading(double seconds) { room_ = std::make_unique<ReadingRoom>(seconds); }

  // The utterances at `indices`; each one's augmentation depends on `key` and its index alone, and
  // which are joined on `key` and `indices`. Unreadable audio and targets longer than their frames
  // are left out, with what they were joined to, and reported.
  Batch Load(std::span<const int64_t> indices, const AugmentOptions& augment, uint64_t key,
             std::vector<LoadProblem>& problems);
  // The same utterances as one, one after the other: [frames, mels], normalised. May be called from
  // several threads for different utterances.
  Result<std::vector<float>> Features(std::span<const int64_t> group, const AugmentOptions& augment,
                                      uint64_t key);

 private:
  BatchLoader(const Model& model, SpeechDataset& dataset, SpeechDataset* noise,
              const ThreadPool& threads, FeatureExtractor features)
      : model_(model),
        dataset_(dataset),
        noise_(noise),
        threads_(threads),
        features_(std::move(features)) {}

  double SecondsOf(std::span<const int64_t> group) const;
  Result<std::vector<float>> Noise(int64_t index);
  std::vector<std::span<const int64_t>> Groups(std::span<const int64_t> indices,
                                               const AugmentOptions& augment, uint64_t key) const;
  std::span<const int32_t> Target(std::span<const int64_t> group, Batch& batch) const;

  const Model& model_;
  SpeechDataset& dataset_;
  SpeechDataset* noise_;
  const ThreadPool& threads_;
  FeatureExtractor features_;
  std::unique_ptr<ReadingRoom> room_;  // null: without limit
  // Two utterances may draw the same noise at the same time.
  std::unique_ptr<std::mutex> noise_mutex_ = std::make_unique<std::mutex>();
};

}  // namespace masr

#endif  // MOBILEASR_TRAIN_BATCH_LOADER_H_
