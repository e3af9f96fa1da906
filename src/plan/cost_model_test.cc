#include "plan/cost_model.h"

#include <gtest/gtest.h>

#include "plan/testing/plan_fixtures.h"

namespace masr {
namespace {

using testing::TinyDevice;
using testing::TinySpeech;

using testing::Tiny;

TEST(CostModel, AddsUpWhatEachBlockDoes) {
  const Model model = Tiny();
  const EpochCost cost =
      CostOfEpoch(model.encoder, {.first_block = 2}, TinySpeech(), TinyDevice(model));
  EXPECT_NEAR(cost.frozen_s, 100 * (0.001 + 0.002), 1e-9);
  EXPECT_NEAR(cost.forward_s, 100 * 10 * (0.003 + 0.004), 1e-9);
  EXPECT_NEAR(cost.backward_s, 100 * 100 * (0.003 + 0.004), 1e-9);
  EXPECT_EQ(cost.recompute_s, 0);
  // 20 s, twice: the last weights and their mean.
  EXPECT_NEAR(cost.validation_s, 2 * 20 * (0.003 + 10 * 0.007), 1e-9);
  EXPECT_NEAR(cost.total_s(), cost.frozen_s + cost.forward_s + cost.backward_s + cost.validation_s,
              1e-9);
}

TEST(CostModel, OfVectorsTheHeadLearnsWhole) {
  const Model model = Tiny();
  const EpochCost cost = CostOfEpoch(model.encoder, {.first_block = 2, .tuning = Tuning::kVectors},
                                     TinySpeech(), TinyDevice(model));
  EXPECT_NEAR(cost.backward_s, 100 * (50 * 0.003 + 100 * 0.004), 1e-9);
}

TEST(CostModel, LoraTakesMoreThanVectorsAndLessThanAll) {
  const Model model = Tiny();
  const auto backward = [&](Tuning tuning) {
    return CostOfEpoch(model.encoder, {.first_block = 1, .tuning = tuning}, TinySpeech(),
                       TinyDevice(model))
        .backward_s;
  };
  EXPECT_GT(backward(Tuning::kLora), backward(Tuning::kVectors));
  EXPECT_LT(backward(Tuning::kLora), backward(Tuning::kFull));
}

TEST(CostModel, AllPartsButTheTopOneAreComputedTwice) {
  const Model model = Tiny();
  const auto recompute = [&](size_t first, int64_t parts) {
    return CostOfEpoch(model.encoder, {.first_block = first, .parts = parts}, TinySpeech(),
                       TinyDevice(model))
        .recompute_s;
  };
  EXPECT_EQ(recompute(0, 1), 0);
  EXPECT_NEAR(recompute(0, 2), 100 * 10 * (0.001 + 0.002), 1e-9);
  EXPECT_NEAR(recompute(0, 4), 100 * 10 * (0.001 + 0.002 + 0.003), 1e-9);
  EXPECT_NEAR(recompute(2, 2), 100 * 10 * 0.003, 1e-9);
  // More parts than blocks are as many as there are blocks.
  EXPECT_EQ(recompute(0, 99), recompute(0, 4));
}

TEST(CostModel, EachPassTakesItsTime) {
  const Model model = Tiny();
  DeviceProfile device = TinyDevice(model);
  for (BlockCost& block : device.blocks) block.backward = {1, 0};
  const auto backward = [&](double micro_batch_seconds) {
    return CostOfEpoch(model.encoder,
                       {.first_block = 3, .micro_batch_seconds = micro_batch_seconds}, TinySpeech(),
                       device)
        .backward_s;
  };
  EXPECT_NEAR(backward(0), 10, 1e-9);      // updates
  EXPECT_NEAR(backward(0.001), 20, 1e-9);  // utterances
  EXPECT_NEAR(backward(7), 20, 1e-9);      // of 5 s: only one at a time
  EXPECT_NEAR(backward(10), 10, 1e-9);
  EXPECT_NEAR(backward(1000), 10, 1e-9);  // an update is at least one pass
}

TEST(CostModel, UpdatesAndTheEndOfAnEpochCountWhatLearns) {
  const Model model = Tiny();
  DeviceProfile device = TinyDevice(model);
  device.update_s = 1e-6;
  const Candidate head = {.first_block = 3};
  const Candidate frugal = {.first_block = 3, .optimizer_bits = 8};
  EXPECT_GT(CostOfEpoch(model.encoder, frugal, TinySpeech(), device).updates_s,
            CostOfEpoch(model.encoder, head, TinySpeech(), device).updates_s);
  EXPECT_NEAR(CostOfEpoch(model.encoder, head, TinySpeech(), device).updates_s,
              11 * 1e-6 * static_cast<double>(CountTrainable(model.encoder, head)), 1e-12);
}

TEST(CostModel, FeaturesAreMadeForEachEpochAndEachValidation) {
  const Model model = Tiny();
  DeviceProfile device = TinyDevice(model);
  const double before = CostOfEpoch(model.encoder, {}, TinySpeech(), device).validation_s;
  device.features_s = 0.01;
  device.augmented_features_s = 0.04;
  RoundSpeech speech = TinySpeech();
  speech.augmented_share = 0.5;
  const EpochCost cost = CostOfEpoch(model.encoder, {}, speech, device);
  EXPECT_NEAR(cost.features_s, 100 * (0.5 * 0.04 + 0.5 * 0.01), 1e-9);
  EXPECT_NEAR(cost.validation_s - before, 2 * 20 * 0.01, 1e-9);
}

// Features and frozen blocks once, of all speech; the others as ever.
TEST(CostModel, WhatIsKeptIsComputedOnce) {
  const Model model = Tiny();
  DeviceProfile device = TinyDevice(model);
  device.features_s = 0.01;
  const EpochCost without = CostOfEpoch(model.encoder, {.first_block = 2}, TinySpeech(), device);
  const EpochCost cost =
      CostOfEpoch(model.encoder, {.first_block = 2, .cache = true}, TinySpeech(), device);
  EXPECT_EQ(without.kept_s, 0);
  EXPECT_NEAR(cost.kept_s, 120 * (0.01 + 0.001 + 0.002), 1e-9);
  EXPECT_EQ(cost.frozen_s, 0);
  EXPECT_EQ(cost.features_s, 0);
  EXPECT_EQ(cost.backward_s, without.backward_s);
  EXPECT_NEAR(cost.validation_s, 2 * 20 * 10 * 0.007, 1e-9);
  EXPECT_NEAR(RoundSeconds(cost, 3), cost.kept_s + 3 * cost.total_s() + cost.validation_s / 2,
              1e-9);
}

TEST(CostModel, ARoundValidatesItsBaseFirst) {
  const EpochCost cost = {.backward_s = 5, .validation_s = 2};
  EXPECT_DOUBLE_EQ(RoundSeconds(cost, 3), 3 * 7 + 1);
}

}  // namespace
}  // namespace masr
