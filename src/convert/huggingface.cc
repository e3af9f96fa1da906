#include "convert/huggingface.h"

#include <nlohmann/json.hpp>

#include "convert/huggingface_config.h"
#include "convert/huggingface_vocabulary.h"
#include "io/config_reader.h"
#include "io/file.h"

namespace masr {
namespace {

using Json = nlohmann::json;
using Shape = std::vector<int64_t>;

constexpr const char* kFilesKey = "convert.files";  // the small files as they were, as JSON
constexpr size_t kMaxSmallFile = size_t{16} << 20;

// Small files of the folder; those that are not required may be missing.
struct FileName {
  const char* name;
  bool required;
};
constexpr FileName kSmallFiles[] = {{"config.json", true},
                                    {"vocab.json", true},
                                    {"preprocessor_config.json", true},
                                    {"tokenizer_config.json", false},
                                    {"special_tokens_map.json", false}};

const std::string* FindFile(const std::vector<TextFile>& files, const std::string& name) {
  for (const TextFile& file : files) {
    if (file.name == name) return &file.contents;
  }
  return nullptr;
}

// The positional convolution's weight norm has two spellings: that of torch.nn.utils.weight_norm,
// and that of its successor in torch.nn.utils.parametrizations.
struct WeightNormNames {
  const char* g;
  const char* v;
};
constexpr WeightNormNames kOldWeightNorm = {"weight_g", "weight_v"};
constexpr WeightNormNames kNewWeightNorm = {"parametrizations.weight.original0",
                                            "parametrizations.weight.original1"};

// Fills in the maps of one model.
class Names {
 public:
  Names(const Wav2Vec2Config& config, const WeightNormNames& weight_norm,
        const std::vector<int64_t>& rows)
      : c_(config), weight_norm_(weight_norm), rows_(rows), prefix_(config.model_type + ".") {}

  std::vector<TensorMap> All() {
    FeatureEncoder();
    Vector("feature_projection.layer_norm", Block() + ".", c_.conv_dim.back());
    Product("feature_projection.projection", Block() + ".", c_.hidden_size, c_.conv_dim.back());
    PositionalConv();
    if (!c_.do_stable_layer_norm) Vector("encoder.layer_norm", Block() + ".", c_.hidden_size);
    for (int64_t i = 0; i < c_.num_hidden_layers; ++i) TransformerBlock(i);
    if (c_.do_stable_layer_norm) Vector("encoder.layer_norm", Block() + ".", c_.hidden_size);
    Head();
    return std::move(maps_);
  }

 private:
  // The next block's name.
  std::string Block() { return "blocks." + std::to_string(block_++); }

  void Add(const std::string& ours, const std::string& theirs, Shape shape,
           Layout layout = Layout::kSame) {
    maps_.push_back({ours, {prefix_ + theirs}, {std::move(shape)}, layout});
  }
  // A norm's weight and bias.
  void Vector(const std::string& theirs, const std::string& ours, int64_t dim) {
    Add(ours + "weight", theirs + ".weight", {dim});
    Add(ours + "bias", theirs + ".bias", {dim});
  }
  void Product(const std::string& theirs, const std::string& ours, int64_t out, int64_t in) {
    Add(ours + "weight", theirs + ".weight", {out, in});
    Add(ours + "bias", theirs + ".bias", {out});
  }

  void FeatureEncoder() {
    const std::string block = Block();
    int64_t in = 1;
    for (size_t i = 0; i < c_.conv_dim.size(); ++i) {
      const std::string theirs = "feature_extractor.conv_layers." + std::to_string(i) + ".";
      const std::string ours = block + "." + std::to_string(i) + ".";
      const int64_t out = c_.conv_dim[i];
      Add(ours + "conv.weight", theirs + "conv.weight", {out, in, c_.conv_kernel[i]},
          Layout::kChannelsLast);
      if (c_.conv_bias) Add(ours + "conv.bias", theirs + "conv.bias", {out});
      if (c_.layer_norm_extractor || i == 0) Vector(theirs + "layer_norm", ours + "norm.", out);
      in = out;
    }
  }

  void PositionalConv() {
    const std::string theirs = prefix_ + "encoder.pos_conv_embed.conv.";
    const std::string ours = Block() + ".conv.";
    const int64_t taps = c_.num_conv_pos_embeddings;
    const int64_t in = c_.hidden_size / c_.num_conv_pos_embedding_groups;
    maps_.push_back({ours + "weight",
                     {theirs + weight_norm_.g, theirs + weight_norm_.v},
                     {{1, 1, taps}, {c_.hidden_size, in, taps}},
                     Layout::kWeightNorm});
    maps_.push_back({ours + "bias", {theirs + "bias"}, {{c_.hidden_size}}});
  }

  void TransformerBlock(int64_t i) {
    const std::string theirs = "encoder.layers." + std::to_string(i) + ".";
    const std::string block = Block() + ".";
    const bool pre = c_.do_stable_layer_norm;
    const int64_t dim = c_.hidden_size;
    const auto qkv = [&](const std::string& part, const Shape& shape) {
      TensorMap map = {block + "mhsa.attention.qkv." + part, {}, {}, Layout::kStackedRows};
      for (const char* which : {"q", "k", "v"}) {
        map.theirs.push_back(prefix_ + theirs + "attention." + which + "_proj." + part);
        map.shapes.push_back(shape);
      }
      maps_.push_back(std::move(map));
    };
    Vector(theirs + "layer_norm", block + (pre ? "mhsa.norm." : "mhsa_norm."), dim);
    qkv("weight", {dim, dim});
    qkv("bias", {dim});
    Product(theirs + "attention.out_proj", block + "mhsa.attention.out.", dim, dim);
    Vector(theirs + "final_layer_norm", block + (pre ? "ff.norm." : "ff_norm."), dim);
    Product(theirs + "feed_forward.intermediate_dense", block + "ff.linear1.", c_.intermediate_size,
            dim);
    Product(theirs + "feed_forward.output_dense", block + "ff.linear2.", dim, c_.intermediate_size);
  }

  void Head() {
    maps_.push_back({"head.weight",
                     {"lm_head.weight"},
                     {{c_.vocab_size, c_.hidden_size}},
                     Layout::kTokens,
                     rows_});
    maps_.push_back({"head.bias", {"lm_head.bias"}, {{c_.vocab_size}}, Layout::kTokens, rows_});
  }

  const Wav2Vec2Config& c_;
  WeightNormNames weight_norm_;
  std::vector<int64_t> rows_;
  std::string prefix_;
  int64_t block_ = 0;
  std::vector<TensorMap> maps_;
};

std::string EncoderJson(const Wav2Vec2Config& c) {
  const Json norm = {{"layer", "layer_norm"}, {"epsilon", c.layer_norm_eps}};
  Json list = {{{"layer", "feature_encoder"},
                {"channels", c.conv_dim},
                {"kernels", c.conv_kernel},
                {"strides", c.conv_stride},
                {"norm", c.layer_norm_extractor ? "layer" : "instance"},
                {"bias", c.conv_bias}},
               norm,
               {{"layer", "linear"}, {"dim", c.hidden_size}},
               {{"layer", "positional_conv"},
                {"kernel", c.num_conv_pos_embeddings},
                {"groups", c.num_conv_pos_embedding_groups}}};
  if (!c.do_stable_layer_norm) list.push_back(norm);
  list.push_back({{"layer", "transformer_block"},
                  {"repeat", c.num_hidden_layers},
                  {"heads", c.num_attention_heads},
                  {"feed_forward", c.intermediate_size},
                  {"activation", c.activation},
                  {"norm", c.do_stable_layer_norm ? "pre" : "post"},
                  {"epsilon", c.layer_norm_eps},
                  {"dropout", c.hidden_dropout}});
  if (c.do_stable_layer_norm) list.push_back(norm);
  return list.dump();
}

// What stands for a space; tokenizer_config.json need not say.
Result<std::string> Delimiter(const std::vector<TextFile>& files, const std::string& folder) {
  const std::string* text = FindFile(files, "tokenizer_config.json");
  if (text == nullptr) return std::string("|");
  const std::string where = folder + "/tokenizer_config.json";
  MASR_TRY(const Json json, ParseConfig(*text, where));
  // A token may be an object with its text inside.
  if (json.is_object() && json.contains("word_delimiter_token") &&
      json["word_delimiter_token"].is_object()) {
    ConfigReader token(json["word_delimiter_token"], where + ": word_delimiter_token");
    std::string content = token.Text("content", {});
    MASR_RETURN_IF_ERROR(token.FinishIgnoringOthers());
    return content;
  }
  ConfigReader reader(json, where);
  std::string delimiter = reader.Text("word_delimiter_token", "|");
  MASR_RETURN_IF_ERROR(reader.FinishIgnoringOthers());
  return delimiter;
}

struct Description {
  Wav2Vec2Config config;
  Wav2Vec2FrontEnd front_end;
  SourceVocabulary vocabulary;
};

Result<Description> Describe(const std::vector<TextFile>& files, const std::string& folder) {
  const auto text = [&](const char* name) { return *FindFile(files, name); };
  Description d;
  MASR_TRY(d.config, ParseWav2Vec2Config(text("config.json"), folder + "/config.json"));
  MASR_TRY(d.front_end, ParseWav2Vec2FrontEnd(text("preprocessor_config.json"),
                                              folder + "/preprocessor_config.json"));
  MASR_TRY(const std::string delimiter, Delimiter(files, folder));
  MASR_TRY(d.vocabulary, ParseCtcVocabulary(text("vocab.json"), folder + "/vocab.json",
                                            d.config.pad_token_id, d.config.vocab_size, delimiter));
  return d;
}

Result<std::vector<TextFile>> ReadSmallFiles(const std::string& folder) {
  std::vector<TextFile> files;
  for (const auto& [name, required] : kSmallFiles) {
    const std::string path = folder + "/" + name;
    if (!required && !FileExists(path)) continue;
    MASR_TRY(std::string contents, ReadTextFile(path, kMaxSmallFile));
    files.push_back({name, std::move(contents)});
  }
  return files;
}

Result<SafetensorsFile> OpenWeights(const std::string& folder, const std::string& path) {
  if (FileExists(path)) return SafetensorsFile::Open(path);
  if (FileExists(path + ".index.json")) {
    return Fail(ErrorCode::kUnsupported,
                folder +
                    ": its weights are in several files; save it as one model.safetensors "
                    "(save_pretrained with a larger max_shard_size)");
  }
  if (FileExists(folder + "/pytorch_model.bin")) {
    return Fail(ErrorCode::kUnsupported,
                folder +
                    ": its weights are a pickle, which can run code and so is not read; "
                    "scripts/checkpoint_to_safetensors.py writes model.safetensors from it");
  }
  return Fail(ErrorCode::kNotFound, path + ": there is no such file");
}

std::string FilesJson(const std::vector<TextFile>& files) {
  nlohmann::ordered_json json;
  for (const TextFile& file : files) json[file.name] = file.contents;
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string Joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

std::string LastPart(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path.substr(path.find_last_of('/') + 1);
}

}  // namespace

Result<Source> OpenHuggingFace(const std::string& folder) {
  MASR_TRY(const std::vector<TextFile> files, ReadSmallFiles(folder));
  MASR_TRY(const Description d, Describe(files, folder));
  Source source;
  source.family = "huggingface";
  source.weights_path = folder + "/model.safetensors";
  MASR_TRY(source.weights, OpenWeights(folder, source.weights_path));
  const std::string conv = d.config.model_type + ".encoder.pos_conv_embed.conv.";
  const bool renamed = source.weights.Find(conv + kNewWeightNorm.g) != nullptr;
  source.tensors =
      Names(d.config, renamed ? kNewWeightNorm : kOldWeightNorm, d.vocabulary.rows).All();

  source.config.name = LastPart(folder);
  source.config.features.kind = FeatureKind::kWaveform;
  source.config.features.log_mel.sample_rate_hz = d.front_end.sample_rate_hz;
  source.config.features.normalization =
      d.front_end.normalize ? Normalization::kPerUtterance : Normalization::kNone;
  source.config.characters = d.vocabulary.characters;
  source.config.encoder_json = EncoderJson(d.config);
  source.metadata = {{"convert.family", source.family}, {kFilesKey, FilesJson(files)}};

  if (!d.vocabulary.dropped.empty()) {
    source.notes.push_back("left out of the head, as no text has them: " +
                           Joined(d.vocabulary.dropped));
  }
  if (d.vocabulary.lowered) source.notes.push_back("capital letters became small ones");
  return source;
}

Result<Origin> HuggingFaceOriginOf(const Model& model) {
  const std::string where = "the model's metadata";
  const auto stored = model.metadata.find(kFilesKey);
  if (stored == model.metadata.end()) {
    return Fail(ErrorCode::kCorrupt, where + ": '" + std::string(kFilesKey) + "' is missing");
  }
  MASR_TRY(const Json json, ParseConfig(stored->second, where));
  Origin origin;
  if (json.is_object()) {
    for (const auto& [name, contents] : json.items()) {
      if (contents.is_string()) origin.files.push_back({name, contents.get<std::string>()});
    }
  }
  for (const auto& [name, required] : kSmallFiles) {
    if (!required || FindFile(origin.files, name) != nullptr) continue;
    return Fail(ErrorCode::kCorrupt, where + ": '" + std::string(name) + "' is missing");
  }
  // Nothing but the files that we know: names become paths.
  std::erase_if(origin.files, [](const TextFile& file) {
    for (const FileName& known : kSmallFiles) {
      if (file.name == known.name) return false;
    }
    return true;
  });
  MASR_TRY(const Description d, Describe(origin.files, where));
  origin.tensors = Names(d.config, kOldWeightNorm, d.vocabulary.rows).All();
  return origin;
}

}  // namespace masr
