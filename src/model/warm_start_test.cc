#include "model/warm_start.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "model/testing/tiny_model.h"

namespace masr {
namespace {

std::string Config(int blocks, const char* characters = R"([" ", "a", "b"])", int feed_forward = 24,
                   int mels = 10) {
  return R"({"name": "x", "features": {"sample_rate_hz": 8000, "mels": )" + std::to_string(mels) +
         R"(}, "characters": )" + characters +
         R"(, "encoder": [{"layer": "conv_subsampling", "dim": 16, "channels": 4},
             {"layer": "conformer_block", "heads": 2, "feed_forward": )" +
         std::to_string(feed_forward) + R"(, "conv_kernel": 5, "repeat": )" +
         std::to_string(blocks) + "}]}";
}

Model Make(const std::string& config, uint64_t seed) {
  return std::move(*testing::MakeModel(config, seed));
}

std::vector<float> Values(const Model& model, const std::string& name) {
  const ParameterTable& table = model.encoder.parameters();
  for (ParameterId id = 0; id < table.size(); ++id) {
    if (table[id].name == name) return model.weights.ToFloat(id);
  }
  return {};
}

TEST(WarmStart, TakesTheBlocksThatAreNamed) {
  const Model source = Make(Config(4), 1);
  Model model = Make(Config(2), 2);
  const std::vector<int64_t> blocks = {0, 2, 4};
  const auto kept = StartFrom(source, blocks, model);
  ASSERT_TRUE(kept.has_value()) << kept.error().message;
  EXPECT_TRUE(kept->empty());
  const ParameterTable& table = model.encoder.parameters();
  for (ParameterId id = 0; id < table.size(); ++id) {
    std::string name = table[id].name;
    if (name.starts_with("blocks.2.")) name.replace(7, 1, "4");
    if (name.starts_with("blocks.1.")) name.replace(7, 1, "2");
    const std::vector<float> expected = Values(source, name);
    ASSERT_FALSE(expected.empty()) << name;
    EXPECT_EQ(model.weights.ToFloat(id), expected) << table[id].name;
  }
}

TEST(WarmStart, AllBlocksGiveTheSameModel) {
  const Model source = Make(Config(2), 1);
  Model model = Make(Config(2), 2);
  ASSERT_TRUE(StartFrom(source, {}, model).has_value());
  EXPECT_EQ(testing::AllWeights(model), testing::AllWeights(source));
}

TEST(WarmStart, TakesWhatFitsAndNamesWhatDoesNot) {
  const Model source = Make(Config(1), 1);
  Model model = Make(Config(2, R"([" ", "b", "a"])", /*feed_forward=*/32), 2);
  const auto before = testing::AllWeights(model);
  const auto kept = StartFrom(source, {}, model);
  ASSERT_TRUE(kept.has_value()) << kept.error().message;
  const ParameterTable& table = model.encoder.parameters();
  for (ParameterId id = 0; id < table.size(); ++id) {
    const std::string& name = table[id].name;
    const bool is_kept = std::find(kept->begin(), kept->end(), name) != kept->end();
    // Other characters, a block that the source lacks, products of another width.
    const bool should = name.starts_with("head.") || name.starts_with("blocks.2.") ||
                        Values(source, name).size() != before[static_cast<size_t>(id)].size();
    EXPECT_EQ(is_kept, should) << name;
    EXPECT_EQ(model.weights.ToFloat(id),
              is_kept ? before[static_cast<size_t>(id)] : Values(source, name))
        << name;
  }
}

TEST(WarmStart, ReadsWhateverTheSourceIsStoredAs) {
  const testing::TemporaryFolder folder;
  Model source = Make(Config(1), 1);
  const std::string path = folder / "source";
  ASSERT_TRUE(SaveModel(source, WeightFormat::kInt8, path).has_value());
  const auto stored = LoadModel(path);
  ASSERT_TRUE(stored.has_value()) << stored.error().message;
  Model model = Make(Config(1), 2);
  ASSERT_TRUE(StartFrom(*stored, {}, model).has_value());
  EXPECT_EQ(testing::AllWeights(model), testing::AllWeights(*stored));
}

TEST(WarmStart, RefusesWhatCannotBeMeant) {
  const Model source = Make(Config(2), 1);
  Model model = Make(Config(1), 2);
  const auto refused = [&](const std::vector<int64_t>& blocks, Model& to, const char* expected) {
    const auto before = testing::AllWeights(to);
    const auto kept = StartFrom(source, blocks, to);
    ASSERT_FALSE(kept.has_value());
    EXPECT_NE(kept.error().message.find(expected), std::string::npos) << kept.error().message;
    EXPECT_EQ(testing::AllWeights(to), before);
  };
  refused({0}, model, "1 blocks are named, but the new model has 2");
  refused({0, 3}, model, "has no block 3; its blocks are 0 to 2");
  refused({0, -1}, model, "has no block -1");
  Model other_features = Make(Config(1, R"([" ", "a", "b"])", 24, 12), 2);
  refused({}, other_features, "other features");
  auto unlike = testing::MakeModel(
      R"({"name": "x", "features": {"sample_rate_hz": 8000, "mels": 10}, "characters": ["z"],
          "encoder": [{"layer": "linear", "dim": 3}]})",
      1);
  ASSERT_TRUE(unlike.has_value()) << unlike.error().message;
  refused({}, *unlike, "none of its tensors");
}

}  // namespace
}  // namespace masr
