#include "audio/feature_stream.h"

#include <algorithm>
#include <cmath>

namespace masr {
namespace {

// Variances below this are rounding; a bin that never changes becomes 0, not noise blown up.
constexpr double kVarianceFloor = 1e-10;

double InverseStd(double variance) { return 1.0 / std::sqrt(std::max(variance, kVarianceFloor)); }

void NormalizeUtterance(int64_t frames, int64_t mels, float* features) {
  for (int64_t m = 0; m < mels; ++m) {
    double mean = 0;
    for (int64_t t = 0; t < frames; ++t) mean += features[t * mels + m];
    mean /= static_cast<double>(frames);
    double variance = 0;
    for (int64_t t = 0; t < frames; ++t) {
      const double d = features[t * mels + m] - mean;
      variance += d * d;
    }
    const double scale = InverseStd(variance / static_cast<double>(frames));
    for (int64_t t = 0; t < frames; ++t) {
      float& x = features[t * mels + m];
      x = static_cast<float>((x - mean) * scale);
    }
  }
}

void NormalizeRunning(int64_t frames, int64_t mels, float* features, const RunningPrior& prior) {
  for (int64_t m = 0; m < mels; ++m) {
    // Sums of the distance from the prior's mean: smaller numbers than the values, so less is lost.
    double count = prior.prior_frames;
    double sum = 0;
    double squares = prior.prior_frames * prior.prior_std * prior.prior_std;
    for (int64_t t = 0; t < frames; ++t) {
      float& x = features[t * mels + m];
      const double d = x - prior.prior_mean;
      count += 1;
      sum += d;
      squares += d * d;
      const double mean = sum / count;
      x = static_cast<float>((d - mean) * InverseStd(squares / count - mean * mean));
    }
  }
}

}  // namespace

int64_t FeatureStream::Push(std::span<const float> samples, std::vector<float>& frames) {
  pending_.insert(pending_.end(), samples.begin(), samples.end());
  const int64_t count = log_mel_->Frames(static_cast<int64_t>(pending_.size()));
  if (count == 0) return 0;
  const size_t old_size = frames.size();
  frames.resize(old_size + count * log_mel_->mels());
  log_mel_->Compute(pending_.data(), next_frame_, count, frames.data() + old_size);
  pending_.erase(pending_.begin(), pending_.begin() + count * log_mel_->hop_samples());
  next_frame_ += count;
  return count;
}

void NormalizeFeatures(Normalization mode, int64_t frames, int64_t mels, float* features,
                       const RunningPrior& prior) {
  if (mode == Normalization::kPerUtterance && frames > 0) {
    NormalizeUtterance(frames, mels, features);
  } else if (mode == Normalization::kRunning) {
    NormalizeRunning(frames, mels, features, prior);
  }
}

}  // namespace masr
