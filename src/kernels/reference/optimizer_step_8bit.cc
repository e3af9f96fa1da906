#include "kernels/reference/optimizer_step_8bit.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/bit_cast.h"

namespace masr::reference {
namespace {

uint32_t RandomBits(uint32_t place, uint32_t key) {
  uint32_t x = place ^ key;
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return x ^ (x >> 16);
}

// Of 0 <= share <= 1.
int32_t Code(double share, uint32_t random, int shift, int32_t base) {
  const uint32_t bits = BitCast<uint32_t>(static_cast<float>(share));
  return std::max(static_cast<int32_t>((bits + random) >> shift) - base, 0);
}

double ScaleOf(const std::vector<double>& values) {
  double largest = 0;
  for (const double v : values) largest = std::max(largest, std::abs(v));
  return largest < 1e-30 ? 0 : largest;
}

}  // namespace

double DecodeMoment(uint8_t code) {
  const uint32_t size = code & 127u;
  if (size == 0) return 0;
  const double value = BitCast<float>((size + 889) << 20);
  return code >= 128 ? -value : value;
}

double DecodeRoot(uint8_t code) { return code == 0 ? 0 : BitCast<float>((code + 1777u) << 19); }

void ApplyAdamW8(const AdamWStep& step, uint32_t key, int64_t n, const double* gradient, double* p,
                 const Moments8& moments) {
  for (int64_t begin = 0; begin < n; begin += kMomentBlock) {
    const int64_t block = begin / kMomentBlock;
    std::vector<double> m_new, s_new;
    for (int64_t i = begin; i < std::min(n, begin + kMomentBlock); ++i) {
      const double m = DecodeMoment(moments.m[i]) * moments.m_scales[block];
      const double s = DecodeRoot(moments.s[i]) * moments.s_scales[block];
      const double g = step.gradient_scale * gradient[i];
      m_new.push_back(step.beta1 * m + (1.0 - step.beta1) * g);
      s_new.push_back(std::sqrt(step.beta2 * s * s + (1.0 - step.beta2) * g * g));
      p[i] = p[i] * (1.0 - step.decay) -
             step.rate * m_new.back() / (s_new.back() * step.inverse_v + step.epsilon);
    }
    const double m_scale = ScaleOf(m_new);
    const double s_scale = ScaleOf(s_new);
    moments.m_scales[block] = static_cast<float>(m_scale);
    moments.s_scales[block] = static_cast<float>(s_scale);
    for (size_t k = 0; k < m_new.size(); ++k) {
      const int64_t i = begin + static_cast<int64_t>(k);
      const uint32_t random = RandomBits(static_cast<uint32_t>(i), key);
      const double m_share = m_scale > 0 ? std::abs(m_new[k]) / m_scale : 0;
      const double s_share = s_scale > 0 ? s_new[k] / s_scale : 0;
      const int32_t m_code = Code(m_share, (random & 0xffff) << 4, 20, 889);
      const int32_t s_code = Code(s_share, (random >> 16) << 3, 19, 1777);
      moments.m[i] = static_cast<uint8_t>(m_code + (m_new[k] < 0 ? 128 : 0));
      moments.s[i] = static_cast<uint8_t>(std::max(s_code, s_new[k] > 0 ? 1 : 0));
    }
  }
}

}  // namespace masr::reference
