#include "audio/convolve.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"

namespace masr {
namespace {

std::vector<float> Noise(size_t count, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> samples(count);
  for (float& x : samples) x = static_cast<float>(rng.Uniform(-1, 1));
  return samples;
}

std::vector<double> Plain(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.empty() || b.empty()) return {};
  std::vector<double> sum(a.size() + b.size() - 1);
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = 0; j < b.size(); ++j) sum[i + j] += static_cast<double>(a[i]) * b[j];
  }
  return sum;
}

TEST(Convolve, IsThePlainSum) {
  for (const size_t signal : {0u, 1u, 2u, 500u, 1024u, 5000u}) {
    for (const size_t kernel : {0u, 1u, 3u, 255u, 256u, 257u, 1500u}) {
      const std::vector<float> a = Noise(signal, 1), b = Noise(kernel, 2);
      const auto fast = Convolve(a, b);
      ASSERT_TRUE(fast) << fast.error().message;
      const std::vector<double> plain = Plain(a, b);
      ASSERT_EQ(fast->size(), plain.size()) << signal << " with " << kernel;
      for (size_t i = 0; i < plain.size(); ++i) {
        ASSERT_NEAR((*fast)[i], plain[i], 1e-4) << signal << " with " << kernel << " at " << i;
      }
    }
  }
}

TEST(Convolve, AnImpulseDelays) {
  const std::vector<float> signal = Noise(3000, 3);
  std::vector<float> impulse(701);
  impulse[700] = 2;
  const auto delayed = Convolve(signal, impulse);
  ASSERT_TRUE(delayed);
  for (size_t i = 0; i < signal.size(); ++i) ASSERT_NEAR((*delayed)[i + 700], 2 * signal[i], 1e-5);
  for (size_t i = 0; i < 700; ++i) ASSERT_NEAR((*delayed)[i], 0, 1e-5);
}

}  // namespace
}  // namespace masr
