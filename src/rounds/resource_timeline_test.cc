#include "rounds/resource_timeline.h"

#include <gtest/gtest.h>

namespace masr {
namespace {

TEST(ResourceTimeline, KeepsAFewFromTheFirstToTheLast) {
  for (const int count : {1, 2, 7, 8, 9, 100, 1000}) {
    ResourceTimeline timeline(8);
    for (int i = 0; i < count; ++i) timeline.Add({.time_s = static_cast<double>(i)});
    const auto samples = timeline.samples();
    ASSERT_FALSE(samples.empty());
    EXPECT_LE(samples.size(), 9u);
    EXPECT_GE(samples.size(), static_cast<size_t>(std::min(count, 4)));
    EXPECT_EQ(samples.front().time_s, 0);
    EXPECT_EQ(samples.back().time_s, count - 1);
    // Evenly, but for the last.
    for (size_t i = 2; i + 1 < samples.size(); ++i) {
      EXPECT_EQ(samples[i].time_s - samples[i - 1].time_s, samples[1].time_s - samples[0].time_s);
    }
  }
  EXPECT_TRUE(ResourceTimeline().samples().empty());
}

}  // namespace
}  // namespace masr
