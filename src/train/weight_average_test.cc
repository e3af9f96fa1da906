#include "train/weight_average.h"

#include <gtest/gtest.h>

#include "model/testing/tiny_model.h"
#include "train/trainer.h"

namespace masr {
namespace {

std::vector<ParameterId> Trainable(const Model& model) {
  std::vector<ParameterId> ids;
  for (ParameterId id = 0; id < model.encoder.parameters().size(); ++id) {
    if (model.encoder.parameters()[id].trainable) ids.push_back(id);
  }
  return ids;
}

void SetAll(Model& model, const std::vector<ParameterId>& ids, float value) {
  for (ParameterId id : ids) {
    for (float& v : model.weights.Writable(id)) v = value;
  }
}

TEST(WeightAverage, FollowsTheFormula) {
  Model model = std::move(*testing::MakeTinyModel(1));
  const auto ids = Trainable(model);
  const ThreadPool threads(2);
  SetAll(model, ids, 100);  // a start that must be forgotten
  WeightAverage average(model, ids, 0.9);
  double expected = 100;
  for (int n = 1; n <= 200; ++n) {
    const float value = n % 2 == 0 ? 1.0f : 3.0f;
    SetAll(model, ids, value);
    average.Update(threads);
    const double decay = std::min(0.9, (1.0 + n) / (10.0 + n));
    expected = decay * expected + (1 - decay) * static_cast<double>(value);
    for (size_t i = 0; i < ids.size(); ++i) {
      for (float v : average.Values(i)) ASSERT_NEAR(v, expected, 1e-4 * expected) << n;
    }
  }
  EXPECT_NEAR(expected, 2, 0.06);
  EXPECT_EQ(average.updates(), 200);
}

TEST(WeightAverage, SwapsThereAndBack) {
  Model model = std::move(*testing::MakeTinyModel(1));
  const auto ids = Trainable(model);
  const auto start = testing::AllWeights(model);
  WeightAverage average(model, ids, 0.5);
  SetAll(model, ids, 7);
  const auto trained = testing::AllWeights(model);
  average.SwapWithModel();
  EXPECT_EQ(testing::AllWeights(model), start);
  average.SwapWithModel();
  EXPECT_EQ(testing::AllWeights(model), trained);
}

// Statistics are the model's own.
TEST(WeightAverage, LeavesWhatIsNotTrainedAlone) {
  Model model = std::move(*testing::MakeTinyModel(1));
  const auto trainable = Trainable(model);
  ASSERT_LT(trainable.size(), static_cast<size_t>(model.encoder.parameters().size()))
      << "the tiny model has no statistics";
  WeightAverage average(model, trainable, 0.5);
  const ThreadPool threads(1);
  for (ParameterId id = 0; id < model.encoder.parameters().size(); ++id) {
    if (model.encoder.parameters()[id].trainable) continue;
    model.weights.MakeWritable(id);
    for (float& v : model.weights.Writable(id)) v = 5;
  }
  average.Update(threads);
  average.SwapWithModel();
  for (ParameterId id = 0; id < model.encoder.parameters().size(); ++id) {
    if (model.encoder.parameters()[id].trainable) continue;
    for (float v : model.weights.ToFloat(id)) EXPECT_EQ(v, 5.0f);
  }
}

}  // namespace
}  // namespace masr
