#include "train/compare_logits.h"

#include <gtest/gtest.h>

#include "train/testing/toy_speech.h"

namespace masr {
namespace {

class CompareLogitsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = testing::MakeModel(testing::ToyModelConfig(), 1);
    ASSERT_TRUE(made.has_value()) << made.error().message;
    model_.emplace(std::move(*made));
    manifest_ = testing::WriteToySpeech(folder_, "speech", 5, 1.0, 1);
  }
  // The model again, stored so.
  Model Stored(WeightFormat format) {
    const std::string path = folder_ / "stored.masr";
    EXPECT_TRUE(SaveModel(*model_, format, path).has_value());
    return std::move(*LoadModel(path));
  }

  testing::TemporaryFolder folder_;
  std::optional<Model> model_;
  std::string manifest_;
  ThreadPool pool_{2};
};

TEST_F(CompareLogitsTest, TheSameModelSaysTheSame) {
  SpeechDataset data = testing::LoadToySpeech(manifest_, *model_);
  const Model same = Stored(WeightFormat::kF32);
  const auto difference = CompareLogits(*model_, same, data, 3, pool_);
  ASSERT_TRUE(difference.has_value()) << difference.error().message;
  EXPECT_EQ(difference->utterances, 3);
  EXPECT_GT(difference->rows, 3);
  EXPECT_EQ(difference->largest, 0);
  EXPECT_EQ(difference->rms, 0);
  EXPECT_GT(difference->reference_rms, 0);
}

TEST_F(CompareLogitsTest, FewerBitsSaySomethingElseByALittle) {
  SpeechDataset data = testing::LoadToySpeech(manifest_, *model_);
  const Model small = Stored(WeightFormat::kInt8);
  const auto difference = CompareLogits(*model_, small, data, 100, pool_);
  ASSERT_TRUE(difference.has_value()) << difference.error().message;
  EXPECT_EQ(difference->utterances, 5);
  EXPECT_GT(difference->largest, difference->rms);
  EXPECT_GT(difference->rms, 0);
  EXPECT_LT(difference->rms, 0.05 * difference->reference_rms);
}

// A shift of one logit by one is the largest difference, and its share of the mean square.
TEST_F(CompareLogitsTest, MeasuresAKnownDifference) {
  SpeechDataset data = testing::LoadToySpeech(manifest_, *model_);
  Model shifted = Stored(WeightFormat::kF32);
  const ParameterTable& table = shifted.encoder.parameters();
  const ParameterId bias = table.size() - 1;
  ASSERT_EQ(table[bias].name, "head.bias");
  shifted.weights.MakeWritable(bias);
  shifted.weights.Writable(bias)[0] += 1.0f;
  const auto difference = CompareLogits(*model_, shifted, data, 5, pool_);
  ASSERT_TRUE(difference.has_value()) << difference.error().message;
  EXPECT_NEAR(difference->largest, 1.0, 1e-5);
  EXPECT_NEAR(difference->rms, std::sqrt(1.0 / static_cast<double>(model_->encoder.tokens())),
              1e-5);
}

TEST_F(CompareLogitsTest, OtherModelsAreRefused) {
  SpeechDataset data = testing::LoadToySpeech(manifest_, *model_);
  const auto other = testing::MakeTinyModel(1);
  ASSERT_TRUE(other.has_value());
  EXPECT_FALSE(CompareLogits(*model_, *other, data, 3, pool_).has_value());
  EXPECT_FALSE(CompareLogits(*model_, *model_, data, 0, pool_).has_value());
}

}  // namespace
}  // namespace masr
