#include "train/batch_loader.h"

#include "audio/feature_stream.h"
#include "base/rng.h"
#include "ctc/ctc_loss.h"

namespace masr {

Result<BatchLoader> BatchLoader::Create(const Model& model, SpeechDataset& dataset,
                                        SpeechDataset* noise, const ThreadPool& threads) {
  MASR_TRY(LogMel log_mel, LogMel::Create(model.config.features.log_mel));
  return BatchLoader(model, dataset, noise, threads, std::move(log_mel));
}

Result<std::vector<float>> BatchLoader::Noise(int64_t index) {
  const std::lock_guard lock(*noise_mutex_);
  return noise_->Samples(index);
}

Result<std::vector<float>> BatchLoader::Features(int64_t index, const AugmentOptions& augment,
                                                 uint64_t key) {
  const FeatureConfig& config = model_.config.features;
  const uint64_t own_key = MixKeys(key, static_cast<uint64_t>(index));
  Rng rng(own_key);
  const NoiseSource noise{.count = noise_ != nullptr ? noise_->size() : 0,
                          .samples = [this](int64_t i) { return Noise(i); }};
  MASR_TRY(std::vector<float> samples, dataset_.Samples(index));
  MASR_TRY(samples, AugmentSamples(std::move(samples), config.log_mel.sample_rate_hz, augment,
                                   noise, own_key, rng, /*applied=*/nullptr));
  std::vector<float> features = log_mel_.ComputeAll(samples);
  const int64_t mels = log_mel_.mels();
  const int64_t frames = static_cast<int64_t>(features.size()) / mels;
  NormalizeFeatures(config.normalization, frames, mels, features.data());
  if (augment.spec_augment) SpecAugment(augment.spec, frames, mels, features.data(), rng);
  return features;
}

Batch BatchLoader::Load(std::span<const int64_t> indices, const AugmentOptions& augment,
                        uint64_t key, std::vector<LoadProblem>& problems) {
  std::vector<Result<std::vector<float>>> features(indices.size());
  threads_.ParallelFor(indices.size(),
                       [&](size_t i, int) { features[i] = Features(indices[i], augment, key); });
  Batch batch;
  for (size_t i = 0; i < indices.size(); ++i) {
    const int64_t index = indices[i];
    if (!features[i].has_value()) {
      problems.push_back({index, features[i].error().message});
      continue;
    }
    const int64_t frames = static_cast<int64_t>(features[i]->size()) / log_mel_.mels();
    const int64_t out_frames = model_.encoder.OutputFrames(frames);
    const int64_t needed = CtcMinimumFrames(dataset_.target(index));
    if (frames < 1 || out_frames < 1 || out_frames < needed) {
      problems.push_back({index, dataset_.utterance(index).where + ": text needs " +
                                     std::to_string(needed) + " frames but the audio gives " +
                                     std::to_string(out_frames) +
                                     "; check that audio and text belong together"});
      continue;
    }
    batch.utterances.push_back(index);
    batch.frames.push_back(frames);
    batch.features.insert(batch.features.end(), features[i]->begin(), features[i]->end());
    batch.targets.push_back(dataset_.target(index));
  }
  return batch;
}

}  // namespace masr
