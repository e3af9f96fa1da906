#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/matmul.h"
#include "kernels/reference/matmul.h"
#include "kernels/reference/testing.h"

namespace masr {
namespace {

struct Shape {
  int64_t rows, columns;
};

TEST(AddColumnSums, MatchesTheReferenceForAnyThreads) {
  const ThreadPool one(1);
  const ThreadPool three(3);
  for (const Shape& shape : {Shape{1, 1}, Shape{0, 5}, Shape{5, 0}, Shape{3, 7}, Shape{200, 31},
                             Shape{2, 33}, Shape{17, 64}, Shape{9, 65}, Shape{501, 257}}) {
    const int64_t m = shape.rows;
    const int64_t n = shape.columns;
    const std::vector<float> dy = reference::RandomFloats(m * n, 1);
    const std::vector<float> start = reference::RandomFloats(n, 2);
    std::vector<float> expected = start;
    reference::AddColumnSums(m, n, dy.data(), expected.data());
    // As for the products in matmul_test.cc: a few roundings of a sum of m terms below 1.
    const float bound = 2e-7f * (4.0f + static_cast<float>(m) * 0.25f);
    reference::ForEachTarget([&] {
      std::vector<float> db = start;
      AddColumnSums(KernelContext{one}, m, n, dy.data(), db.data());
      for (int64_t j = 0; j < n; ++j) {
        ASSERT_NEAR(db[j], expected[j], bound * std::max(1.0f, std::abs(expected[j]))) << j;
      }
      std::vector<float> again = start;
      AddColumnSums(KernelContext{three}, m, n, dy.data(), again.data());
      EXPECT_TRUE(reference::SameBits(again, db));
    });
  }
}

}  // namespace
}  // namespace masr
