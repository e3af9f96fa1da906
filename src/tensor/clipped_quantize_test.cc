#include "tensor/clipped_quantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/rng.h"
#include "tensor/quantize.h"

namespace masr {
namespace {

using Quantizer = void (*)(int64_t, int64_t, const float*, int8_t*, float*);

struct Quantized {
  std::vector<int8_t> codes;
  std::vector<float> scales;
  double squared_error = 0;

  Quantized(Quantizer quantize, int64_t rows, int64_t cols, const std::vector<float>& values)
      : codes(values.size()), scales(static_cast<size_t>(rows)) {
    quantize(rows, cols, values.data(), codes.data(), scales.data());
    for (size_t i = 0; i < values.size(); ++i) {
      const double error = values[i] - scales[i / static_cast<size_t>(cols)] * codes[i];
      squared_error += error * error;
    }
  }
};

TEST(ClippedQuantize, IsNeverWorseAndBetterWhereARowHasAnOutlier) {
  Rng rng(1);
  for (const int64_t cols : {1, 2, 7, 64, 1000}) {
    std::vector<float> values(static_cast<size_t>(3 * cols));
    for (float& v : values) v = static_cast<float>(rng.Normal());
    const Quantized clipped(QuantizeRowsClipped, 3, cols, values);
    const Quantized plain(QuantizeRows, 3, cols, values);
    EXPECT_LE(clipped.squared_error, plain.squared_error * (1 + 1e-6)) << cols;
  }
  std::vector<float> values(100'000);
  for (float& v : values) v = static_cast<float>(rng.Normal());
  values[7] = 8;
  const Quantized clipped(QuantizeRowsClipped, 1, 100'000, values);
  const Quantized plain(QuantizeRows, 1, 100'000, values);
  EXPECT_LT(clipped.squared_error, 0.9 * plain.squared_error);
  EXPECT_EQ(clipped.codes[7], 127);
  EXPECT_LT(clipped.scales[0], plain.scales[0]);
}

TEST(ClippedQuantize, ARowThatWasQuantisedStaysAsItIs) {
  Rng rng(2);
  std::vector<float> values(300);
  for (float& v : values) v = static_cast<float>(rng.Normal());
  const Quantized once(QuantizeRowsClipped, 3, 100, values);
  std::vector<float> stored(300);
  for (size_t i = 0; i < 300; ++i) stored[i] = once.scales[i / 100] * once.codes[i];
  const Quantized twice(QuantizeRowsClipped, 3, 100, stored);
  EXPECT_EQ(twice.codes, once.codes);
}

TEST(ClippedQuantize, RowsOfZerosAndOfNextToNothingAreZero) {
  std::vector<float> values(20, 0.0f);
  values[13] = 1e-42f;
  const Quantized quantized(QuantizeRowsClipped, 2, 10, values);
  EXPECT_EQ(quantized.scales, (std::vector<float>{0, 0}));
  EXPECT_EQ(quantized.codes, std::vector<int8_t>(20, 0));
}

}  // namespace
}  // namespace masr
