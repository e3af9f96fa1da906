#include "train/boundary_augment.h"

#include <gtest/gtest.h>

#include <set>

namespace masr {
namespace {

constexpr int64_t kWidth = 8;

// Row t is t in every channel, and the channel's number more.
std::vector<float> Ramp(int64_t frames) {
  std::vector<float> rows;
  for (int64_t t = 0; t < frames; ++t) {
    for (int64_t c = 0; c < kWidth; ++c) rows.push_back(static_cast<float>(t + c));
  }
  return rows;
}

TEST(ResampleFrames, ChangesTheLengthAndKeepsALine) {
  for (const double speed : {0.9, 0.95, 1.05, 1.1, 2.0}) {
    SCOPED_TRACE(speed);
    const auto out = ResampleFrames(Ramp(40), kWidth, speed);
    const auto frames = static_cast<int64_t>(out.size()) / kWidth;
    EXPECT_EQ(frames, std::llround(40 / speed));
    const double step = 40.0 / static_cast<double>(frames);
    for (int64_t t = 0; t < frames; ++t) {
      const double at = std::clamp((static_cast<double>(t) + 0.5) * step - 0.5, 0.0, 39.0);
      for (int64_t c = 0; c < kWidth; ++c) {
        ASSERT_NEAR(out[static_cast<size_t>(t * kWidth + c)], at + static_cast<double>(c), 1e-4);
      }
    }
  }
}

TEST(ResampleFrames, LeavesWhatItCannotChange) {
  EXPECT_EQ(ResampleFrames(Ramp(40), kWidth, 1.0), Ramp(40));
  EXPECT_EQ(ResampleFrames(Ramp(1), kWidth, 5.0), Ramp(1));  // never less than a frame
  EXPECT_TRUE(ResampleFrames({}, kWidth, 0.5).empty());
}

TEST(DrawSpeed, DrawsEach) {
  Rng rng(1);
  EXPECT_EQ(DrawSpeed({}, rng), 1.0);
  std::set<double> seen;
  for (int i = 0; i < 100; ++i) seen.insert(DrawSpeed({0.9, 1.0, 1.1}, rng));
  EXPECT_EQ(seen, (std::set<double>{0.9, 1.0, 1.1}));
}

TEST(MaskFrames, NothingAskedNothingDone) {
  auto rows = Ramp(20);
  Rng rng(1);
  MaskFrames({.speeds = {0.9}}, kWidth, rows, rng);
  EXPECT_EQ(rows, Ramp(20));
}

// Whole rows, or whole columns, take the mean of each channel; no more than the limits.
TEST(MaskFrames, MasksWithTheMeanWithinItsLimits) {
  constexpr int64_t kFrames = 41;
  const auto masked = [&](const BoundaryAugmentOptions& options, uint64_t seed) {
    auto rows = Ramp(kFrames);
    Rng rng(seed);
    MaskFrames(options, kWidth, rows, rng);
    const auto before = Ramp(kFrames);
    std::set<std::pair<int64_t, int64_t>> cells;
    for (int64_t t = 0; t < kFrames; ++t) {
      for (int64_t c = 0; c < kWidth; ++c) {
        const auto i = static_cast<size_t>(t * kWidth + c);
        if (t == 20) continue;  // whose values are the mean
        if (rows[i] == before[i]) continue;
        EXPECT_EQ(rows[i], static_cast<float>(20 + c));
        cells.insert({t, c});
      }
    }
    return cells;
  };
  size_t most_times = 0;
  size_t most_channels = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const auto times = masked({.time_masks = 2, .time_fraction = 0.1}, seed);
    EXPECT_EQ(times.size() % kWidth, 0u);
    EXPECT_LE(times.size(), static_cast<size_t>(2 * 4 * kWidth));
    most_times = std::max(most_times, times.size());
    const auto channels = masked({.channel_masks = 1, .channel_fraction = 0.25}, seed);
    EXPECT_EQ(channels.size() % (kFrames - 1), 0u);
    EXPECT_LE(channels.size(), static_cast<size_t>(2 * (kFrames - 1)));
    most_channels = std::max(most_channels, channels.size());
  }
  EXPECT_GT(most_times, static_cast<size_t>(4 * kWidth));
  EXPECT_EQ(most_channels, static_cast<size_t>(2 * (kFrames - 1)));
}

TEST(BoundaryAugmentOf, TakesWhatTheRecipeHas) {
  const auto none = BoundaryAugmentOf({.speeds = {1.1}});
  EXPECT_EQ(none.speeds, std::vector<double>{1.1});
  EXPECT_EQ(none.time_masks, 0);
  EXPECT_EQ(none.channel_masks, 0);
  const auto all =
      BoundaryAugmentOf({.spec_augment = true,
                         .spec = {.frequency_masks = 3, .time_masks = 4, .time_fraction = 0.2}});
  EXPECT_TRUE(all.speeds.empty());
  EXPECT_EQ(all.time_masks, 4);
  EXPECT_EQ(all.time_fraction, 0.2);
  EXPECT_EQ(all.channel_masks, 0);
}

}  // namespace
}  // namespace masr
