#include "model/adapters.h"

#include <gtest/gtest.h>

#include <cmath>

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

TEST_F(Adapters, OfSenselessRanksAreRefused) {
  const auto weights = AllWeights(*model_);
  for (const int64_t rank : {int64_t{-1}, int64_t{1} << 40}) {
    const auto status = SetAdapters(*model_, {.rank = rank}, 1);
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(AllWeights(*model_), weights);
  }
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
