#include "data/batcher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace masr {
namespace {

using Batches = std::vector<std::vector<int64_t>>;

std::vector<double> RandomDurations(size_t count) {
  Rng rng(5);
  std::vector<double> durations(count);
  for (double& d : durations) d = rng.Uniform(0.5, 20);
  return durations;
}

void ExpectEachOnce(const Batches& batches, size_t count) {
  std::vector<int64_t> all;
  for (const auto& batch : batches) {
    EXPECT_FALSE(batch.empty());
    all.insert(all.end(), batch.begin(), batch.end());
  }
  std::sort(all.begin(), all.end());
  ASSERT_EQ(all.size(), count);
  for (size_t i = 0; i < count; ++i) EXPECT_EQ(all[i], static_cast<int64_t>(i));
}

TEST(Batcher, EveryUtteranceOnceWithinTheLimits) {
  const auto durations = RandomDurations(1000);
  for (bool sorted : {false, true}) {
    for (int64_t bucket : {1, 7, 256, 5000}) {
      const BatcherOptions options = {
          .max_seconds = 60, .max_utterances = 8, .sorted = sorted, .bucket = bucket};
      Rng rng(1);
      const Batches batches = MakeBatches(durations, options, rng);
      ExpectEachOnce(batches, durations.size());
      for (const auto& batch : batches) {
        double total = 0;
        for (int64_t index : batch) total += durations[static_cast<size_t>(index)];
        EXPECT_TRUE(total <= 60 || batch.size() == 1);
        EXPECT_LE(batch.size(), 8u);
      }
    }
  }
}

TEST(Batcher, SortedGoesFromShortToLongWithoutTheRng) {
  const std::vector<double> durations = {3, 1, 2, 1};
  Rng rng(1);
  const auto before = rng.state();
  EXPECT_EQ(MakeBatches(durations, {.max_seconds = 4, .sorted = true}, rng),
            (Batches{{1, 3, 2}, {0}}));
  EXPECT_EQ(rng.state(), before);
}

TEST(Batcher, AnUtteranceLongerThanABatchIsAlone) {
  const std::vector<double> durations = {100, 1, 1};
  Rng rng(1);
  EXPECT_EQ(MakeBatches(durations, {.max_seconds = 60, .sorted = true}, rng),
            (Batches{{1, 2}, {0}}));
  const std::vector<double> all_long = {100, 100};
  EXPECT_EQ(MakeBatches(all_long, {.max_seconds = 60, .sorted = true}, rng), (Batches{{0}, {1}}));
}

TEST(Batcher, TheSameSeedGivesTheSameBatchesAndAnotherOthers) {
  const auto durations = RandomDurations(300);
  Rng a(7), b(7), c(8);
  const Batches first = MakeBatches(durations, {}, a);
  EXPECT_EQ(MakeBatches(durations, {}, b), first);
  EXPECT_NE(MakeBatches(durations, {}, c), first);
  EXPECT_NE(MakeBatches(durations, {}, a), first);  // the next epoch
}

TEST(Batcher, ABatchHoldsUtterancesOfLikeLength) {
  const auto durations = RandomDurations(512);
  Rng rng(3);
  double spread = 0;
  const Batches batches = MakeBatches(durations, {.max_utterances = 8, .bucket = 256}, rng);
  for (const auto& batch : batches) {
    const auto [low, high] =
        std::minmax_element(batch.begin(), batch.end(), [&](int64_t x, int64_t y) {
          return durations[static_cast<size_t>(x)] < durations[static_cast<size_t>(y)];
        });
    spread += durations[static_cast<size_t>(*high)] - durations[static_cast<size_t>(*low)];
  }
  // Eight at random would differ by about 15 s.
  EXPECT_LT(spread / static_cast<double>(batches.size()), 3);
}

TEST(Batcher, EmptyAndSenselessInput) {
  Rng rng(1);
  EXPECT_TRUE(MakeBatches({}, {}, rng).empty());
  const std::vector<double> odd = {std::nan(""), -1, 0, std::numeric_limits<double>::infinity(), 2};
  for (bool sorted : {false, true}) {
    ExpectEachOnce(MakeBatches(odd, {.sorted = sorted}, rng), odd.size());
    ExpectEachOnce(
        MakeBatches(odd, {.max_seconds = -1, .max_utterances = 0, .sorted = sorted, .bucket = -5},
                    rng),
        odd.size());
  }
}

}  // namespace
}  // namespace masr
