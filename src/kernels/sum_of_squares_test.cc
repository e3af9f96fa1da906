#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "kernels/optimizer_step.h"
#include "kernels/reference/testing.h"

namespace masr {
namespace {

TEST(SumOfSquares, IsTheSameOnEveryTarget) {
  for (const int64_t n : {0, 1, 7, 8, 9, 15, 16, 17, 63, 1001}) {
    const std::vector<float> x = reference::RandomFloats(n, 1, 100.0);
    double lanes[8] = {};  // as the kernel adds them
    for (int64_t i = 0; i < n; ++i) {
      lanes[i < n - n % 8 ? i % 8 : 0] += static_cast<double>(x[i]) * x[i];
    }
    double expected = 0;
    for (const double lane : lanes) expected += lane;
    reference::ForEachTarget([&] { EXPECT_EQ(SumOfSquares(n, x.data()), expected) << n; });
  }
}

TEST(SumOfSquares, DoesNotOverflow) {
  const std::vector<float> x(11, std::numeric_limits<float>::max());
  const auto largest = static_cast<double>(x[0]);
  reference::ForEachTarget(
      [&] { EXPECT_DOUBLE_EQ(SumOfSquares(11, x.data()), 11 * largest * largest); });
}

}  // namespace
}  // namespace masr
