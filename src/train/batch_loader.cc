#include "train/batch_loader.h"

#include <optional>

#include "base/rng.h"
#include "ctc/ctc_loss.h"

namespace masr {

Result<BatchLoader> BatchLoader::Create(const Model& model, SpeechDataset& dataset,
                                        SpeechDataset* noise, const ThreadPool& threads) {
  MASR_TRY(FeatureExtractor features, FeatureExtractor::Create(model.config.features));
  return BatchLoader(model, dataset, noise, threads, std::move(features));
}

Status CheckTargetFits(const Utterance& utterance, std::span<const int32_t> target,
                       int64_t out_frames) {
  const int64_t needed = CtcMinimumFrames(target);
  if (out_frames >= 1 && out_frames >= needed) return {};
  return Fail(ErrorCode::kInvalidArgument,
              utterance.where + ": text needs " + std::to_string(needed) +
                  " frames but the audio gives " + std::to_string(out_frames) +
                  "; check that audio and text belong together");
}

Result<std::vector<float>> BatchLoader::Noise(int64_t index) {
  const std::lock_guard lock(*noise_mutex_);
  return noise_->Samples(index);
}

// Neighbours in the batch that are played as one utterance, one after the other.
std::vector<std::span<const int64_t>> BatchLoader::Groups(std::span<const int64_t> indices,
                                                          const AugmentOptions& augment,
                                                          uint64_t key) const {
  constexpr uint64_t kJoin = 0x6a6f696e;
  // Between their texts there has to be a space.
  const bool joins = augment.join_probability > 0 && model_.vocabulary.Encode(" ").has_value();
  Rng rng(indices.empty() ? 0 : MixKeys(key, kJoin, static_cast<uint64_t>(indices.front())));
  std::vector<std::span<const int64_t>> groups;
  for (size_t begin = 0; begin < indices.size();) {
    size_t end = begin + 1;
    double seconds = dataset_.utterance(indices[begin]).duration_s;
    while (joins && end < indices.size() && rng.Uniform() < augment.join_probability) {
      seconds += dataset_.utterance(indices[end]).duration_s;
      if (seconds > augment.join_max_seconds) break;
      ++end;
    }
    groups.push_back(indices.subspan(begin, end - begin));
    begin = end;
  }
  return groups;
}

double BatchLoader::SecondsOf(std::span<const int64_t> group) const {
  double seconds = 0;
  for (int64_t index : group) seconds += dataset_.utterance(index).duration_s;
  return seconds;
}

Result<std::vector<float>> BatchLoader::Features(std::span<const int64_t> group,
                                                 const AugmentOptions& augment, uint64_t key) {
  std::optional<ReadingRoom::Seat> seat;
  if (room_) seat.emplace(*room_, SecondsOf(group));
  const FeatureConfig& config = model_.config.features;
  const NoiseSource noise{.count = noise_ != nullptr ? noise_->size() : 0,
                          .samples = [this](int64_t i) { return Noise(i); }};
  std::vector<float> samples;
  Rng rng(0);
  for (int64_t index : group) {
    const uint64_t own_key = MixKeys(key, static_cast<uint64_t>(index));
    rng = Rng(own_key);
    MASR_TRY(std::vector<float> own, dataset_.Samples(index));
    MASR_TRY(own, AugmentSamples(std::move(own), config.sample_rate_hz(), augment, noise, own_key,
                                 rng, /*applied=*/nullptr));
    samples.insert(samples.end(), own.begin(), own.end());
  }
  std::vector<float> features = features_.Features(std::move(samples));
  // Its masks are bands of frequencies and times: a wave has neither.
  if (augment.spec_augment && config.kind == FeatureKind::kLogMel) {
    const int64_t mels = features_.width();
    SpecAugment(augment.spec, static_cast<int64_t>(features.size()) / mels, mels, features.data(),
                rng);
  }
  return features;
}

std::span<const int32_t> BatchLoader::Target(std::span<const int64_t> group, Batch& batch) const {
  if (group.size() == 1) return dataset_.target(group.front());
  const std::vector<int32_t> space = *model_.vocabulary.Encode(" ");
  std::vector<int32_t>& joined = batch.joined.emplace_back();
  for (int64_t index : group) {
    if (!joined.empty()) joined.insert(joined.end(), space.begin(), space.end());
    const auto target = dataset_.target(index);
    joined.insert(joined.end(), target.begin(), target.end());
  }
  return joined;
}

Batch BatchLoader::Load(std::span<const int64_t> indices, const AugmentOptions& augment,
                        uint64_t key, std::vector<LoadProblem>& problems) {
  const std::vector<std::span<const int64_t>> groups = Groups(indices, augment, key);
  std::vector<Result<std::vector<float>>> features(groups.size());
  threads_.ParallelFor(groups.size(),
                       [&](size_t i, int) { features[i] = Features(groups[i], augment, key); });
  Batch batch;
  for (size_t i = 0; i < groups.size(); ++i) {
    const int64_t index = groups[i].front();
    if (!features[i].has_value()) {
      problems.push_back({index, features[i].error().message});
      continue;
    }
    const int64_t frames = static_cast<int64_t>(features[i]->size()) / features_.width();
    const int64_t out_frames = model_.encoder.OutputFrames(frames);
    const std::span<const int32_t> target = Target(groups[i], batch);
    const Status fits = CheckTargetFits(dataset_.utterance(index), target, out_frames);
    if (!fits.has_value()) {
      problems.push_back({index, fits.error().message});
      continue;
    }
    batch.utterances.push_back(index);
    batch.frames.push_back(frames);
    batch.features.insert(batch.features.end(), features[i]->begin(), features[i]->end());
    batch.targets.push_back(target);
  }
  return batch;
}

}  // namespace masr
