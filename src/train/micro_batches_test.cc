#include "train/micro_batches.h"

#include <gtest/gtest.h>

#include "model/testing/tiny_model.h"
#include "plan/step_plan.h"
#include "train/trainer.h"

namespace masr {
namespace {

const std::vector<int32_t> kTarget = {1, 2, 3};

class MicroBatches : public ::testing::Test {
 protected:
  void SetUp() override {
    auto model = testing::MakeTinyModel(1);
    ASSERT_TRUE(model.has_value()) << model.error().message;
    model_.emplace(std::move(*model));
    trainable_ = TrainableParameters(model_->encoder, {});
    int64_t rows = 0;
    for (size_t u = 0; u < kFrames.size(); ++u) {
      batch_.utterances.push_back(static_cast<int64_t>(10 + u));
      batch_.frames.push_back(kFrames[u]);
      batch_.targets.emplace_back(kTarget);
      rows += kFrames[u];
    }
    batch_.features = testing::RandomFeatures(rows, 10, 1);
  }

  int64_t BytesOf(const std::vector<int64_t>& frames) const {
    StepShape shape{.frames = frames};
    shape.targets.assign(frames.size(), kTarget);
    const auto step = PlanStep(model_->encoder, trainable_, shape, 1);
    EXPECT_TRUE(step.has_value());
    return step->arena_bytes;
  }

  const std::vector<int64_t> kFrames = {40, 60, 30, 80, 20};
  std::optional<Model> model_;
  std::vector<uint8_t> trainable_;
  Batch batch_;
  std::vector<LoadProblem> problems_;
};

TEST_F(MicroBatches, WithoutLimitsTheBatchStaysWhole) {
  const auto parts = SplitBatch(*model_, trainable_, {}, batch_, problems_);
  ASSERT_TRUE(parts.has_value()) << parts.error().message;
  ASSERT_EQ(parts->size(), 1u);
  EXPECT_EQ(parts->front().features, batch_.features);
}

TEST_F(MicroBatches, EachFitsAndTogetherTheyAreTheBatch) {
  const int64_t limit = BytesOf({80, 20});
  const auto parts = SplitBatch(*model_, trainable_, {.arena_bytes = limit}, batch_, problems_);
  ASSERT_TRUE(parts.has_value()) << parts.error().message;
  ASSERT_GT(parts->size(), 1u);
  std::vector<int64_t> utterances;
  std::vector<float> features;
  for (const Batch& part : *parts) {
    EXPECT_LE(BytesOf(part.frames), limit);
    utterances.insert(utterances.end(), part.utterances.begin(), part.utterances.end());
    features.insert(features.end(), part.features.begin(), part.features.end());
  }
  EXPECT_EQ(utterances, batch_.utterances);
  EXPECT_EQ(features, batch_.features);
  // None could have taken its successor's first.
  for (size_t p = 0; p + 1 < parts->size(); ++p) {
    auto more = (*parts)[p].frames;
    more.push_back((*parts)[p + 1].frames.front());
    EXPECT_GT(BytesOf(more), limit);
  }
}

TEST_F(MicroBatches, SecondsAreALimitToo) {
  // Frames are 10 ms apart.
  const auto parts = SplitBatch(*model_, trainable_, {.max_seconds = 1.0}, batch_, problems_);
  ASSERT_TRUE(parts.has_value());
  std::vector<std::vector<int64_t>> frames;
  for (const Batch& part : *parts) frames.push_back(part.frames);
  EXPECT_EQ(frames, (std::vector<std::vector<int64_t>>{{40, 60}, {30}, {80, 20}}));
  const auto single = SplitBatch(*model_, trainable_, {.max_seconds = 0.1}, batch_, problems_);
  ASSERT_TRUE(single.has_value());
  EXPECT_EQ(single->size(), kFrames.size());  // an utterance is never cut
}

// The sum of the parts' gradients is the batch's, but for rounding (dropout is off: no key draws).
TEST_F(MicroBatches, LearnTheSame) {
  auto calm = testing::MakeModel(
      R"({"name": "calm", "features": {"sample_rate_hz": 8000, "mels": 10},
          "characters": [" ", "a", "b", "c"],
          "encoder": [{"layer": "conv_subsampling", "dim": 16, "channels": 4, "dropout": 0},
                      {"layer": "conformer_block", "heads": 2, "feed_forward": 24,
                       "conv_kernel": 5, "dropout": 0}]})",
      1);
  ASSERT_TRUE(calm.has_value());
  const ThreadPool pool(2);
  const auto trainable = TrainableParameters(calm->encoder, {});
  Trainer whole = Trainer::Create(*calm, trainable, {}, pool);
  ASSERT_TRUE(whole.Step({&batch_, 1}, 0.0f, 1).has_value());
  const auto parts = SplitBatch(*calm, trainable, {.max_seconds = 0.7}, batch_, problems_);
  ASSERT_TRUE(parts.has_value());
  ASSERT_GT(parts->size(), 2u);
  Trainer split = Trainer::Create(*calm, trainable, {}, pool);
  ASSERT_TRUE(split.Step(*parts, 0.0f, 1).has_value());
  for (ParameterId id : whole.trainable()) {
    double largest = 1e-6;
    for (float g : whole.Gradient(id))
      largest = std::max(largest, std::abs(static_cast<double>(g)));
    for (size_t i = 0; i < whole.Gradient(id).size(); ++i) {
      EXPECT_NEAR(split.Gradient(id)[i], whole.Gradient(id)[i], 1e-4 * largest);
    }
  }
}

// A frame of what enters a block may be several of features: seconds are seconds of speech.
TEST_F(MicroBatches, SecondsAreThoseOfSpeechAtAnyBlock) {
  const auto utterances = [&](const Batch& batch) {
    const auto parts = SplitBatch(*model_, TrainableParameters(model_->encoder, {.first_block = 2}),
                                  {.max_seconds = 1.05}, batch, problems_);
    EXPECT_TRUE(parts.has_value()) << parts.error().message;
    std::vector<std::vector<int64_t>> all;
    for (const Batch& part : *parts) all.push_back(part.utterances);
    return all;
  };
  Batch kept = batch_;
  kept.first_block = 2;
  int64_t rows = 0;
  for (int64_t& f : kept.frames) {
    f = model_->encoder.InputFrames(2, f);
    rows += f;
  }
  kept.features = testing::RandomFeatures(rows, model_->encoder.InputDim(2), 1);
  EXPECT_EQ(utterances(kept), utterances(batch_));
  EXPECT_EQ(utterances(kept), (std::vector<std::vector<int64_t>>{{10, 11}, {12}, {13, 14}}));
}

TEST_F(MicroBatches, AnUtteranceThatCannotFitIsLeftOut) {
  const int64_t limit = BytesOf({60}) + 64;
  const auto parts = SplitBatch(*model_, trainable_, {.arena_bytes = limit}, batch_, problems_);
  ASSERT_TRUE(parts.has_value()) << parts.error().message;
  std::vector<int64_t> kept;
  for (const Batch& part : *parts) {
    for (size_t u = 0; u < part.frames.size(); ++u) {
      EXPECT_LE(BytesOf({part.frames[u]}), limit);
      kept.push_back(part.utterances[u]);
    }
  }
  ASSERT_FALSE(problems_.empty());
  EXPECT_EQ(problems_[0].utterance, 13);
  EXPECT_NE(problems_[0].message.find("more than the " + std::to_string(limit)), std::string::npos)
      << problems_[0].message;
  EXPECT_EQ(kept.size() + problems_.size(), batch_.frames.size());

  problems_.clear();
  const auto none = SplitBatch(*model_, trainable_, {.arena_bytes = 1}, batch_, problems_);
  ASSERT_TRUE(none.has_value());
  EXPECT_TRUE(none->empty());
  EXPECT_EQ(problems_.size(), batch_.frames.size());
}

}  // namespace
}  // namespace masr
