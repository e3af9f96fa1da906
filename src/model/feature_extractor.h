// From samples to what a model's encoder hears, whatever kind of features that is.
#ifndef MOBILEASR_MODEL_FEATURE_EXTRACTOR_H_
#define MOBILEASR_MODEL_FEATURE_EXTRACTOR_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "audio/log_mel.h"
#include "base/result.h"
#include "model/model_config.h"

namespace masr {

// Movable; const functions are safe from several threads.
class FeatureExtractor {
 public:
  // Fails on what LogMel::Create refuses.
  static Result<FeatureExtractor> Create(const FeatureConfig& config);

  int64_t width() const { return config_.width(); }
  // Of one utterance's samples in [-1, 1] at the model's rate: [frames, width], normalised as the
  // configuration says.
  std::vector<float> Features(std::vector<float> samples) const;

 private:
  FeatureExtractor(const FeatureConfig& config, std::optional<LogMel> log_mel)
      : config_(config), log_mel_(std::move(log_mel)) {}

  FeatureConfig config_;
  std::optional<LogMel> log_mel_;  // none where the features are the wave
};

}  // namespace masr

#endif  // MOBILEASR_MODEL_FEATURE_EXTRACTOR_H_
