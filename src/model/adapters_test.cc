#include "model/adapters.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/thread_pool.h"
#include "model/inference.h"
#include "model/testing/golden_model.h"
#include "model/testing/tiny_model.h"

namespace masr {
namespace {

using testing::AllWeights;

const std::vector<int64_t> kFrames = {37, 22};

std::vector<float> LogitsOf(const Model& model) {
  const ThreadPool threads(2);
  Inference inference(model, threads);
  const auto logits =
      inference.Run(kFrames, testing::RandomFeatures(37 + 22, model.encoder.mels(), 3));
  EXPECT_TRUE(logits.has_value()) << logits.error().message;
  return logits.has_value() ? logits->values : std::vector<float>{};
}

// As if they had learned something.
void FillPairs(Model& model) {
  const ParameterTable& table = model.encoder.parameters();
  for (ParameterId id = 0; id < table.size(); ++id) {
    if (table[id].adapts == kNoParameter || !table[id].name.ends_with("lora_b")) continue;
    Rng rng(MixKeys(7, static_cast<uint64_t>(id)));
    for (float& v : model.weights.Writable(id)) v = static_cast<float>(rng.Uniform(-0.05, 0.05));
  }
}

// The tiny model of four blocks, as a file of int8 has it.
class Adapters : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto made = testing::MakeTinyModel(1);
    ASSERT_TRUE(made.has_value());
    ASSERT_TRUE(SaveModel(*made, WeightFormat::kInt8, path_).has_value());
    auto loaded = LoadModel(path_);
    ASSERT_TRUE(loaded.has_value());
    model_.emplace(std::move(*loaded));
  }

  testing::TemporaryFolder folder_;
  std::string path_ = folder_ / "base.safetensors";
  std::optional<Model> model_;
};

TEST_F(Adapters, StandBesideTheProductsOfTheirBlocks) {
  ASSERT_TRUE(SetAdapters(*model_, {.rank = 3, .first_block = 2}, 5).has_value());
  const ParameterTable& table = model_->encoder.parameters();
  int pairs = 0;
  for (ParameterId id = 0; id < table.size(); ++id) {
    const ParameterSpec& spec = table[id];
    if (spec.adapts == kNoParameter) continue;
    EXPECT_TRUE(spec.name.starts_with("blocks.2.")) << spec.name;
    EXPECT_TRUE(table[spec.adapts].product);
    EXPECT_TRUE(spec.trainable);
    const bool is_a = spec.name.ends_with("lora_a");
    EXPECT_EQ(is_a ? spec.rows() : spec.cols(), 3);
    EXPECT_EQ(is_a ? spec.cols() : spec.rows(),
              is_a ? table[spec.adapts].cols() : table[spec.adapts].rows());
    const std::vector<float> values = model_->weights.ToFloat(id);
    EXPECT_EQ(std::all_of(values.begin(), values.end(), [](float v) { return v == 0; }), !is_a)
        << spec.name;
    ++pairs;
  }
  EXPECT_EQ(pairs, 2 * 9);  // two feed-forwards of two, two pointwise, three of attention
  EXPECT_EQ(model_->encoder.blocks().size(), 4u);
  EXPECT_EQ(model_->encoder.blocks().back().end, table.size());
}

TEST_F(Adapters, ThatAreNewChangeNothing) {
  const std::vector<float> before = LogitsOf(*model_);
  const std::string fingerprint = ModelFingerprint(*model_);
  const auto weights = AllWeights(*model_);
  ASSERT_TRUE(SetAdapters(*model_, {.rank = 3, .first_block = 1}, 5).has_value());
  EXPECT_EQ(LogitsOf(*model_), before);
  EXPECT_EQ(ModelFingerprint(*model_), fingerprint);
  ASSERT_TRUE(MergeAdapters(*model_).has_value());
  EXPECT_EQ(AllWeights(*model_), weights);
  for (ParameterId id = 0; id < model_->encoder.parameters().size(); ++id) {
    if (!model_->encoder.parameters()[id].matrix) continue;
    EXPECT_FALSE(model_->weights.IsWritable(id)) << "a copy of what has not changed";
  }
}

TEST_F(Adapters, AreDrawnFromTheSeed) {
  const auto pairs_of = [&](uint64_t seed) {
    auto model = LoadModel(path_);
    EXPECT_TRUE(model.has_value());
    EXPECT_TRUE(SetAdapters(*model, {.rank = 2, .first_block = 1}, seed).has_value());
    return AllWeights(*model);
  };
  EXPECT_EQ(pairs_of(5), pairs_of(5));
  EXPECT_NE(pairs_of(5), pairs_of(6));
}

TEST_F(Adapters, MergedTheModelSaysTheSame) {
  const std::vector<float> base = LogitsOf(*model_);
  ASSERT_TRUE(SetAdapters(*model_, {.rank = 3, .first_block = 0}, 5).has_value());
  FillPairs(*model_);
  const std::vector<float> adapted = LogitsOf(*model_);
  EXPECT_GT(testing::RelativeError(adapted, base), 0.01);
  const std::string fingerprint = ModelFingerprint(*model_);
  const ParameterId count = model_->encoder.parameters().size();
  ASSERT_TRUE(MergeAdapters(*model_).has_value());
  EXPECT_LT(model_->encoder.parameters().size(), count);
  EXPECT_EQ(model_->encoder.adapters(), AdapterShape{});
  EXPECT_LT(testing::RelativeError(LogitsOf(*model_), adapted), 1e-5);
  EXPECT_EQ(ModelFingerprint(*model_), fingerprint);
}

TEST_F(Adapters, AreMergedIntoTheFile) {
  ASSERT_TRUE(SetAdapters(*model_, {.rank = 3, .first_block = 0}, 5).has_value());
  FillPairs(*model_);
  const std::vector<float> adapted = LogitsOf(*model_);
  const std::string saved_path = folder_ / "learned.safetensors";
  ASSERT_TRUE(SaveModel(*model_, WeightFormat::kF32, saved_path).has_value());
  const auto saved = LoadModel(saved_path);
  ASSERT_TRUE(saved.has_value()) << saved.error().message;
  EXPECT_EQ(saved->config.ToJson(), model_->config.ToJson());
  EXPECT_EQ(ModelFingerprint(*saved), ModelFingerprint(*model_));
  EXPECT_LT(testing::RelativeError(LogitsOf(*saved), adapted), 1e-5);
  // Writing it has copied no matrix.
  for (ParameterId id = 0; id < model_->encoder.parameters().size(); ++id) {
    EXPECT_FALSE(model_->encoder.parameters()[id].product && model_->weights.IsWritable(id));
  }
  const auto file = SafetensorsFile::Open(saved_path);
  ASSERT_TRUE(file.has_value());
  for (const TensorEntry& tensor : file->tensors()) {
    EXPECT_EQ(tensor.name.find("lora"), std::string::npos) << tensor.name;
  }
}

TEST_F(Adapters, OfAnotherShapeAreMergedFirst) {
  ASSERT_TRUE(SetAdapters(*model_, {.rank = 3, .first_block = 1}, 5).has_value());
  FillPairs(*model_);
  const std::vector<float> adapted = LogitsOf(*model_);
  const auto weights = AllWeights(*model_);
  // The same shape again: nothing happens.
  ASSERT_TRUE(SetAdapters(*model_, {.rank = 3, .first_block = 1}, 6).has_value());
  EXPECT_EQ(AllWeights(*model_), weights);
  for (const AdapterShape shape :
       {AdapterShape{.rank = 3, .first_block = 2}, AdapterShape{.rank = 4, .first_block = 2}}) {
    ASSERT_TRUE(SetAdapters(*model_, shape, 6).has_value());
    EXPECT_EQ(model_->encoder.adapters(), shape);
    EXPECT_LT(testing::RelativeError(LogitsOf(*model_), adapted), 1e-5);
  }
}

TEST_F(Adapters, OfSenselessSizesAreRefused) {
  const auto weights = AllWeights(*model_);
  const std::string config = model_->config.ToJson();
  for (const int64_t size : {int64_t{-1}, int64_t{1} << 40}) {
    for (const AdapterShape shape : {AdapterShape{.rank = size}, AdapterShape{.width = size}}) {
      const auto status = SetAdapters(*model_, shape, 1);
      ASSERT_FALSE(status.has_value());
      EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
      EXPECT_EQ(AllWeights(*model_), weights);
      EXPECT_EQ(model_->config.ToJson(), config);
    }
  }
}

// As if residual adapters had learned something.
void FillResidualAdapters(Model& model) {
  for (const EncoderBlock& block : model.encoder.blocks()) {
    for (ParameterId id = block.adapter; id < block.end; ++id) {
      Rng rng(MixKeys(9, static_cast<uint64_t>(id)));
      model.weights.MakeWritable(id);
      for (float& v : model.weights.Writable(id)) v += static_cast<float>(rng.Uniform(-0.1, 0.1));
    }
  }
}

TEST_F(Adapters, ResidualOnesStandBehindTheirBlocksAndChangeNothing) {
  const std::vector<float> before = LogitsOf(*model_);
  ASSERT_TRUE(SetAdapters(*model_, {.width = 3, .first_block = 1}, 5).has_value());
  EXPECT_EQ(LogitsOf(*model_), before);
  const std::vector<EncoderBlock>& blocks = model_->encoder.blocks();
  ASSERT_EQ(blocks.size(), 4u);
  for (size_t b = 0; b < blocks.size(); ++b) {
    // norm, [3, 16] and [16, 3] with their biases
    EXPECT_EQ(blocks[b].end - blocks[b].adapter, b == 1 || b == 2 ? 6 : 0) << b;
  }
  EXPECT_EQ(model_->encoder.parameters()[blocks[1].adapter].name, "blocks.1.adapter.norm.weight");
  EXPECT_EQ(model_->encoder.adapters(), AdapterShape{});
  const auto list = nlohmann::json::parse(model_->config.encoder_json);
  ASSERT_EQ(list.size(), 2u) << "entries that are alike stand together";
  EXPECT_FALSE(list[0].contains("adapter"));
  EXPECT_EQ(list[1]["adapter"], 3);
  EXPECT_EQ(list[1]["repeat"], 2);
}

TEST_F(Adapters, ResidualOnesAreKeptInTheFileAndByLaterRounds) {
  ASSERT_TRUE(SetAdapters(*model_, {.width = 3, .first_block = 2}, 5).has_value());
  FillResidualAdapters(*model_);
  const std::vector<float> learned = LogitsOf(*model_);
  const std::string path = folder_ / "learned.safetensors";
  ASSERT_TRUE(SaveModel(*model_, WeightFormat::kF32, path).has_value());
  auto saved = LoadModel(path);
  ASSERT_TRUE(saved.has_value()) << saved.error().message;
  EXPECT_EQ(LogitsOf(*saved), learned);
  EXPECT_EQ(ModelFingerprint(*saved), ModelFingerprint(*model_));
  // Another width, more blocks: those that are there stay.
  ASSERT_TRUE(SetAdapters(*saved, {.width = 5, .first_block = 1}, 6).has_value());
  EXPECT_EQ(LogitsOf(*saved), learned);
  const auto width = [&](size_t block) {
    return saved->encoder.parameters()[saved->encoder.blocks()[block].adapter + 2].rows();
  };
  EXPECT_EQ(width(1), 5);
  EXPECT_EQ(width(2), 3);
  // Pairs beside them, and away again.
  ASSERT_TRUE(SetAdapters(*saved, {.rank = 2, .first_block = 0}, 6).has_value());
  for (const EncoderBlock& block : saved->encoder.blocks()) {
    for (ParameterId id = block.adapter; id < block.end; ++id) {
      EXPECT_EQ(saved->encoder.parameters()[id].adapts, kNoParameter);
    }
  }
  ASSERT_TRUE(MergeAdapters(*saved).has_value());
  EXPECT_EQ(LogitsOf(*saved), learned);
}

// What a new adapter adds is added in part.
TEST_F(Adapters, PartWayToResidualOnesThatTheOtherLacks) {
  auto base = LoadModel(path_);
  ASSERT_TRUE(base.has_value());
  const std::vector<float> before = LogitsOf(*base);
  // Behind the last block, so that logits are linear in what it adds.
  ASSERT_TRUE(SetAdapters(*model_, {.width = 3, .first_block = 2}, 5).has_value());
  FillResidualAdapters(*model_);
  const std::vector<float> after = LogitsOf(*model_);
  const std::string path = folder_ / "part.safetensors";
  for (const float share : {0.0f, 0.25f, 1.0f}) {
    ASSERT_TRUE(SavePartWay(*base, *model_, share, WeightFormat::kF32, path).has_value());
    const auto part = LoadModel(path);
    ASSERT_TRUE(part.has_value()) << part.error().message;
    std::vector<float> expected = before;
    for (size_t k = 0; k < expected.size(); ++k) expected[k] += share * (after[k] - before[k]);
    EXPECT_LT(testing::RelativeError(LogitsOf(*part), expected), 1e-5) << share;
  }
  EXPECT_FALSE(SavePartWay(*model_, *base, 0.5f, WeightFormat::kF32, path).has_value());
}

// Recurrent layers and full convolutions stay as they are; the model works all the same.
TEST(AdaptersOf, EveryKindOfModel) {
  for (const std::string& name : testing::GoldenNames()) {
    SCOPED_TRACE(name);
    auto golden = testing::Golden::Load(name);
    ASSERT_TRUE(golden.has_value()) << golden.error().message;
    const std::string fingerprint = ModelFingerprint(golden->model);
    ASSERT_TRUE(SetAdapters(golden->model, {.rank = 2}, 1).has_value());
    EXPECT_EQ(ModelFingerprint(golden->model), fingerprint);
    FillPairs(golden->model);
    const std::vector<float> adapted = LogitsOf(golden->model);
    ASSERT_TRUE(MergeAdapters(golden->model).has_value());
    EXPECT_LT(testing::RelativeError(LogitsOf(golden->model), adapted), 1e-5);
  }
}

}  // namespace
}  // namespace masr
