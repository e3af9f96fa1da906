#include "audio/augment.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "audio/resampler.h"

namespace masr {
namespace {

constexpr double kTelephoneRateHz = 8000;

struct Range {
  int64_t begin = 0;
  int64_t end = 0;
};

// A width in 0..max_width and a place for it in 0..size.
Range DrawMask(int64_t max_width, int64_t size, Rng& rng) {
  max_width = std::clamp<int64_t>(max_width, 0, size);
  const auto width = static_cast<int64_t>(rng.Below(static_cast<uint64_t>(max_width) + 1));
  const auto begin = static_cast<int64_t>(rng.Below(static_cast<uint64_t>(size - width) + 1));
  return {begin, begin + width};
}

}  // namespace

void SpecAugment(const SpecAugmentOptions& options, int64_t frames, int64_t mels, float* features,
                 Rng& rng) {
  for (int i = 0; i < options.frequency_masks; ++i) {
    const Range mask = DrawMask(options.frequency_width, mels, rng);
    for (int64_t t = 0; t < frames; ++t) {
      std::fill(features + t * mels + mask.begin, features + t * mels + mask.end, 0.0f);
    }
  }
  const auto share = static_cast<int64_t>(options.time_fraction * static_cast<double>(frames));
  const int64_t time_width = std::min<int64_t>(share, options.time_width);
  for (int i = 0; i < options.time_masks; ++i) {
    const Range mask = DrawMask(time_width, frames, rng);
    std::fill(features + mask.begin * mels, features + mask.end * mels, 0.0f);
  }
}

Result<std::vector<float>> PerturbSpeed(std::span<const float> samples, double sample_rate_hz,
                                        double speed) {
  if (!(speed >= 0.1 && speed <= 10)) {  // so that NaN fails too
    return Fail(ErrorCode::kInvalidArgument, "cannot change the speed by a factor of " +
                                                 std::to_string(speed) +
                                                 ": give one between 0.1 and 10");
  }
  return Resample(samples, sample_rate_hz * speed, sample_rate_hz);
}

void AddNoise(std::span<float> samples, std::span<const float> noise, size_t noise_start,
              double snr_db) {
  if (samples.empty() || noise.empty()) return;
  const size_t start = noise_start % noise.size();
  double speech_energy = 0;
  for (const float x : samples) speech_energy += static_cast<double>(x) * x;
  // Of the part that is added, which may be louder or softer than the rest of the recording.
  double noise_energy = 0;
  size_t n = start;
  for (size_t i = 0; i < samples.size(); ++i) {
    noise_energy += static_cast<double>(noise[n]) * noise[n];
    if (++n == noise.size()) n = 0;
  }
  if (!(speech_energy > 0 && noise_energy > 0)) return;
  const double ratio = std::pow(10.0, snr_db / 10.0);
  const auto gain = static_cast<float>(std::sqrt(speech_energy / (noise_energy * ratio)));
  n = start;
  for (float& x : samples) {
    x += gain * noise[n];
    if (++n == noise.size()) n = 0;
  }
}

Result<std::vector<float>> TelephoneBand(std::span<const float> samples, double sample_rate_hz) {
  if (sample_rate_hz <= kTelephoneRateHz) return Resample(samples, sample_rate_hz, sample_rate_hz);
  MASR_TRY(const std::vector<float> narrow, Resample(samples, sample_rate_hz, kTelephoneRateHz));
  MASR_TRY(std::vector<float> wide, Resample(narrow, kTelephoneRateHz, sample_rate_hz));
  wide.resize(samples.size());  // rounding twice may have cost or added a few samples
  return wide;
}

}  // namespace masr
