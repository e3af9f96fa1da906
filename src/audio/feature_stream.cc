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

RunningNormalizer::RunningNormalizer(int64_t mels, const RunningPrior& prior)
    : prior_(prior),
      count_(prior.prior_frames),
      sums_(static_cast<size_t>(mels)),
      squares_(static_cast<size_t>(mels), prior.prior_frames * prior.prior_std * prior.prior_std) {}

void RunningNormalizer::Normalize(int64_t frames, float* features) {
  const size_t mels = sums_.size();
  for (int64_t t = 0; t < frames; ++t) {
    count_ += 1;
    for (size_t m = 0; m < mels; ++m) {
      float& x = *features++;
      const double d = x - prior_.prior_mean;
      sums_[m] += d;
      squares_[m] += d * d;
      const double mean = sums_[m] / count_;
      x = static_cast<float>((d - mean) * InverseStd(squares_[m] / count_ - mean * mean));
    }
  }
}

void NormalizeFeatures(Normalization mode, int64_t frames, int64_t mels, float* features,
                       const RunningPrior& prior) {
  if (mode == Normalization::kPerUtterance && frames > 0) {
    NormalizeUtterance(frames, mels, features);
  } else if (mode == Normalization::kRunning) {
    RunningNormalizer(mels, prior).Normalize(frames, features);
  }
}

}  // namespace masr
