#include "kernels/reference/elementwise.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/rng.h"

namespace masr::reference {
namespace {

double Sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
double NormalCdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }
double NormalDensity(double x) {
  return std::exp(-0.5 * x * x) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
}

double Value(Activation f, double x) {
  switch (f) {
    case Activation::kRelu:
      return std::max(x, 0.0);
    case Activation::kClippedRelu:
      return std::clamp(x, 0.0, 20.0);
    case Activation::kSilu:
      return x * Sigmoid(x);
    case Activation::kGelu:
      return x * NormalCdf(x);
  }
  return 0.0;
}

double Slope(Activation f, double x) {
  switch (f) {
    case Activation::kRelu:
      return x > 0.0 ? 1.0 : 0.0;
    case Activation::kClippedRelu:
      return x > 0.0 && x < 20.0 ? 1.0 : 0.0;
    case Activation::kSilu:
      return Sigmoid(x) * (1.0 + x * (1.0 - Sigmoid(x)));
    case Activation::kGelu:
      return NormalCdf(x) + x * NormalDensity(x);
  }
  return 0.0;
}

uint32_t Mix(uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  return x ^ (x >> 16);
}

}  // namespace

void ActivationForward(Activation f, int64_t n, const double* x, double* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = Value(f, x[i]);
}

void ActivationBackward(Activation f, int64_t n, const double* x, const double* dy, double* dx) {
  for (int64_t i = 0; i < n; ++i) dx[i] = dy[i] * Slope(f, x[i]);
}

void GluForward(int64_t rows, int64_t dim, const double* x, double* y) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < dim; ++c) {
      y[r * dim + c] = x[r * 2 * dim + c] * Sigmoid(x[r * 2 * dim + dim + c]);
    }
  }
}

void GluBackward(int64_t rows, int64_t dim, const double* x, const double* dy, double* dx) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < dim; ++c) {
      const int64_t value = r * 2 * dim + c;
      const int64_t gate = value + dim;
      const double s = Sigmoid(x[gate]);
      dx[value] = dy[r * dim + c] * s;
      dx[gate] = dy[r * dim + c] * x[value] * s * (1.0 - s);
    }
  }
}

void ScaleAdd(int64_t n, double a, const double* x, double b, double* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = a * x[i] + (b == 0.0 ? 0.0 : b * y[i]);
}

void Dropout(int64_t n, float p, uint64_t key, const double* x, double* y) {
  const uint64_t halves = SplitMix64(key);
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t first = Mix(static_cast<uint32_t>(i) ^ static_cast<uint32_t>(halves));
    const uint32_t hash = Mix(first ^ static_cast<uint32_t>(halves >> 32));
    const double uniform = (hash >> 8) * 0x1p-24;
    y[i] = uniform >= p ? x[i] / (1.0 - p) : 0.0;
  }
}

}  // namespace masr::reference
