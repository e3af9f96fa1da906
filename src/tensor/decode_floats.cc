#include "tensor/decode_floats.h"

#include <cmath>
#include <cstring>

#include "tensor/quantize.h"

namespace masr {
namespace {

float HalfToFloat(uint16_t half) {
  const float sign = (half & 0x8000) != 0 ? -1.0f : 1.0f;
  const int exponent = (half >> 10) & 0x1f;
  const int mantissa = half & 0x3ff;
  if (exponent == 31) return mantissa != 0 ? std::nanf("") : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), -24);
  return sign * std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
}

}  // namespace

bool IsFloat(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kBf16 || dtype == DType::kF16;
}

std::vector<float> DecodeFloats(const TensorEntry& entry) {
  std::vector<float> values(static_cast<size_t>(entry.elements()));
  for (size_t i = 0; i < values.size(); ++i) {
    if (entry.dtype == DType::kF32) {
      std::memcpy(&values[i], entry.bytes.data() + 4 * i, 4);
      continue;
    }
    uint16_t bits;
    std::memcpy(&bits, entry.bytes.data() + 2 * i, 2);
    values[i] = entry.dtype == DType::kBf16 ? Bf16ToFloat(bits) : HalfToFloat(bits);
  }
  return values;
}

}  // namespace masr
