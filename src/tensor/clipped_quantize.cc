#include "tensor/clipped_quantize.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace masr {
namespace {

constexpr int kClips = 11;  // 100 % to 50 % in steps of 5 %

long Code(float value, float inverse) {
  return std::lrint(std::clamp(value * inverse, -127.0f, 127.0f));
}

// Adding and taking away 1.5 * 2^23 rounds a float to the nearest whole number as lrint does, and,
// unlike a call, in vectors.
float Rounded(float code) {
  constexpr float kMagic = 12582912.0f;
  return (code + kMagic) - kMagic;
}

// In several sums side by side, for the same reason.
double SquaredError(int64_t cols, const float* row, float scale) {
  constexpr int64_t kSums = 16;
  const float inverse = 1.0f / scale;
  const auto square = [=](float value) {
    const float code = Rounded(std::min(std::max(value * inverse, -127.0f), 127.0f));
    const float difference = value - scale * code;
    return difference * difference;
  };
  float sums[kSums] = {};
  int64_t c = 0;
  for (; c + kSums <= cols; c += kSums) {
    for (int64_t i = 0; i < kSums; ++i) sums[i] += square(row[c + i]);
  }
  double error = 0;
  for (const float sum : sums) error += sum;
  for (; c < cols; ++c) error += square(row[c]);
  return error;
}

float BestScale(int64_t cols, const float* row, float absmax) {
  float best = absmax / 127.0f;
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kClips; ++i) {
    const float scale = absmax * (1.0f - 0.05f * static_cast<float>(i)) / 127.0f;
    const double error = SquaredError(cols, row, scale);
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}

}  // namespace

void QuantizeRowsClipped(int64_t rows, int64_t cols, const float* values, int8_t* out,
                         float* scales) {
  for (int64_t r = 0; r < rows; ++r) {
    const float* row = values + r * cols;
    float absmax = 0;
    for (int64_t c = 0; c < cols; ++c) absmax = std::max(absmax, std::fabs(row[c]));
    // A scale that is no normal number has no inverse.
    const bool empty = absmax / 127.0f < 2 * std::numeric_limits<float>::min();
    scales[r] = empty ? 0.0f : BestScale(cols, row, absmax);
    for (int64_t c = 0; c < cols; ++c) {
      out[r * cols + c] = empty ? int8_t{0} : static_cast<int8_t>(Code(row[c], 1.0f / scales[r]));
    }
  }
}

}  // namespace masr
