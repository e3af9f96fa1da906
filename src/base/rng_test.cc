#include "base/rng.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace masr {
namespace {

TEST(Rng, SameSeedSameNumbersAndStateRestores) {
  Rng a(7), b(7);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.Next(), b.Next());
  const auto state = a.state();
  const uint64_t next = a.Next();
  b.set_state(state);
  EXPECT_EQ(b.Next(), next);
}

TEST(Rng, MomentsOfUniformAndNormal) {
  Rng rng(1);
  double sum = 0, normal = 0, normal_square = 0;
  const int n = 100000;
  for (int i = 0; i < n; ++i) {
    const double u = rng.Uniform();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u;
    const double z = rng.Normal();
    normal += z;
    normal_square += z * z;
  }
  EXPECT_NEAR(sum / n, 0.5, 0.01);
  EXPECT_NEAR(normal / n, 0.0, 0.02);
  EXPECT_NEAR(normal_square / n, 1.0, 0.02);
}

TEST(Rng, HashUniformIsUniformAndKeyed) {
  double sum = 0;
  int same = 0;
  for (uint64_t i = 0; i < 100000; ++i) {
    sum += HashUniform(3, i);
    same += HashUniform(3, i) == HashUniform(4, i);
  }
  EXPECT_NEAR(sum / 100000, 0.5, 0.01);
  EXPECT_LT(same, 10);
}

TEST(Rng, ShuffleIsAPermutation) {
  std::vector<int> v(50);
  for (int i = 0; i < 50; ++i) v[i] = i;
  Rng rng(2);
  Shuffle(v, rng);
  EXPECT_FALSE(std::is_sorted(v.begin(), v.end()));
  std::sort(v.begin(), v.end());
  for (int i = 0; i < 50; ++i) EXPECT_EQ(v[i], i);
}

}  // namespace
}  // namespace masr
