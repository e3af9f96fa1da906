#include "model/average_models.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model/testing/tiny_model.h"

namespace masr {
namespace {

using testing::AllWeights;

std::string Config(const char* characters, const char* heads, const char* dim) {
  return std::string(R"({"name": "x", "features": {"sample_rate_hz": 8000, "mels": 10},
      "characters": )") +
         characters + R"(, "encoder": [{"layer": "conv_subsampling", "dim": )" + dim +
         R"(, "channels": 4}, {"layer": "conformer_block", "heads": )" + heads +
         R"(, "feed_forward": 24, "conv_kernel": 5}]})";
}

class AverageModelsTest : public ::testing::Test {
 protected:
  std::string Save(const Model& model, const std::string& name,
                   WeightFormat format = WeightFormat::kF32) {
    const std::string path = folder_ / name;
    const Status saved = SaveModel(model, format, path);
    EXPECT_TRUE(saved.has_value()) << saved.error().message;
    return path;
  }
  std::string Saved(const std::string& config, const std::string& name) {
    auto model = testing::MakeModel(config, 1);
    EXPECT_TRUE(model.has_value()) << model.error().message;
    return Save(*model, name);
  }
  static void Refused(const std::vector<std::string>& paths,
                      const std::vector<std::string>& expected) {
    const auto average = AverageModels(paths);
    ASSERT_FALSE(average.has_value());
    for (const std::string& text : expected) {
      EXPECT_NE(average.error().message.find(text), std::string::npos)
          << average.error().message << "\nlacks: " << text;
    }
  }

  testing::TemporaryFolder folder_;
};

TEST_F(AverageModelsTest, IsTheMeanOfEveryParameter) {
  std::vector<std::string> paths;
  std::vector<std::vector<std::vector<float>>> weights;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    Model model = std::move(*testing::MakeTinyModel(seed));
    model.metadata = {{"which", std::to_string(seed)}};
    paths.push_back(Save(model, "m" + std::to_string(seed)));
    weights.push_back(AllWeights(model));
  }
  const auto average = AverageModels(paths);
  ASSERT_TRUE(average.has_value()) << average.error().message;
  const auto mean = AllWeights(*average);
  for (size_t i = 0; i < mean.size(); ++i) {
    for (size_t k = 0; k < mean[i].size(); ++k) {
      const double expected = (static_cast<double>(weights[0][i][k]) + weights[1][i][k] +
                               static_cast<double>(weights[2][i][k])) /
                              3;
      ASSERT_EQ(mean[i][k], static_cast<float>(expected));
    }
  }
  EXPECT_EQ(average->metadata.at("which"), "3");
  EXPECT_NE(average->metadata.at("average.fingerprints").find(','), std::string::npos);
}

TEST_F(AverageModelsTest, OfStoredFormatsIsTakenInFloat) {
  const Model a = std::move(*testing::MakeTinyModel(1));
  const Model b = std::move(*testing::MakeTinyModel(2));
  const auto average =
      AverageModels({Save(a, "a", WeightFormat::kInt8), Save(b, "b", WeightFormat::kBf16)});
  ASSERT_TRUE(average.has_value()) << average.error().message;
  const auto mean = AllWeights(*average);
  const auto wa = AllWeights(a);
  const auto wb = AllWeights(b);
  for (size_t i = 0; i < mean.size(); ++i) {
    for (size_t k = 0; k < mean[i].size(); ++k) {
      EXPECT_NEAR(mean[i][k], (wa[i][k] + wb[i][k]) / 2, 0.02f);
    }
  }
}

TEST_F(AverageModelsTest, ModelsThatDifferAreRefusedByNameAndShape) {
  const std::string base = Saved(Config(R"(["a", "b"])", "2", "16"), "base");
  const std::string wide = Saved(Config(R"(["a", "b"])", "2", "20"), "wide");
  const std::string letters = Saved(Config(R"(["a", "b", "c"])", "2", "16"), "letters");
  const std::string other = Saved(Config(R"(["a", "c"])", "2", "16"), "other");
  const std::string heads = Saved(Config(R"(["a", "b"])", "4", "16"), "heads");
  Refused({base, wide}, {"wide", "has shape", "20", "16"});
  Refused({base, letters}, {"letters", "'head.weight'", "[4,16]", "[3,16]"});
  Refused({base, other}, {"other", "'characters' differ"});
  Refused({base, heads}, {"heads"});
  Refused({base, folder_ / "nowhere"}, {"nowhere"});
  Refused({base}, {"at least two"});
}

TEST_F(AverageModelsTest, ValuesThatAreNotFiniteAreRefused) {
  Model model = std::move(*testing::MakeTinyModel(1));
  const std::string good = Save(model, "good");
  model.weights.Writable(0)[0] = NAN;
  Refused({good, Save(model, "bad")},
          {"bad", model.encoder.parameters()[0].name, "are not finite"});
}

}  // namespace
}  // namespace masr
