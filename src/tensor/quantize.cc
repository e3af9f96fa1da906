#include "tensor/quantize.h"

#include <algorithm>
#include <cmath>

namespace masr {

void QuantizeRows(int64_t rows, int64_t cols, const float* values, int8_t* out, float* scales) {
  for (int64_t r = 0; r < rows; ++r) {
    const float* row = values + r * cols;
    float absmax = 0;
    for (int64_t c = 0; c < cols; ++c) absmax = std::max(absmax, std::fabs(row[c]));
    scales[r] = absmax / 127.0f;
    const float inverse = absmax > 0 ? 127.0f / absmax : 0.0f;
    for (int64_t c = 0; c < cols; ++c) {
      out[r * cols + c] = static_cast<int8_t>(std::lrint(row[c] * inverse));
    }
  }
}

}  // namespace masr
