#include "audio/running_statistics.h"

#include <algorithm>
#include <cmath>

namespace masr {

RunningStatistics::RunningStatistics(int64_t mels, const RunningStatisticsOptions& options)
    : options_(options),
      means_(static_cast<size_t>(mels)),
      variances_(static_cast<size_t>(mels)),
      quiet_means_(static_cast<size_t>(mels)) {}

// Welford's recurrence, with a count that stays at the memory's length.
void RunningStatistics::Add(const float* frame, bool speech) {
  count_ = std::min(count_ + 1, options_.memory_frames);
  (speech ? speech_count_ : quiet_count_) += 1;
  const double quiet_weight = speech ? 0 : 1 / std::min(quiet_count_, 100.0);
  for (size_t m = 0; m < means_.size(); ++m) {
    const double before = frame[m] - means_[m];
    means_[m] += before / count_;
    variances_[m] += (before * (frame[m] - means_[m]) - variances_[m]) / count_;
    quiet_means_[m] += quiet_weight * (frame[m] - quiet_means_[m]);
  }
}

void RunningStatistics::Normalize(int64_t frames, float* features) const {
  const size_t mels = means_.size();
  std::vector<double> means(mels);
  std::vector<double> scales(mels);
  const double imagined =
      quiet_count_ > 0 ? std::max(0.0, options_.speech_frames - speech_count_) : 0.0;
  const double share = imagined / std::max(count_ + imagined, 1.0);
  for (size_t m = 0; m < mels; ++m) {
    // Mean and variance of two sets put together.
    const double apart = quiet_means_[m] + options_.speech_lift - means_[m];
    means[m] = means_[m] + share * apart;
    const double variance = (1 - share) * variances_[m] +
                            share * options_.speech_std * options_.speech_std +
                            share * (1 - share) * apart * apart;
    // As in NormalizeFeatures: below this it is rounding.
    scales[m] = 1.0 / std::sqrt(std::max(variance, 1e-10));
  }
  for (int64_t t = 0; t < frames; ++t) {
    for (size_t m = 0; m < mels; ++m, ++features) {
      *features = static_cast<float>((*features - means[m]) * scales[m]);
    }
  }
}

void RunningStatistics::Reset() {
  count_ = speech_count_ = quiet_count_ = 0;
  for (auto* values : {&means_, &variances_, &quiet_means_}) {
    std::fill(values->begin(), values->end(), 0.0);
  }
}

}  // namespace masr
