#include "audio/waveform.h"

#include <cmath>

namespace masr {

void NormalizeWaveform(std::span<float> samples) {
  if (samples.empty()) return;
  constexpr double kEpsilon = 1e-7;
  const auto count = static_cast<double>(samples.size());
  double mean = 0;
  for (const float x : samples) mean += x;
  mean /= count;
  double variance = 0;
  for (const float x : samples) variance += (x - mean) * (x - mean);
  const double scale = 1.0 / std::sqrt(variance / count + kEpsilon);
  for (float& x : samples) x = static_cast<float>((x - mean) * scale);
}

}  // namespace masr
