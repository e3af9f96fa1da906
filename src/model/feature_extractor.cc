#include "model/feature_extractor.h"

#include "audio/waveform.h"

namespace masr {

Result<FeatureExtractor> FeatureExtractor::Create(const FeatureConfig& config) {
  if (config.kind == FeatureKind::kWaveform) return FeatureExtractor(config, std::nullopt);
  MASR_TRY(LogMel log_mel, LogMel::Create(config.log_mel));
  return FeatureExtractor(config, std::move(log_mel));
}

std::vector<float> FeatureExtractor::Features(std::vector<float> samples) const {
  if (!log_mel_) {
    if (config_.normalization == Normalization::kPerUtterance) NormalizeWaveform(samples);
    return samples;
  }
  std::vector<float> features = log_mel_->ComputeAll(samples);
  const int64_t frames = static_cast<int64_t>(features.size()) / width();
  NormalizeFeatures(config_.normalization, frames, width(), features.data());
  return features;
}

}  // namespace masr
