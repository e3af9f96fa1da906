// EncDecCTCModel and EncDecCTCModelBPE against other implementations of NeMo's networks and of
// SentencePiece (scripts/make_nemo_goldens.py).
#include "convert/nemo.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "convert/sentence_pieces.h"
#include "convert/testing/golden_source.h"
#include "convert/yaml.h"
#include "io/file.h"
#include "io/testing/temporary_folder.h"

namespace masr {
namespace {

using Json = nlohmann::json;
using testing::SourceFolder;

#define SKIP_WITHOUT_YAML() \
  if (!HasYaml()) GTEST_SKIP() << "built without yaml-cpp"

Json ReadJson(const std::string& path) {
  const auto text = ReadTextFile(path);
  EXPECT_TRUE(text.has_value());
  return Json::parse(text.has_value() ? *text : "{}");
}

class Nemo : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_YAML();
    auto loaded =
        testing::GoldenSource::Load(GetParam(), folder_ / "model.masr", "nemo_samples.safetensors");
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
    converted_.emplace(std::move(*loaded));
  }

  testing::TemporaryFolder folder_;
  std::optional<testing::GoldenSource> converted_;
};

TEST_P(Nemo, LogitsOfEachUtterance) { testing::ExpectLogits(*converted_, 1e-4); }

TEST_P(Nemo, GradientsOfEveryParameter) { testing::ExpectGradients(*converted_, 1e-4, 1e-3); }

TEST_P(Nemo, ExportGivesTheSourceBack) {
  const std::string source = SourceFolder(GetParam());
  ASSERT_TRUE(ExportModel(converted_->model, folder_.path().string()).has_value());
  const auto config = ReadTextFile(folder_ / "model_config.yaml");
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(*config, *ReadTextFile(source + "/model_config.yaml"));
  const auto before = SafetensorsFile::Open(source + "/model.safetensors");
  const auto after = SafetensorsFile::Open(folder_ / "model.safetensors");
  ASSERT_TRUE(before.has_value() && after.has_value());
  for (const TensorEntry& entry : before->tensors()) {
    if (entry.name.find("featurizer") != std::string::npos ||
        entry.name.ends_with("num_batches_tracked")) {
      continue;
    }
    const TensorEntry* again = after->Find(entry.name);
    ASSERT_NE(again, nullptr) << entry.name;
    EXPECT_EQ(again->shape, entry.shape) << entry.name;
    if (entry.name.starts_with("decoder")) continue;
    EXPECT_LT(testing::RelativeError(testing::ReadTensor<float>(*after, entry.name),
                                     testing::ReadTensor<float>(*before, entry.name)),
              1e-6)
        << entry.name;
  }
  // And it can be converted again.
  if (FileExists(source + "/tokenizer.model")) {
    ASSERT_TRUE(CopyFile(source + "/tokenizer.model", folder_ / "tokenizer.model").has_value());
  }
  const auto again = OpenSource(folder_.path().string());
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_TRUE(again->config.SameTokens(converted_->source.config));
  ASSERT_TRUE(WriteConverted(*again, WeightFormat::kF32, folder_ / "again.masr").has_value());
  const auto model = LoadModel(folder_ / "again.masr");
  ASSERT_TRUE(model.has_value());
  for (ParameterId id = 0; id < model->encoder.parameters().size(); ++id) {
    EXPECT_LT(
        testing::RelativeError(model->weights.ToFloat(id), converted_->model.weights.ToFloat(id)),
        1e-6)
        << model->encoder.parameters()[id].name;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Nemo,
                         ::testing::Values("nemo_quartznet", "nemo_citrinet", "nemo_conformer",
                                           "nemo_fastconformer"),
                         [](const auto& test) { return test.param; });

// Of the folder that `scripts/make_nemo_goldens.py --full` has written, if it is there:
// MASR_NEMO_FULL=FOLDER masr_convert_test --gtest_filter='*FullSize*'
TEST(NemoOfFullSize, LogitsOfRealSpeech) {
  SKIP_WITHOUT_YAML();
  const char* root = std::getenv("MASR_NEMO_FULL");
  if (root == nullptr) GTEST_SKIP() << "MASR_NEMO_FULL names no folder";
  const testing::TemporaryFolder folder;
  for (const std::string name : {"quartznet15x5", "citrinet512", "conformer_small"}) {
    const auto converted =
        testing::GoldenSource::Load(std::string(root) + "/" + name, folder / "model.masr");
    ASSERT_TRUE(converted.has_value()) << converted.error().message;
    const ThreadPool pool(1);
    const std::vector<float> features = converted->Features(0);
    const auto logits =
        Inference(converted->model, pool).Run({converted->Frames(features)}, features);
    ASSERT_TRUE(logits.has_value()) << logits.error().message;
    const double error = testing::RelativeError(logits->values, converted->Logits(0));
    EXPECT_LT(error, 1e-3) << name;
    RecordProperty(name, std::to_string(error));
    std::printf("%s: %.1e of the largest logit off\n", name.c_str(), error);
  }
}

class NemoPieces : public ::testing::TestWithParam<std::string> {};

// The library's own pieces of texts, of words and of words run together.
TEST_P(NemoPieces, AreThoseOfTheLibrary) {
  const std::string folder = SourceFolder(GetParam());
  const auto bytes = ReadTextFile(folder + "/tokenizer.model");
  ASSERT_TRUE(bytes.has_value());
  const auto pieces = ParseSentencePieces(*bytes, "test");
  ASSERT_TRUE(pieces.has_value()) << pieces.error().message;
  EXPECT_EQ(pieces->dropped, std::vector<std::string>{"<unk>"});
  const auto vocabulary = Vocabulary::FromPieces(pieces->pieces);
  ASSERT_TRUE(vocabulary.has_value()) << vocabulary.error().message;
  const Json cases = ReadJson(folder + "/pieces.json");
  ASSERT_GT(cases.size(), 20u);
  for (const Json& one : cases) {
    const auto text = one["text"].get<std::string>();
    const auto tokens = vocabulary->Encode(text);
    ASSERT_TRUE(tokens.has_value()) << text << ": " << tokens.error().message;
    std::vector<int64_t> numbers;
    for (const int32_t token : *tokens) {
      numbers.push_back(pieces->numbers[static_cast<size_t>(token) - 1]);
    }
    EXPECT_EQ(numbers, one["pieces"].get<std::vector<int64_t>>()) << text;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, NemoPieces, ::testing::Values("nemo_citrinet", "nemo_conformer"),
                         [](const auto& test) { return test.param; });

TEST(NemoSource, SaysWhatItChanged) {
  SKIP_WITHOUT_YAML();
  const auto characters = OpenSource(SourceFolder("nemo_quartznet"));
  ASSERT_TRUE(characters.has_value()) << characters.error().message;
  EXPECT_EQ(characters->config.characters, (std::vector<std::string>{" ", "a", "e", "'", "t"}));
  EXPECT_TRUE(characters->notes.empty());
  EXPECT_EQ(characters->config.features.log_mel.window_ms, 20);
  EXPECT_EQ(characters->config.features.normalization, Normalization::kPerUtteranceUnbiased);
  const auto pieces = OpenSource(SourceFolder("nemo_conformer"));
  ASSERT_TRUE(pieces.has_value()) << pieces.error().message;
  ASSERT_EQ(pieces->notes.size(), 1u);
  EXPECT_NE(pieces->notes[0].find("<unk>"), std::string::npos) << pieces->notes[0];
  EXPECT_EQ(pieces->config.pieces.model, PieceModel::kBpe);
  const auto tied = OpenSource(SourceFolder("nemo_fastconformer"));
  ASSERT_TRUE(tied.has_value()) << tied.error().message;
  ASSERT_EQ(tied->notes.size(), 1u);
  EXPECT_NE(tied->notes[0].find("biases"), std::string::npos) << tied->notes[0];
}

// A copy of a source whose files can be spoilt.
class SpoiltNemo : public ::testing::Test {
 protected:
  void SetUp() override { SKIP_WITHOUT_YAML(); }

  void Copy(const std::string& source) {
    for (const char* name : {"model_config.yaml", "model.safetensors", "tokenizer.model"}) {
      const std::string from = SourceFolder(source) + "/" + name;
      if (FileExists(from)) {
        ASSERT_TRUE(CopyFile(from, folder_ / name).has_value());
      }
    }
  }

  // JSON is YAML.
  void Change(const std::string& patch) {
    const auto text = ReadTextFile(folder_ / "model_config.yaml");
    ASSERT_TRUE(text.has_value());
    auto json = ParseYaml(*text, "test");
    ASSERT_TRUE(json.has_value()) << json.error().message;
    const Json change = Json::parse(patch);
    if (change.contains("jasper1")) {
      (*json)["encoder"]["jasper"][1].merge_patch(change["jasper1"]);
    } else {
      json->merge_patch(change);
    }
    // merge_patch takes null for "leave out".
    ASSERT_TRUE(ReplaceFile(folder_ / "model_config.yaml", json->dump()).has_value());
  }

  void ExpectRefused(const std::string& says) {
    const auto source = OpenSource(folder_.path().string());
    Status status;
    if (source.has_value()) {
      status = WriteConverted(*source, WeightFormat::kF32, folder_ / "out.masr");
    } else {
      status = tl::unexpected(source.error());
    }
    ASSERT_FALSE(status.has_value()) << says;
    EXPECT_NE(status.error().message.find(says), std::string::npos) << status.error().message;
    EXPECT_FALSE(FileExists(folder_ / "out.masr"));
  }

  testing::TemporaryFolder folder_;
};

struct Refusal {
  const char* source;
  const char* patch;
  const char* says;
};

TEST_F(SpoiltNemo, ConfigurationsThatWeDoNotHaveAreRefusedWithTheReason) {
  const Refusal refusals[] = {
      {"nemo_conformer", R"({"target": "nemo.collections.asr.models.EncDecRNNTBPEModel"})",
       "transducers (RNNT) are not supported"},
      {"nemo_conformer", R"({"target": "a.EncDecClassificationModel"})", "'target' is"},
      {"nemo_conformer", R"({"target": null})", "'target' is missing"},
      {"nemo_conformer", R"({"encoder": {"_target_": "a.SqueezeformerEncoder"}})",
       "encoder: '_target_' is \"a.SqueezeformerEncoder\""},
      {"nemo_conformer", R"({"decoder": {"_target_": "a.RNNTDecoder"}})", "ConvASRDecoder"},
      {"nemo_conformer", R"({"tokenizer": {"type": "wpe"}})", "tokenizer: 'type' is \"wpe\""},
      {"nemo_conformer", R"({"tokenizer": {"type": "agg"}})", "several languages"},
      {"nemo_conformer", R"({"encoder": {"self_attention_model": "rel_pos_local_attn"}})",
       "'self_attention_model' is"},
      {"nemo_conformer", R"({"encoder": {"att_context_size": [70, 13]}})",
       "'att_context_size' is [70,13]; attention to a part"},
      {"nemo_conformer", R"({"encoder": {"att_context_size": [[70, 13], [-1, -1]]}})",
       "'att_context_size'"},
      {"nemo_conformer", R"({"encoder": {"att_context_style": "chunked_limited"}})", "streaming"},
      {"nemo_conformer", R"({"encoder": {"conv_context_size": "causal"}})",
       "'conv_context_size' is \"causal\""},
      {"nemo_conformer", R"({"encoder": {"causal_downsampling": true}})", "'causal_downsampling'"},
      {"nemo_conformer", R"({"encoder": {"subsampling": "vggnet"}})",
       "'subsampling' is \"vggnet\""},
      {"nemo_conformer", R"({"encoder": {"subsampling_factor": 6}})", "2, 4, 8 or 16"},
      {"nemo_conformer", R"({"encoder": {"conv_norm_type": "group_norm4"}})", "'conv_norm_type'"},
      {"nemo_conformer", R"({"encoder": {"reduction": "pooling"}})", "'reduction'"},
      {"nemo_conformer", R"({"encoder": {"feat_out": 99}})", "'feat_out' is 99"},
      {"nemo_conformer", R"({"encoder": {"n_layers": "two"}})", "'n_layers'"},
      {"nemo_conformer", R"({"encoder": {"n_heads": 3}})", "'heads' must divide"},
      {"nemo_conformer", R"({"encoder": {"d_model": 12}})", "but the configuration says [12"},
      {"nemo_conformer", R"({"preprocessor": {"_target_": "a.AudioToMFCCPreprocessor"}})",
       "only AudioToMelSpectrogramPreprocessor"},
      {"nemo_conformer", R"({"preprocessor": {"normalize": "all_features"}})", "'normalize' is"},
      {"nemo_conformer", R"({"preprocessor": {"window": "hamming"}})", "must be hann"},
      {"nemo_conformer", R"({"preprocessor": {"log": false}})", "'log' is false"},
      {"nemo_conformer", R"({"preprocessor": {"frame_splicing": 3}})", "spliced frames"},
      {"nemo_conformer", R"({"preprocessor": {"features": 80}})", "pre_encode.out.weight"},
      {"nemo_quartznet", R"({"encoder": {"activation": "selu"}})", "'activation' is \"selu\""},
      {"nemo_quartznet", R"({"encoder": {"jasper": []}})", "must be a list of blocks"},
      {"nemo_quartznet", R"({"encoder": {"normalization_mode": "layer"}})", "must be batch"},
      {"nemo_quartznet", R"({"jasper1": {"residual_dense": true}})",
       "jasper 1: 'residual_dense' is true"},
      {"nemo_quartznet", R"({"jasper1": {"heads": 2}})", "'heads' is 2"},
      {"nemo_quartznet", R"({"jasper1": {"kernel": [3, 5]}})", "'kernel'"},
      {"nemo_quartznet", R"({"jasper1": {"stride": [2]}})", "it needs 'stride_last'"},
      {"nemo_quartznet", R"({"jasper1": {"stride": [2], "stride_last": true}})",
       "must be stride_add"},
      {"nemo_quartznet", R"({"jasper1": {"residual_mode": "max"}})", "'residual_mode' is"},
      {"nemo_quartznet", R"({"jasper1": {"repeat": 3}})", "is missing"},
      {"nemo_citrinet", R"({"jasper1": {"se_context_size": 256}})", "whole utterance only"},
      {"nemo_citrinet", R"({"jasper1": {"se_reduction_ratio": 64}})", "'se_reduction_ratio'"},
      {"nemo_citrinet", R"({"jasper1": {"kernel_size_factor": 1.0}})", "mconv.0.conv.weight"},
      {"nemo_quartznet", R"({"decoder": {"vocabulary": ["a", "bc"]}})", "one UTF-8 character"},
  };
  for (const Refusal& refusal : refusals) {
    SCOPED_TRACE(refusal.patch);
    Copy(refusal.source);
    Change(refusal.patch);
    ExpectRefused(refusal.says);
  }
}

TEST_F(SpoiltNemo, MissingAndUnknownTensorsAreNamed) {
  Copy("nemo_citrinet");
  const auto file = SafetensorsFile::Open(SourceFolder("nemo_citrinet") + "/model.safetensors");
  ASSERT_TRUE(file.has_value());
  std::vector<TensorEntry> tensors = file->tensors();
  std::erase_if(tensors, [](const TensorEntry& t) {
    return t.name == "encoder.encoder.2.mconv.8.fc.2.weight";
  });
  ASSERT_TRUE(WriteSafetensors(folder_ / "model.safetensors", tensors, {}).has_value());
  ExpectRefused("'encoder.encoder.2.mconv.8.fc.2.weight' is missing");
  tensors = file->tensors();
  tensors.push_back(tensors.front());
  tensors.back().name = "encoder.encoder.0.adapter.weight";
  ASSERT_TRUE(WriteSafetensors(folder_ / "model.safetensors", tensors, {}).has_value());
  ExpectRefused("no place for 'encoder.encoder.0.adapter.weight'");
}

TEST_F(SpoiltNemo, OtherFilesSayWhatToDo) {
  Copy("nemo_citrinet");
  ASSERT_TRUE(ReplaceFile(folder_ / "tokenizer.model", "no protobuf").has_value());
  ExpectRefused("no SentencePiece vocabulary");
  ASSERT_TRUE(RemoveFile(folder_ / "tokenizer.model").has_value());
  ExpectRefused("tokenizer.model");
  ASSERT_TRUE(RemoveFile(folder_ / "model.safetensors").has_value());
  ExpectRefused("scripts/unpack_nemo.py");
  ASSERT_TRUE(ReplaceFile(folder_ / "model_config.yaml", "a: [1").has_value());
  ExpectRefused("model_config.yaml");
  const auto packed = OpenSource(SourceFolder("nemo_citrinet") + "/model.nemo");
  ASSERT_FALSE(packed.has_value());
  EXPECT_NE(packed.error().message.find("scripts/unpack_nemo.py"), std::string::npos);
}

// Metadata are a stranger's, too.
TEST_F(SpoiltNemo, MetadataThatDoNotFitTheModelAreRefused) {
  auto converted = testing::GoldenSource::Load("nemo_citrinet", folder_ / "model.masr",
                                               "nemo_samples.safetensors");
  ASSERT_TRUE(converted.has_value());
  const auto good = converted->model.metadata;
  const auto refused = [&](const std::string& key, const std::string& value) {
    converted->model.metadata = good;
    converted->model.metadata[key] = value;
    return !ExportModel(converted->model, folder_.path().string()).has_value();
  };
  EXPECT_TRUE(refused("convert.head_rows", "[1, 2]"));
  EXPECT_TRUE(refused("convert.head_rows", "[-1" + good.at("convert.head_rows").substr(3)));
  EXPECT_TRUE(refused("convert.head_rows", "7"));
  EXPECT_TRUE(refused("convert.classes", "5"));
  EXPECT_TRUE(refused("convert.classes", "99999999999"));
  EXPECT_TRUE(refused("convert.nemo_config", "a"));
  EXPECT_TRUE(refused("convert.nemo_config",
                      *ReadTextFile(SourceFolder("nemo_quartznet") + "/model_config.yaml")));
  EXPECT_FALSE(refused("convert.classes", good.at("convert.classes")));
}

// A field of protobuf's: number and bytes, or a number.
std::string Field(int number, const std::string& bytes) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} + bytes;
}
std::string Field(int number, char value) {
  return number < 16 ? std::string{static_cast<char>(number << 3), value}
                     : std::string{static_cast<char>((number << 3 & 0x7f) | 0x80),
                                   static_cast<char>(number >> 4), value};
}

TEST(SentencePieces, KindsThatWeDoNotHaveAreRefused) {
  const std::string a = Field(1, Field(1, "a"));
  const auto says = [](const std::string& bytes) {
    const auto pieces = ParseSentencePieces(bytes, "test");
    return pieces.has_value() ? std::string("taken") : pieces.error().message;
  };
  EXPECT_EQ(says(a), "taken");
  EXPECT_NE(says("").find("without any piece"), std::string::npos);
  EXPECT_NE(says(a + Field(2, Field(3, '\3'))).find("whole words"), std::string::npos);
  EXPECT_NE(says(a + Field(2, Field(24, '\1'))).find("end of pieces"), std::string::npos);
  EXPECT_NE(says(a + Field(1, Field(1, "<0x0A>") + Field(3, '\6'))).find("bytes"),
            std::string::npos);
  EXPECT_NE(says(a + Field(1, Field(1, "<en>") + Field(3, '\4'))).find("'<en>'"),
            std::string::npos);
  // Cut off anywhere within, and lengths and numbers that never end.
  for (size_t n = 1; n < a.size(); ++n) {
    EXPECT_NE(says(a.substr(0, n)).find("no SentencePiece"), std::string::npos) << n;
  }
  EXPECT_NE(says("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f" + a).find("no SentencePiece"),
            std::string::npos);
  EXPECT_NE(says(std::string(30, '\xff')).find("no SentencePiece"), std::string::npos);
  EXPECT_NE(says("\x0b" + a).find("no SentencePiece"), std::string::npos) << "a group";
}

TEST(Yaml, ReadsWhatConfigurationsHave) {
  SKIP_WITHOUT_YAML();
  const auto json = ParseYaml(
      "a: 1\nb: 1.0e-05\nc: [true, null, ~, 'true', \"2\", x y]\nd: ${a}\ne: {f: '${model.g.h}'}\n"
      "g:\n  h: ${b}\ni: ${nowhere}\nj: ${k}\nk: ${j}\nl: 2**-24\n",
      "test");
  ASSERT_TRUE(json.has_value()) << json.error().message;
  EXPECT_EQ(*json, Json::parse(R"({"a": 1, "b": 1e-5, "c": [true, null, null, "true", "2", "x y"],
      "d": 1, "e": {"f": 1e-5}, "g": {"h": 1e-5}, "i": "${nowhere}", "j": "${k}", "k": "${j}",
      "l": "2**-24"})"));
}

TEST(Yaml, BombsAndNonsenseAreRefused) {
  SKIP_WITHOUT_YAML();
  EXPECT_FALSE(ParseYaml("a: [1", "test").has_value());
  EXPECT_FALSE(ParseYaml("[a, b]: c", "test").has_value());
  EXPECT_FALSE(ParseYaml(std::string(500, '[') + std::string(500, ']'), "test").has_value());
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int k = 0; k < 9; ++k) laughs += ", " + before;
    laughs += "]\n";
  }
  EXPECT_FALSE(ParseYaml(laughs, "test").has_value());
}

}  // namespace
}  // namespace masr
