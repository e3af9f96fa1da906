// Wav2Vec2ForCTC and HubertForCTC against torchaudio's networks (scripts/make_convert_goldens.py).
#include "convert/huggingface.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "convert/testing/golden_source.h"
#include "io/file.h"
#include "io/testing/temporary_folder.h"

namespace masr {
namespace {

using Json = nlohmann::json;
using testing::ReadTensor;
using testing::RelativeError;

std::string Folder(const std::string& name) { return testing::SourceFolder(name); }

class HuggingFace : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    auto loaded = testing::GoldenSource::Load(GetParam(), folder_ / "model.masr");
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
    converted_.emplace(std::move(*loaded));
  }

  testing::TemporaryFolder folder_;
  std::optional<testing::GoldenSource> converted_;
};

TEST_P(HuggingFace, LogitsOfEachUtterance) { testing::ExpectLogits(*converted_, 1e-4); }

TEST_P(HuggingFace, GradientsOfEveryParameter) {
  testing::ExpectGradients(*converted_, 1e-4, 1e-3);
}

TEST_P(HuggingFace, ExportGivesTheSourceBack) {
  ASSERT_TRUE(ExportModel(converted_->model, folder_.path().string()).has_value());
  const auto before = SafetensorsFile::Open(Folder(GetParam()) + "/model.safetensors");
  const auto after = SafetensorsFile::Open(folder_ / "model.safetensors");
  ASSERT_TRUE(before.has_value() && after.has_value());
  // The weight norm's spelling is the older one, and its parts may differ while its weight may not.
  for (const TensorEntry& entry : before->tensors()) {
    if (entry.name.find("pos_conv_embed.conv.") != std::string::npos ||
        entry.name.ends_with("masked_spec_embed") || entry.name.starts_with("lm_head")) {
      continue;
    }
    const TensorEntry* again = after->Find(entry.name);
    ASSERT_NE(again, nullptr) << entry.name;
    EXPECT_EQ(again->shape, entry.shape) << entry.name;
  }
  const auto source = OpenSource(folder_.path().string());
  ASSERT_TRUE(source.has_value()) << source.error().message;
  EXPECT_EQ(source->config.encoder_json, converted_->source.config.encoder_json);
  EXPECT_EQ(source->config.characters, converted_->source.config.characters);
  ASSERT_EQ(source->tensors.size(), converted_->source.tensors.size());
  for (size_t i = 0; i < source->tensors.size(); ++i) {
    const TensorMap& map = source->tensors[i];
    const std::vector<float> expected =
        ReadParameter(converted_->source.tensors[i], converted_->source.weights);
    const std::vector<float> values = ReadParameter(map, source->weights);
    if (map.layout == Layout::kWeightNorm) {
      EXPECT_LT(RelativeError(values, expected), 1e-6) << map.ours;
    } else {
      EXPECT_EQ(values, expected) << map.ours;
    }
  }
  const std::vector<float> bias = ReadTensor<float>(*after, "lm_head.bias");
  ASSERT_EQ(bias.size() - std::ranges::count(bias, -1e4f), converted_->rows().size())
      << "tokens that no text has must never be chosen";
}

INSTANTIATE_TEST_SUITE_P(Models, HuggingFace,
                         ::testing::Values("wav2vec2_base", "wav2vec2_large", "hubert"),
                         [](const auto& test) { return test.param; });

TEST(HuggingFaceSource, SaysWhatItChanged) {
  const auto base = OpenSource(Folder("wav2vec2_base"));
  ASSERT_TRUE(base.has_value()) << base.error().message;
  EXPECT_EQ(base->config.characters, (std::vector<std::string>{" ", "e", "t", "'", "a"}));
  ASSERT_EQ(base->notes.size(), 2u);
  EXPECT_NE(base->notes[0].find("<s> </s> <unk>"), std::string::npos) << base->notes[0];
  EXPECT_NE(base->notes[1].find("small"), std::string::npos);
  EXPECT_EQ(base->config.features.normalization, Normalization::kPerUtterance);

  const auto large = OpenSource(Folder("wav2vec2_large"));
  ASSERT_TRUE(large.has_value()) << large.error().message;
  EXPECT_EQ(large->config.characters, (std::vector<std::string>{"a", "\u00e9", " ", "z"}));
  const auto hubert = OpenSource(Folder("hubert"));
  ASSERT_TRUE(hubert.has_value()) << hubert.error().message;
  EXPECT_EQ(hubert->config.features.normalization, Normalization::kNone);
}

// A copy of a source whose files can be spoilt.
class Spoilt : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name :
         {"config.json", "vocab.json", "preprocessor_config.json", "model.safetensors"}) {
      ASSERT_TRUE(CopyFile(Folder("wav2vec2_base") + "/" + name, folder_ / name).has_value());
    }
  }

  void Change(const std::string& file, const std::function<void(Json&)>& change) {
    const auto text = ReadTextFile(folder_ / file);
    ASSERT_TRUE(text.has_value());
    Json json = Json::parse(*text);
    change(json);
    ASSERT_TRUE(ReplaceFile(folder_ / file, json.dump()).has_value());
  }

  void Rewrite(const std::function<void(std::vector<TensorEntry>&)>& change) {
    const auto file = SafetensorsFile::Open(Folder("wav2vec2_base") + "/model.safetensors");
    ASSERT_TRUE(file.has_value());
    std::vector<TensorEntry> tensors = file->tensors();
    change(tensors);
    ASSERT_TRUE(WriteSafetensors(folder_ / "model.safetensors", tensors, {}).has_value());
  }

  void ExpectRefused(const std::string& says) {
    const auto source = OpenSource(folder_.path().string());
    Status status;
    if (source.has_value()) {
      status = WriteConverted(*source, WeightFormat::kF32, folder_ / "out.masr");
    } else {
      status = tl::unexpected(source.error());
    }
    ASSERT_FALSE(status.has_value());
    EXPECT_NE(status.error().message.find(says), std::string::npos) << status.error().message;
    EXPECT_FALSE(FileExists(folder_ / "out.masr"));
  }

  testing::TemporaryFolder folder_;
};

TEST_F(Spoilt, MissingUnknownAndMisshapenTensorsAreNamed) {
  Rewrite([](auto& tensors) {
    std::erase_if(tensors, [](const TensorEntry& t) {
      return t.name == "wav2vec2.encoder.layers.1.attention.k_proj.weight";
    });
  });
  ExpectRefused("'wav2vec2.encoder.layers.1.attention.k_proj.weight' is missing");
  Rewrite([](auto& tensors) {
    tensors.push_back(tensors.front());
    tensors.back().name = "wav2vec2.encoder.layers.0.adapter.weight";
  });
  ExpectRefused("no place for 'wav2vec2.encoder.layers.0.adapter.weight'");
  Change("config.json", [](Json& json) { json["intermediate_size"] = 20; });
  Rewrite([](auto&) {});
  ExpectRefused(
      "intermediate_dense.weight' has shape [24, 16] but the configuration says [20, 16]");
}

TEST_F(Spoilt, TensorsThatAreNoFloatsAreRefused) {
  std::vector<int32_t> numbers(9);
  Rewrite([&](auto& tensors) {
    for (TensorEntry& t : tensors) {
      if (t.name != "lm_head.bias") continue;
      t.dtype = DType::kI32;
      t.bytes = {reinterpret_cast<const uint8_t*>(numbers.data()), 36};
    }
  });
  ExpectRefused("'lm_head.bias' is stored as I32");
}

struct Refusal {
  const char* file;
  const char* patch;  // merged into the file
  const char* says;
};

TEST_F(Spoilt, ConfigurationsThatWeDoNotHaveAreRefusedWithTheReason) {
  const Refusal refusals[] = {
      {"config.json", R"({"model_type": "wavlm"})", "'model_type' is 'wavlm'"},
      {"config.json", R"({"architectures": ["Wav2Vec2ForPreTraining"]})", "no head for CTC"},
      {"config.json", R"({"add_adapter": true})", "adapter layers"},
      {"config.json", R"({"adapter_attn_dim": 16})", "attention adapters"},
      {"config.json", R"({"hidden_act": "gelu_new"})", "'hidden_act' is 'gelu_new'"},
      {"config.json", R"({"feat_extract_activation": "relu"})", "must be gelu"},
      {"config.json", R"({"feat_extract_norm": "batch"})", "must be one of: group, layer"},
      {"config.json", R"({"conv_stride": [5, 2]})", "equally long"},
      {"config.json", R"({"conv_dim": [8, 8, 1e9]})", "'conv_dim'"},
      {"config.json", R"({"hidden_size": "16"})", "'hidden_size'"},
      {"config.json", R"({"num_attention_heads": 3})", "'heads' must divide"},
      {"config.json", R"({"num_conv_pos_embedding_groups": 3})", "must divide 'hidden_size'"},
      {"config.json", R"({"vocab_size": 5})", "config.json says that there are 5"},
      {"config.json", R"({"pad_token_id": 100})", "'pad_token_id'"},
      {"vocab.json", R"({"th": 5, "E": null})", "'th' is not one character"},
      {"vocab.json", R"({"T": 5})", "have the same number, 5"},
      {"vocab.json", R"({"eng": {"a": 5}})", "'eng' has no number"},
      {"preprocessor_config.json", R"({"feature_size": 80})", "80 numbers a frame"},
      {"preprocessor_config.json", R"({"sampling_rate": 0})", "'sampling_rate'"},
  };
  for (const Refusal& refusal : refusals) {
    SCOPED_TRACE(refusal.patch);
    SetUp();
    Change(refusal.file, [&](Json& json) { json.merge_patch(Json::parse(refusal.patch)); });
    ExpectRefused(refusal.says);
  }
}

TEST_F(Spoilt, OtherFormsOfWeightsSayWhatToDo) {
  ASSERT_TRUE(RemoveFile(folder_ / "model.safetensors").has_value());
  ExpectRefused("no such file");
  ASSERT_TRUE(ReplaceFile(folder_ / "pytorch_model.bin", "PK").has_value());
  ExpectRefused("scripts/checkpoint_to_safetensors.py");
  ASSERT_TRUE(ReplaceFile(folder_ / "model.safetensors.index.json", "{}").has_value());
  ExpectRefused("in several files");
  ASSERT_TRUE(RemoveFile(folder_ / "vocab.json").has_value());
  ExpectRefused("vocab.json");
  ASSERT_TRUE(RemoveFile(folder_ / "config.json").has_value());
  ExpectRefused("nothing that can be converted");
}

TEST(Export, AModelOfOurOwnHasNowhereToGoBackTo) {
  const auto golden = testing::Golden::Load("quartznet");
  ASSERT_TRUE(golden.has_value());
  const testing::TemporaryFolder folder;
  const Status status = ExportModel(golden->model, folder.path().string());
  ASSERT_FALSE(status.has_value());
  EXPECT_NE(status.error().message.find("not converted from elsewhere"), std::string::npos);
}

// Metadata are a stranger's, too.
TEST(Export, MetadataThatDoNotFitTheModelAreRefused) {
  testing::TemporaryFolder folder;
  auto converted = testing::GoldenSource::Load("wav2vec2_base", folder / "model.masr");
  ASSERT_TRUE(converted.has_value());
  std::string& files = converted->model.metadata["convert.files"];
  Json json = Json::parse(files);
  Json config = Json::parse(json["config.json"].get<std::string>());
  config["intermediate_size"] = 48;
  json["config.json"] = config.dump();
  json["../escaped"] = "x";
  files = json.dump();
  const Status refused = ExportModel(converted->model, folder.path().string());
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("not what its metadata say"), std::string::npos)
      << refused.error().message;
  json["config.json"] = 7;
  files = json.dump();
  EXPECT_FALSE(ExportModel(converted->model, folder.path().string()).has_value());
  files = "[]";
  EXPECT_FALSE(ExportModel(converted->model, folder.path().string()).has_value());
}

}  // namespace
}  // namespace masr
