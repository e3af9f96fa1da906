// Logits of whole models against another framework's.
#include <gtest/gtest.h>

#include "model/inference.h"
#include "model/testing/golden_model.h"

namespace masr {
namespace {

using testing::Golden;

class GoldenModel : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenModel, LogitsOfAnUtteranceAlone) {
  const auto golden = Golden::Load(GetParam());
  ASSERT_TRUE(golden.has_value()) << golden.error().message;
  const ThreadPool pool(1);
  Inference inference(golden->model, pool);
  for (size_t u = 0; u < golden->features.size(); ++u) {
    const auto logits = inference.Run({golden->frames(u)}, golden->features[u]);
    ASSERT_TRUE(logits.has_value()) << logits.error().message;
    EXPECT_LT(
        testing::RelativeError(logits->values, golden->Read<float>("logits." + std::to_string(u))),
        1e-4)
        << u;
  }
}

// The golden utterances were computed one by one: neither may see the other.
TEST_P(GoldenModel, LogitsOfABatch) {
  const auto golden = Golden::Load(GetParam());
  ASSERT_TRUE(golden.has_value()) << golden.error().message;
  const ThreadPool pool(3);
  Inference inference(golden->model, pool);
  std::vector<float> features = golden->features[0];
  features.insert(features.end(), golden->features[1].begin(), golden->features[1].end());
  const auto logits = inference.Run({golden->frames(0), golden->frames(1)}, features);
  ASSERT_TRUE(logits.has_value()) << logits.error().message;
  std::vector<float> expected = golden->Read<float>("logits.0");
  const std::vector<float> second = golden->Read<float>("logits.1");
  expected.insert(expected.end(), second.begin(), second.end());
  EXPECT_LT(testing::RelativeError(logits->values, expected), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenModel, ::testing::ValuesIn(testing::GoldenNames()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace masr
