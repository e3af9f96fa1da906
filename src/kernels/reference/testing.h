// What the kernels' tests share: instruction sets, random data, comparisons, numeric gradients.
// The plain twins compute in double, so that they can be differentiated numerically; kernels are
// then compared with the twins. Linked into tests only.
#ifndef MOBILEASR_KERNELS_REFERENCE_TESTING_H_
#define MOBILEASR_KERNELS_REFERENCE_TESTING_H_

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/rng.h"
#include "hwy/highway.h"
#include "hwy/targets.h"

namespace masr::reference {

// Runs `check` once for every instruction set compiled in that this CPU has.
template <class Check>
void ForEachTarget(const Check& check) {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    check();
    if (testing::Test::HasFailure()) break;
  }
  hwy::SetSupportedTargetsForTest(0);
}

// Uniform in [-scale, scale].
inline std::vector<float> RandomFloats(int64_t size, uint64_t seed, double scale = 1.0) {
  Rng rng(seed);
  std::vector<float> values(size);
  for (float& v : values) v = static_cast<float>(rng.Uniform(-scale, scale));
  return values;
}

inline std::vector<double> Doubles(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}

// |actual - expected| <= tolerance * (1 + |expected|), elementwise; NaN fails.
inline void ExpectClose(const std::vector<float>& actual, const std::vector<double>& expected,
                        double tolerance, const char* what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  for (size_t i = 0; i < actual.size(); ++i) {
    const double error = std::abs(actual[i] - expected[i]);
    ASSERT_LE(error, tolerance * (1.0 + std::abs(expected[i])))
        << what << "[" << i << "]: " << actual[i] << " instead of " << expected[i];
  }
}

inline bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

inline bool AllFinite(const std::vector<float>& values) {
  for (const float v : values) {
    if (!std::isfinite(v)) return false;
  }
  return true;
}

// Offsets of a packed batch of utterances of these lengths.
inline std::vector<int64_t> PackedOffsets(const std::vector<int64_t>& lengths) {
  std::vector<int64_t> offsets{0};
  for (const int64_t length : lengths) offsets.push_back(offsets.back() + length);
  return offsets;
}

// Expects that `gradient` is the derivative of loss() with respect to x, by central differences.
template <class Loss>
void ExpectNumericGradient(std::vector<double>& x, const std::vector<double>& gradient,
                           const Loss& loss, const char* what) {
  constexpr double kStep = 1e-5;
  ASSERT_EQ(x.size(), gradient.size()) << what;
  for (size_t i = 0; i < x.size(); ++i) {
    const double saved = x[i];
    x[i] = saved + kStep;
    const double above = loss();
    x[i] = saved - kStep;
    const double below = loss();
    x[i] = saved;
    const double slope = (above - below) / (2.0 * kStep);
    ASSERT_NEAR(gradient[i], slope, 1e-6 * (1.0 + std::abs(slope))) << what << "[" << i << "]";
  }
}

inline double Dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0.0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace masr::reference

#endif  // MOBILEASR_KERNELS_REFERENCE_TESTING_H_
