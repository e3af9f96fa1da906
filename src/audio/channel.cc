#include "audio/channel.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace masr {
namespace {

// Of the two second-order parts of a fourth-order Butterworth filter: 1 / (2 cos(pi / 8)) and
// 1 / (2 cos(3 pi / 8)).
constexpr double kButterworthQ[] = {0.54119610, 1.30656296};

enum class Pass { kLow, kHigh };

// One biquad, in its transposed direct form II.
void Filter(std::span<float> samples, Pass pass, double w, double q) {
  const double alpha = std::sin(w) / (2 * q);
  const double cosine = std::cos(w);
  const double a0 = 1 + alpha;
  const double b1 = (pass == Pass::kLow ? 1 - cosine : -(1 + cosine)) / a0;
  const double b0 = std::abs(b1) / 2;
  const double a1 = -2 * cosine / a0;
  const double a2 = (1 - alpha) / a0;
  double s1 = 0, s2 = 0;
  for (float& sample : samples) {
    const double x = sample;
    const double y = b0 * x + s1;
    s1 = b1 * x - a1 * y + s2;
    s2 = b0 * x - a2 * y;
    sample = static_cast<float>(y);
  }
}

}  // namespace

void Clip(std::span<float> samples, double depth_db) {
  if (!(depth_db > 0)) return;
  float peak = 0;
  for (const float x : samples) peak = std::max(peak, std::abs(x));
  const float limit = peak * static_cast<float>(std::pow(10.0, -depth_db / 20));
  for (float& x : samples) x = std::clamp(x, -limit, limit);
}

void BandLimit(std::span<float> samples, double sample_rate_hz, double low_hz, double high_hz) {
  for (const double q : kButterworthQ) {
    const double radians_per_hz = 2 * std::numbers::pi / sample_rate_hz;
    if (low_hz > 0 && low_hz < sample_rate_hz / 2) {
      Filter(samples, Pass::kHigh, low_hz * radians_per_hz, q);
    }
    if (high_hz > 0 && high_hz < sample_rate_hz / 2) {
      Filter(samples, Pass::kLow, high_hz * radians_per_hz, q);
    }
  }
}

}  // namespace masr
