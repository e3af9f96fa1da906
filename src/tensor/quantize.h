// Between f32 and what weights are stored as.
#ifndef MOBILEASR_TENSOR_QUANTIZE_H_
#define MOBILEASR_TENSOR_QUANTIZE_H_

#include <cstdint>
#include <cstring>

namespace masr {

inline float Bf16ToFloat(uint16_t value) {
  const uint32_t bits = static_cast<uint32_t>(value) << 16;
  float result;
  std::memcpy(&result, &bits, sizeof(result));
  return result;
}

// To nearest, ties to even; NaN stays NaN.
inline uint16_t FloatToBf16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  bits += 0x7fffu + ((bits >> 16) & 1u);
  return static_cast<uint16_t>(bits >> 16);
}

// Symmetric, one scale per row: values[r][c] ~ scales[r] * out[r][c], |out| <= 127, scale = absmax
// / 127. A row of zeros gets scale 0.
void QuantizeRows(int64_t rows, int64_t cols, const float* values, int8_t* out, float* scales);

}  // namespace masr

#endif  // MOBILEASR_TENSOR_QUANTIZE_H_
