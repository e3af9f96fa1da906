#include "kernels/reference/instance_norm.h"

#include <cmath>

namespace masr::reference {
namespace {

struct Moments {
  double mean;
  double inv_std;
};

// Of channel c of rows [begin, end), of which there is at least one.
Moments MomentsOf(int64_t begin, int64_t end, int64_t channels, int64_t c, double epsilon,
                  const double* x) {
  const auto frames = static_cast<double>(end - begin);
  double mean = 0.0;
  for (int64_t r = begin; r < end; ++r) mean += x[r * channels + c] / frames;
  double variance = 0.0;
  for (int64_t r = begin; r < end; ++r) {
    variance += (x[r * channels + c] - mean) * (x[r * channels + c] - mean) / frames;
  }
  return {mean, 1.0 / std::sqrt(variance + epsilon)};
}

}  // namespace

void InstanceNormForward(Offsets offsets, int64_t channels, double epsilon, const double* x,
                         const double* gamma, const double* beta, double* y) {
  for (size_t u = 0; u + 1 < offsets.size(); ++u) {
    for (int64_t c = 0; c < channels; ++c) {
      const Moments m = MomentsOf(offsets[u], offsets[u + 1], channels, c, epsilon, x);
      for (int64_t r = offsets[u]; r < offsets[u + 1]; ++r) {
        y[r * channels + c] = (x[r * channels + c] - m.mean) * m.inv_std * gamma[c] + beta[c];
      }
    }
  }
}

void InstanceNormBackward(Offsets offsets, int64_t channels, double epsilon, const double* x,
                          const double* gamma, const double* dy, double* dx, double* dgamma,
                          double* dbeta) {
  for (size_t u = 0; u + 1 < offsets.size(); ++u) {
    const auto frames = static_cast<double>(offsets[u + 1] - offsets[u]);
    for (int64_t c = 0; c < channels; ++c) {
      const Moments m = MomentsOf(offsets[u], offsets[u + 1], channels, c, epsilon, x);
      double sum = 0.0;
      double dot = 0.0;
      for (int64_t r = offsets[u]; r < offsets[u + 1]; ++r) {
        sum += dy[r * channels + c];
        dot += dy[r * channels + c] * (x[r * channels + c] - m.mean) * m.inv_std;
      }
      dgamma[c] += dot;
      dbeta[c] += sum;
      for (int64_t r = offsets[u]; r < offsets[u + 1]; ++r) {
        const double normal = (x[r * channels + c] - m.mean) * m.inv_std;
        dx[r * channels + c] =
            gamma[c] * m.inv_std * (dy[r * channels + c] - (sum + normal * dot) / frames);
      }
    }
  }
}

}  // namespace masr::reference
