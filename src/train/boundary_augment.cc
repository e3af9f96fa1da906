#include "train/boundary_augment.h"

#include <algorithm>
#include <cmath>

namespace masr {
namespace {

struct Range {
  int64_t begin;
  int64_t end;
};

// 0 to `width` of `count`, somewhere.
Range DrawMask(int64_t width, int64_t count, Rng& rng) {
  width = std::min(width, count);
  const auto size = static_cast<int64_t>(rng.Below(static_cast<uint64_t>(width) + 1));
  const auto begin = static_cast<int64_t>(rng.Below(static_cast<uint64_t>(count - size) + 1));
  return {begin, begin + size};
}

int64_t Share(double fraction, int64_t count) {
  return static_cast<int64_t>(fraction * static_cast<double>(count));
}

std::vector<float> Means(int64_t frames, int64_t width, const std::vector<float>& rows) {
  std::vector<double> sums(static_cast<size_t>(width), 0.0);
  for (size_t i = 0; i < rows.size(); ++i) sums[i % sums.size()] += rows[i];
  std::vector<float> means(sums.size());
  for (size_t c = 0; c < sums.size(); ++c) {
    means[c] = static_cast<float>(sums[c] / static_cast<double>(frames));
  }
  return means;
}

}  // namespace

BoundaryAugmentOptions BoundaryAugmentOf(const AugmentOptions& augment) {
  BoundaryAugmentOptions options{.speeds = augment.speeds};
  if (!augment.spec_augment) return options;
  options.time_masks = augment.spec.time_masks;
  options.time_fraction = augment.spec.time_fraction;
  return options;
}

std::vector<float> ResampleFrames(std::vector<float> rows, int64_t width, double speed) {
  const int64_t frames = static_cast<int64_t>(rows.size()) / width;
  const int64_t out_frames =
      std::max<int64_t>(1, std::llround(static_cast<double>(frames) / speed));
  if (out_frames == frames || frames == 0) return rows;
  std::vector<float> out(static_cast<size_t>(out_frames * width));
  for (int64_t t = 0; t < out_frames; ++t) {
    // Middles of frames, so that both ends are treated alike.
    const double at = (static_cast<double>(t) + 0.5) * static_cast<double>(frames) /
                          static_cast<double>(out_frames) -
                      0.5;
    const double clamped = std::clamp(at, 0.0, static_cast<double>(frames - 1));
    const auto left = static_cast<int64_t>(clamped);
    const int64_t right = std::min(left + 1, frames - 1);
    const auto share = static_cast<float>(clamped - static_cast<double>(left));
    const float* a = rows.data() + left * width;
    const float* b = rows.data() + right * width;
    float* to = out.data() + t * width;
    for (int64_t c = 0; c < width; ++c) to[c] = a[c] + share * (b[c] - a[c]);
  }
  return out;
}

void MaskFrames(const BoundaryAugmentOptions& options, int64_t width, std::vector<float>& rows,
                Rng& rng) {
  const int64_t frames = static_cast<int64_t>(rows.size()) / width;
  if (frames == 0 || (options.time_masks <= 0 && options.channel_masks <= 0)) return;
  const std::vector<float> means = Means(frames, width, rows);
  const int64_t channels = Share(options.channel_fraction, width);
  for (int i = 0; i < options.channel_masks; ++i) {
    const Range mask = DrawMask(channels, width, rng);
    for (int64_t t = 0; t < frames; ++t) {
      std::copy(means.begin() + mask.begin, means.begin() + mask.end,
                rows.begin() + t * width + mask.begin);
    }
  }
  const int64_t longest = Share(options.time_fraction, frames);
  for (int i = 0; i < options.time_masks; ++i) {
    const Range mask = DrawMask(longest, frames, rng);
    for (int64_t t = mask.begin; t < mask.end; ++t) {
      std::copy(means.begin(), means.end(), rows.begin() + t * width);
    }
  }
}

}  // namespace masr
