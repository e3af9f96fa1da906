#include "tensor/quantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.h"

namespace masr {
namespace {

TEST(Quantize, Bf16RoundsToNearestEven) {
  EXPECT_EQ(FloatToBf16(1.0f), 0x3f80);
  EXPECT_EQ(Bf16ToFloat(FloatToBf16(1.0f + 0x1p-8f)), 1.0f);            // tie, to even
  EXPECT_EQ(Bf16ToFloat(FloatToBf16(1.0f + 0x3p-8f)), 1.0f + 0x1p-6f);  // tie, to even
  EXPECT_TRUE(std::isnan(Bf16ToFloat(FloatToBf16(std::numeric_limits<float>::quiet_NaN()))));
  EXPECT_TRUE(std::isinf(Bf16ToFloat(FloatToBf16(std::numeric_limits<float>::infinity()))));
  Rng rng(1);
  for (int i = 0; i < 1000; ++i) {
    const float x = static_cast<float>(rng.Normal() * 100);
    EXPECT_NEAR(Bf16ToFloat(FloatToBf16(x)), x, std::fabs(x) / 256);
  }
}

TEST(Quantize, RowsAreWithinHalfAStepAndZeroRowsStayZero) {
  Rng rng(2);
  const int64_t rows = 5, cols = 33;
  std::vector<float> values(rows * cols);
  for (float& v : values) v = static_cast<float>(rng.Normal());
  for (int64_t c = 0; c < cols; ++c) values[2 * cols + c] = 0;
  std::vector<int8_t> q(rows * cols);
  std::vector<float> scales(rows);
  QuantizeRows(rows, cols, values.data(), q.data(), scales.data());
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < cols; ++c) {
      EXPECT_NEAR(scales[r] * q[r * cols + c], values[r * cols + c], scales[r] * 0.5001f);
    }
  }
  EXPECT_EQ(scales[2], 0);
}

}  // namespace
}  // namespace masr
