#include "plan/step_plan.h"

#include <gtest/gtest.h>

#include "model/testing/tiny_model.h"

namespace masr {
namespace {

// Six blocks and a head.
Model Deep() {
  auto model = testing::MakeModel(
      R"({"name": "deep", "features": {"sample_rate_hz": 8000, "mels": 10},
          "characters": [" ", "a", "b", "c"],
          "encoder": [{"layer": "conv_subsampling", "dim": 16, "channels": 4},
                      {"layer": "conformer_block", "heads": 2, "feed_forward": 32,
                       "conv_kernel": 5, "repeat": 5}]})",
      1);
  EXPECT_TRUE(model.has_value()) << model.error().message;
  return std::move(*model);
}

std::vector<uint8_t> LearnsFrom(const Encoder& encoder, size_t first_block) {
  std::vector<uint8_t> trainable(static_cast<size_t>(encoder.parameters().size()), 0);
  for (ParameterId id = encoder.blocks()[first_block].first; id < encoder.parameters().size();
       ++id) {
    trainable[static_cast<size_t>(id)] = 1;
  }
  return trainable;
}

const std::vector<int32_t> kTarget = {1, 2, 3, 1};
const StepShape kShape = {.frames = {90, 40}, .targets = {kTarget, kTarget}};

TEST(StepPlan, OnePartComputesNothingTwice) {
  const Model model = Deep();
  const auto trainable = LearnsFrom(model.encoder, 0);
  const auto step = PlanStep(model.encoder, trainable, kShape, 1);
  ASSERT_TRUE(step.has_value()) << step.error().message;
  ASSERT_EQ(step->parts.size(), 1u);
  EXPECT_FALSE(step->parts[0].forward.has_value());
  EXPECT_EQ(step->parts[0].blocks.end, model.encoder.blocks().size());
  EXPECT_EQ(step->parts[0].input, -1);
  EXPECT_EQ(step->parts[0].input_gradient, -1);
}

TEST(StepPlan, FrozenBlocksAreAPartWithoutABackward) {
  const Model model = Deep();
  const auto trainable = LearnsFrom(model.encoder, 4);
  const auto step = PlanStep(model.encoder, trainable, kShape, 2);
  ASSERT_TRUE(step.has_value()) << step.error().message;
  ASSERT_EQ(step->parts.size(), 3u);
  EXPECT_EQ(step->parts[0].blocks.end, 4u);
  EXPECT_FALSE(step->parts[0].backward.has_value());
  EXPECT_EQ(step->parts[1].input_gradient, -1);  // nobody below wants it
  EXPECT_GE(step->parts[2].input_gradient, 0);
  EXPECT_TRUE(step->parts[1].forward.has_value());
  EXPECT_FALSE(step->parts[2].forward.has_value());
}

TEST(StepPlan, MorePartsNeedLessMemoryUntilWhatIsKeptBetweenThemWeighsMore) {
  const Model model = Deep();
  const auto trainable = LearnsFrom(model.encoder, 0);
  std::vector<int64_t> bytes;
  for (int64_t parts = 1; parts <= 7; ++parts) {
    const auto step = PlanStep(model.encoder, trainable, kShape, parts);
    ASSERT_TRUE(step.has_value());
    EXPECT_EQ(step->parts.size(), static_cast<size_t>(parts));
    bytes.push_back(step->arena_bytes);
  }
  EXPECT_LT(bytes[1], bytes[0]);
  EXPECT_LT(bytes[2], bytes[1]);
  // More than there are blocks is as many as there are blocks.
  const auto most = PlanStep(model.encoder, trainable, kShape, 100);
  ASSERT_TRUE(most.has_value());
  EXPECT_EQ(most->parts.size(), 7u);
  EXPECT_EQ(most->arena_bytes, bytes.back());
}

TEST(StepPlan, LessToLearnNeedsLessMemory) {
  const Model model = Deep();
  int64_t before = 0;
  for (size_t first = model.encoder.blocks().size(); first-- > 0;) {
    const auto step = PlanStep(model.encoder, LearnsFrom(model.encoder, first), kShape, 1);
    ASSERT_TRUE(step.has_value());
    EXPECT_GE(step->arena_bytes, before) << "from block " << first;
    before = step->arena_bytes;
  }
}

TEST(StepPlan, EverythingLiesInsideTheArena) {
  const Model model = Deep();
  const auto trainable = LearnsFrom(model.encoder, 2);
  const auto step = PlanStep(model.encoder, trainable, kShape, 3);
  ASSERT_TRUE(step.has_value());
  for (const StepPart& part : step->parts) {
    for (const auto* blocks : {&part.forward, &part.backward}) {
      if (!blocks->has_value()) continue;
      EXPECT_GE((*blocks)->offset, 0);
      EXPECT_LE((*blocks)->offset + (*blocks)->memory.peak_bytes, step->arena_bytes);
      EXPECT_EQ((*blocks)->offset % static_cast<int64_t>(64), 0);
    }
    EXPECT_LT(part.input, step->arena_bytes);
    EXPECT_LT(part.input_gradient, step->arena_bytes);
  }
}

TEST(StepPlan, RefusesWhatCannotRun) {
  const Model model = Deep();
  const auto refused = [&](const std::vector<uint8_t>& trainable, const StepShape& shape,
                           const char* expected) {
    const auto step = PlanStep(model.encoder, trainable, shape, 1);
    ASSERT_FALSE(step.has_value());
    EXPECT_NE(step.error().message.find(expected), std::string::npos) << step.error().message;
  };
  refused(std::vector<uint8_t>(static_cast<size_t>(model.encoder.parameters().size()), 0), kShape,
          "nothing learns");
  refused(LearnsFrom(model.encoder, 0),
          {.first_block = 2, .frames = kShape.frames, .targets = kShape.targets},
          "begins at block 2 but a block below it learns");
  refused(LearnsFrom(model.encoder, 0), {.frames = {0}, .targets = {kTarget}}, "too few");
}

}  // namespace
}  // namespace masr
