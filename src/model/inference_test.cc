#include "model/inference.h"

#include <gtest/gtest.h>

#include "model/testing/tiny_model.h"

namespace masr {
namespace {

TEST(Inference, ALargerBatchBeforeChangesNothing) {
  const auto model = testing::MakeTinyModel(1);
  ASSERT_TRUE(model.has_value()) << model.error().message;
  const ThreadPool pool(2);
  const auto small = testing::RandomFeatures(25, 10, 1);
  const auto large = testing::RandomFeatures(90 + 61, 10, 2);
  Inference fresh(*model, pool);
  const auto expected = fresh.Run({25}, small);
  ASSERT_TRUE(expected.has_value());
  Inference used(*model, pool);
  ASSERT_TRUE(used.Run({90, 61}, large).has_value());
  const auto after = used.Run({25}, small);
  ASSERT_TRUE(after.has_value());
  EXPECT_EQ(after->values, expected->values);
  EXPECT_EQ(after->offsets, expected->offsets);
  EXPECT_EQ(after->offsets.back(), model->encoder.OutputFrames(25));
  EXPECT_EQ(after->values.size(),
            static_cast<size_t>(after->offsets.back() * model->encoder.tokens()));
}

TEST(Inference, ABatchOfNoneIsEmpty) {
  const auto model = testing::MakeTinyModel(1);
  ASSERT_TRUE(model.has_value());
  const ThreadPool pool(1);
  Inference inference(*model, pool);
  const auto logits = inference.Run({}, {});
  ASSERT_TRUE(logits.has_value());
  EXPECT_TRUE(logits->values.empty());
}

TEST(Inference, AnUtteranceThatIsTooShortIsNamed) {
  const auto model = testing::MakeModel(
      R"({"name": "valid convolution", "features": {"mels": 4}, "characters": ["a"],
          "encoder": [{"layer": "conv1d", "channels": 4, "kernel": 5, "padding": 0}]})",
      1);
  ASSERT_TRUE(model.has_value()) << model.error().message;
  const ThreadPool pool(1);
  Inference inference(*model, pool);
  const auto logits = inference.Run({5, 4}, testing::RandomFeatures(9, 4, 1));
  ASSERT_FALSE(logits.has_value());
  EXPECT_EQ(logits.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(logits.error().message.find("utterance 1"), std::string::npos);
  EXPECT_NE(logits.error().message.find("4 feature frames"), std::string::npos);
  EXPECT_TRUE(inference.Run({5, 5}, testing::RandomFeatures(10, 4, 1)).has_value());
}

TEST(Encoder, BlocksCoverTheParametersInOrder) {
  const auto model = testing::MakeTinyModel(1);
  ASSERT_TRUE(model.has_value());
  const auto& blocks = model->encoder.blocks();
  ASSERT_EQ(blocks.size(), 4u);
  EXPECT_EQ(blocks.front().name, "blocks.0");
  EXPECT_EQ(blocks.back().name, "head");
  ParameterId next = 0;
  for (const EncoderBlock& block : blocks) {
    EXPECT_EQ(block.first, next);
    for (ParameterId id = block.first; id < block.end; ++id) {
      EXPECT_EQ(model->encoder.parameters()[id].name.find(block.name + "."), 0u);
    }
    next = block.end;
  }
  EXPECT_EQ(next, model->encoder.parameters().size());
  EXPECT_EQ(model->encoder.tokens(), 5);
}

TEST(ModelConfig, SurvivesItsJson) {
  const auto config = ModelConfig::FromJson(testing::TinyConfig(), "test");
  ASSERT_TRUE(config.has_value());
  const auto again = ModelConfig::FromJson(config->ToJson(), "again");
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(again->ToJson(), config->ToJson());
  EXPECT_EQ(again->features.log_mel, config->features.log_mel);
  EXPECT_EQ(again->features.log_mel.sample_rate_hz, 8000);
}

TEST(Model, TheFingerprintSeesEveryWeight) {
  auto model = testing::MakeTinyModel(1);
  ASSERT_TRUE(model.has_value());
  const std::string before = ModelFingerprint(*model);
  EXPECT_EQ(before.size(), 16u);
  const ParameterId last = model->encoder.parameters().size() - 1;
  for (const ParameterId id : {ParameterId{0}, last}) {
    float& value = model->weights.Writable(id)[0];
    const float kept = value;
    value += 1e-3f;
    EXPECT_NE(ModelFingerprint(*model), before);
    value = kept;
  }
  EXPECT_EQ(ModelFingerprint(*model), before);
}

}  // namespace
}  // namespace masr
