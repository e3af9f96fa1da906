// Saving and loading: nothing is lost, and a bad file is an error that names what is wrong.
#include <gtest/gtest.h>

#include "io/file.h"
#include "model/inference.h"
#include "model/model.h"
#include "model/testing/golden_model.h"
#include "model/testing/tiny_model.h"

namespace masr {
namespace {

using testing::AllWeights;
using testing::TemporaryFolder;

std::vector<float> LogitsOf(const Model& model) {
  const ThreadPool pool(1);
  Inference inference(model, pool);
  const auto logits =
      inference.Run({31, 18}, testing::RandomFeatures(31 + 18, model.encoder.mels(), 4));
  EXPECT_TRUE(logits.has_value()) << logits.error().message;
  return logits.has_value() ? logits->values : std::vector<float>{};
}

class ModelFile : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = testing::MakeTinyModel(3);
    ASSERT_TRUE(made.has_value()) << made.error().message;
    model_.emplace(std::move(*made));
    model_->metadata = {{"licence", "MIT"}, {"origin", "a \"test\"\n"}};
    path_ = folder_ / "model.safetensors";
  }

  Model SaveAndLoad(WeightFormat format) {
    const auto saved = SaveModel(*model_, format, path_);
    EXPECT_TRUE(saved.has_value()) << saved.error().message;
    auto loaded = LoadModel(path_);
    EXPECT_TRUE(loaded.has_value()) << loaded.error().message;
    return std::move(*loaded);
  }

  // What loading says about a file with the model's tensors after `change` had its way with them.
  template <class Change>
  Error ErrorAfter(const Change& change) {
    EXPECT_TRUE(SaveModel(*model_, WeightFormat::kInt8, path_).has_value());
    const auto file = SafetensorsFile::Open(path_);
    EXPECT_TRUE(file.has_value());
    std::vector<TensorEntry> tensors = file->tensors();
    auto metadata = file->metadata();
    change(tensors, metadata);
    const std::string changed = folder_ / "changed.safetensors";
    EXPECT_TRUE(WriteSafetensors(changed, tensors, metadata).has_value());
    const auto loaded = LoadModel(changed);
    if (loaded.has_value()) return {ErrorCode::kIo, "loaded"};
    EXPECT_EQ(loaded.error().message.find(changed), 0u) << loaded.error().message;
    return loaded.error();
  }

  static TensorEntry& Find(std::vector<TensorEntry>& tensors, const std::string& name) {
    return *std::find_if(tensors.begin(), tensors.end(),
                         [&](const TensorEntry& entry) { return entry.name == name; });
  }

  TemporaryFolder folder_;
  std::string path_;
  std::optional<Model> model_;
};

TEST_F(ModelFile, F32IsExact) {
  const Model loaded = SaveAndLoad(WeightFormat::kF32);
  EXPECT_EQ(AllWeights(loaded), AllWeights(*model_));
  EXPECT_EQ(LogitsOf(loaded), LogitsOf(*model_));
  EXPECT_EQ(loaded.config.ToJson(), model_->config.ToJson());
  EXPECT_EQ(loaded.metadata, model_->metadata);
  EXPECT_EQ(loaded.vocabulary.characters(), model_->vocabulary.characters());
  EXPECT_EQ(ModelFingerprint(loaded), ModelFingerprint(*model_));
}

TEST_F(ModelFile, Bf16KeepsVectorsAndRoundsMatrices) {
  const Model loaded = SaveAndLoad(WeightFormat::kBf16);
  const ParameterTable& table = model_->encoder.parameters();
  for (ParameterId id = 0; id < table.size(); ++id) {
    const std::vector<float> before = model_->weights.ToFloat(id);
    const std::vector<float> after = loaded.weights.ToFloat(id);
    for (size_t i = 0; i < before.size(); ++i) {
      EXPECT_NEAR(after[i], before[i], table[id].matrix ? std::abs(before[i]) / 256 : 0);
    }
  }
  EXPECT_LT(testing::RelativeError(LogitsOf(loaded), LogitsOf(*model_)), 0.02);
  EXPECT_NE(ModelFingerprint(loaded), ModelFingerprint(*model_));
}

TEST_F(ModelFile, Int8KeepsVectorsAndRoundsMatrices) {
  const Model loaded = SaveAndLoad(WeightFormat::kInt8);
  const ParameterTable& table = model_->encoder.parameters();
  for (ParameterId id = 0; id < table.size(); ++id) {
    const std::vector<float> before = model_->weights.ToFloat(id);
    const std::vector<float> after = loaded.weights.ToFloat(id);
    const int64_t cols = table[id].cols();
    for (int64_t r = 0; r < table[id].rows(); ++r) {
      float largest = 0;
      for (int64_t c = 0; c < cols; ++c) {
        largest = std::max(largest, std::abs(before[static_cast<size_t>(r * cols + c)]));
      }
      for (int64_t c = 0; c < cols; ++c) {
        const auto i = static_cast<size_t>(r * cols + c);
        EXPECT_NEAR(after[i], before[i], table[id].matrix ? 0.501f * largest / 127 : 0);
      }
    }
  }
  EXPECT_LT(testing::RelativeError(LogitsOf(loaded), LogitsOf(*model_)), 0.05);
  EXPECT_LT(loaded.weights.StoredBytes(), model_->weights.StoredBytes() / 2);
}

TEST_F(ModelFile, SmallerFormatsMakeSmallerFiles) {
  std::vector<uintmax_t> sizes;
  for (const auto format : {WeightFormat::kF32, WeightFormat::kBf16, WeightFormat::kInt8}) {
    SaveAndLoad(format);
    sizes.push_back(std::filesystem::file_size(path_));
  }
  EXPECT_GT(sizes[0], sizes[1]);
  EXPECT_GT(sizes[1], sizes[2]);
}

// What a round has not touched stays to the bit.
TEST_F(ModelFile, AsStoredRoundsOnlyWhatWasChanged) {
  Model loaded = SaveAndLoad(WeightFormat::kInt8);
  const auto before = AllWeights(loaded);
  const ParameterTable& table = model_->encoder.parameters();
  const ParameterId changed = model_->encoder.blocks().back().first;
  ASSERT_TRUE(table[changed].matrix);
  loaded.weights.MakeWritable(changed);
  *model_ = std::move(loaded);  // its table is the same
  const Model again = SaveAndLoad(WeightFormat::kAsStored);
  for (ParameterId id = 0; id < table.size(); ++id) {
    const WeightType type = again.weights.views().Matrix(id).type;
    const WeightType expected = id == changed      ? WeightType::kBf16
                                : table[id].matrix ? WeightType::kInt8
                                                   : WeightType::kF32;
    EXPECT_EQ(type, expected) << again.encoder.parameters()[id].name;
    if (id != changed) {
      EXPECT_EQ(again.weights.ToFloat(id), before[static_cast<size_t>(id)]);
    }
  }
}

// A round saves a model that was loaded from the same place, with most of it still mapped.
TEST_F(ModelFile, SavingOverTheFileThatIsMapped) {
  const Model loaded = SaveAndLoad(WeightFormat::kInt8);
  const auto before = AllWeights(loaded);
  ASSERT_TRUE(SaveModel(loaded, WeightFormat::kInt8, path_).has_value());
  EXPECT_EQ(AllWeights(loaded), before);
  const auto again = LoadModel(path_);
  ASSERT_TRUE(again.has_value());
  EXPECT_LT(testing::RelativeError(LogitsOf(*again), LogitsOf(loaded)), 1e-5);
}

TEST_F(ModelFile, MissingFile) {
  const auto loaded = LoadModel(folder_ / "nowhere.safetensors");
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error().code, ErrorCode::kNotFound);
  EXPECT_NE(loaded.error().message.find("nowhere.safetensors"), std::string::npos);
}

TEST_F(ModelFile, TruncatedAnywhere) {
  ASSERT_TRUE(SaveModel(*model_, WeightFormat::kInt8, path_).has_value());
  const auto whole = ReadTextFile(path_);
  ASSERT_TRUE(whole.has_value());
  for (size_t keep = 0; keep < whole->size(); keep += 1 + whole->size() / 60) {
    const std::string cut = folder_ / "cut.safetensors";
    ASSERT_TRUE(ReplaceFile(cut, std::string_view(*whole).substr(0, keep)).has_value());
    const auto loaded = LoadModel(cut);
    ASSERT_FALSE(loaded.has_value()) << keep;
    EXPECT_NE(loaded.error().message.find(cut), std::string::npos) << loaded.error().message;
  }
}

// Whatever is in the header: an error, or a model that can be run.
TEST_F(ModelFile, DamagedHeaders) {
  ASSERT_TRUE(SaveModel(*model_, WeightFormat::kInt8, path_).has_value());
  const auto whole = ReadTextFile(path_);
  ASSERT_TRUE(whole.has_value());
  const size_t header = whole->find("}}") != std::string::npos ? whole->rfind("}}") + 2 : 0;
  ASSERT_GT(header, 100u);
  Rng rng(5);
  int refused = 0;
  for (int round = 0; round < 300; ++round) {
    std::string damaged = *whole;
    for (uint64_t changes = 1 + rng.Below(3); changes > 0; --changes) {
      damaged[rng.Below(header)] = static_cast<char>(rng.Below(round % 2 == 0 ? 256 : 128));
    }
    const std::string path = folder_ / "damaged.safetensors";
    ASSERT_TRUE(ReplaceFile(path, damaged).has_value());
    const auto loaded = LoadModel(path);
    if (!loaded.has_value()) {
      ++refused;
    } else {
      EXPECT_FALSE(AllWeights(*loaded).empty());
    }
  }
  EXPECT_GT(refused, 200);
}

TEST_F(ModelFile, AnotherKindOfFile) {
  const Error error = ErrorAfter([](auto&, auto& metadata) { metadata.clear(); });
  EXPECT_EQ(error.code, ErrorCode::kCorrupt);
  EXPECT_NE(error.message.find("not a MobileASR model"), std::string::npos) << error.message;
}

TEST_F(ModelFile, AFormatOfTheFuture) {
  const Error error = ErrorAfter([](auto&, auto& metadata) { metadata["mobileasr.format"] = "2"; });
  EXPECT_EQ(error.code, ErrorCode::kUnsupported);
  EXPECT_NE(error.message.find("update"), std::string::npos) << error.message;
}

TEST_F(ModelFile, BrokenConfigurations) {
  for (const std::string config :
       {"", "{", "[]", "{}", R"({"name": "x", "characters": ["a"], "encoder": []})",
        R"({"name": "x", "characters": ["a", "a"], "encoder": [{"layer": "linear", "dim": 2}]})",
        R"({"name": "x", "characters": "abc", "encoder": [{"layer": "linear", "dim": 2}]})",
        R"({"name": "x", "characters": ["a"], "encoder": [7]})",
        R"({"name": "x", "characters": ["a"], "encoder": [{"layer": "linear"}]})",
        R"({"name": "x", "characters": ["a"], "features": {"mels": -1},
            "encoder": [{"layer": "linear", "dim": 2}]})"}) {
    const Error error =
        ErrorAfter([&](auto&, auto& metadata) { metadata["mobileasr.config"] = config; });
    EXPECT_NE(error.message, "loaded") << config;
  }
}

TEST_F(ModelFile, AMissingTensorIsNamed) {
  const Error error = ErrorAfter([](auto& tensors, auto&) {
    std::erase_if(tensors, [](const auto& e) { return e.name == "blocks.2.ff1.norm.bias"; });
  });
  EXPECT_EQ(error.code, ErrorCode::kCorrupt);
  EXPECT_NE(error.message.find("'blocks.2.ff1.norm.bias' is missing"), std::string::npos);
}

TEST_F(ModelFile, AMisshapenTensorIsNamedWithBothShapes) {
  const Error error = ErrorAfter([](auto& tensors, auto&) {
    Find(tensors, "blocks.1.mhsa.attention.qkv.weight").shape = {16, 48};
  });
  EXPECT_EQ(error.code, ErrorCode::kCorrupt);
  for (const char* part : {"'blocks.1.mhsa.attention.qkv.weight'", "[16, 48]", "[48, 16]"}) {
    EXPECT_NE(error.message.find(part), std::string::npos) << error.message;
  }
}

TEST_F(ModelFile, Int8NeedsItsScales) {
  const Error missing = ErrorAfter([](auto& tensors, auto&) {
    std::erase_if(tensors, [](const auto& e) { return e.name == "head.weight.scales"; });
  });
  EXPECT_NE(missing.message.find("'head.weight.scales'"), std::string::npos) << missing.message;
  const Error few = ErrorAfter([](auto& tensors, auto&) {
    TensorEntry& scales = Find(tensors, "head.weight.scales");
    scales.shape = {4};
    scales.bytes = scales.bytes.first(16);
  });
  EXPECT_NE(few.message.find("one value per row"), std::string::npos) << few.message;
}

TEST_F(ModelFile, DataTypesThatAreNotWeights) {
  const Error integers =
      ErrorAfter([](auto& tensors, auto&) { Find(tensors, "head.bias").dtype = DType::kI32; });
  EXPECT_NE(integers.message.find("'head.bias' is stored as I32"), std::string::npos);
  const Error vector = ErrorAfter([](auto& tensors, auto&) {
    TensorEntry& bias = Find(tensors, "head.bias");
    bias.dtype = DType::kI8;
    bias.bytes = bias.bytes.first(bias.bytes.size() / 4);
  });
  EXPECT_NE(vector.message.find("'head.bias' is stored as I8"), std::string::npos);
}

TEST_F(ModelFile, UnknownTensorsAreIgnored) {
  const std::vector<uint8_t> bytes(8);
  EXPECT_EQ(ErrorAfter([&](auto& tensors, auto&) {
              tensors.push_back({"somebody.else", DType::kF64, {1}, bytes});
            }).message,
            "loaded");
}

TEST_F(ModelFile, AFolderThatDoesNotExist) {
  const auto saved = SaveModel(*model_, WeightFormat::kF32, folder_ / "no/such/model.safetensors");
  ASSERT_FALSE(saved.has_value());
  EXPECT_NE(saved.error().message.find("no/such"), std::string::npos) << saved.error().message;
}

}  // namespace
}  // namespace masr
