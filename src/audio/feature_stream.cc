#include "audio/feature_stream.h"

#include <algorithm>
#include <cmath>

namespace masr {
namespace {

// Variances below this are rounding; a bin that never changes becomes 0, not noise blown up.
constexpr double kVarianceFloor = 1e-10;

double InverseStd(double variance) { return 1.0 / std::sqrt(std::max(variance, kVarianceFloor)); }

constexpr double kUnbiasedGuard = 1e-5;

// Of a bin whose squared distances from its mean add up to `squares`.
double Scale(Normalization mode, double squares, int64_t frames) {
  const auto n = static_cast<double>(frames);
  if (mode == Normalization::kPerUtterance) return InverseStd(squares / n);
  return 1.0 / (std::sqrt(squares / std::max(n - 1, 1.0)) + kUnbiasedGuard);
}

void NormalizeUtterance(Normalization mode, int64_t frames, int64_t mels, float* features) {
  for (int64_t m = 0; m < mels; ++m) {
    double mean = 0;
    for (int64_t t = 0; t < frames; ++t) mean += features[t * mels + m];
    mean /= static_cast<double>(frames);
    double squares = 0;
    for (int64_t t = 0; t < frames; ++t) {
      const double d = features[t * mels + m] - mean;
      squares += d * d;
    }
    const double scale = Scale(mode, squares, frames);
    for (int64_t t = 0; t < frames; ++t) {
      float& x = features[t * mels + m];
      x = static_cast<float>((x - mean) * scale);
    }
  }
}

}  // namespace

int64_t FeatureStream::Take(int64_t count, std::vector<float>& frames) {
  if (count == 0) return 0;
  const size_t old_size = frames.size();
  frames.resize(old_size + count * log_mel_->mels());
  log_mel_->Compute(pending_.data(), next_frame_, count, frames.data() + old_size);
  pending_.erase(pending_.begin(), pending_.begin() + count * log_mel_->hop_samples());
  next_frame_ += count;
  return count;
}

int64_t FeatureStream::Push(std::span<const float> samples, std::vector<float>& frames) {
  if (heard_ == 0) pending_.assign(static_cast<size_t>(log_mel_->lead_samples()), 0.0f);
  log_mel_->Append(samples, last_, pending_);
  heard_ += static_cast<int64_t>(samples.size());
  const int64_t windows = log_mel_->Windows(static_cast<int64_t>(pending_.size()));
  // A window may be complete before it is certain that the utterance has its frame.
  return Take(std::min(windows, log_mel_->Frames(heard_) - next_frame_), frames);
}

int64_t FeatureStream::Finish(std::vector<float>& frames) {
  const int64_t count = log_mel_->Frames(heard_) - next_frame_;
  if (count > 0) {
    const int64_t end = (count - 1) * log_mel_->hop_samples() + log_mel_->window_samples();
    if (static_cast<int64_t>(pending_.size()) < end) pending_.resize(static_cast<size_t>(end));
    Take(count, frames);
  }
  Reset();
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
  if (IsPerUtterance(mode) && frames > 0) {
    NormalizeUtterance(mode, frames, mels, features);
  } else if (mode == Normalization::kRunning) {
    RunningNormalizer(mels, prior).Normalize(frames, features);
  }
}

}  // namespace masr
