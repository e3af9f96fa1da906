#include "convert/huggingface_config.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "io/config_reader.h"

namespace masr {
namespace {

using Json = nlohmann::json;

constexpr int64_t kMaxWidth = 1 << 16;

Status Unsupported(const std::string& where, const std::string& what) {
  return Fail(ErrorCode::kUnsupported, where + ": " + what);
}

std::string Shown(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Options that change the network, with the only value that our layers have.
struct Fixed {
  const char* key;
  Json value;
  const char* why;
};

Status CheckFixed(const Json& json, const std::string& where) {
  const Fixed fixed[] = {
      {"feat_extract_activation", "gelu", "the convolutions' activation must be gelu"},
      {"add_adapter", false, "adapter layers on top of the encoder are not supported"},
      {"adapter_attn_dim", nullptr, "attention adapters for each language are not supported"},
      {"feat_proj_layer_norm", true, "a feature projection without layer norm is not supported"},
      {"conv_pos_batch_norm", false, "a batch norm in the positional convolution is not supported"},
      {"position_embeddings_type", nullptr, "positions of this kind are not supported"},
      {"is_encoder_decoder", false, "encoder-decoder models are not supported; CTC only"},
  };
  for (const Fixed& option : fixed) {
    const auto found = json.find(option.key);
    if (found == json.end() || *found == option.value) continue;
    return Unsupported(where,
                       "'" + std::string(option.key) + "' is " + Shown(*found) + "; " + option.why);
  }
  return {};
}

Status CheckArchitecture(const Json& json, const std::string& model_type,
                         const std::string& where) {
  if (model_type != "wav2vec2" && model_type != "hubert") {
    return Unsupported(
        where, "'model_type' is '" + model_type + "'; wav2vec2 and hubert can be converted");
  }
  const auto architectures = json.find("architectures");
  if (architectures == json.end() || !architectures->is_array() || architectures->empty())
    return {};
  const std::string wanted = model_type == "hubert" ? "HubertForCTC" : "Wav2Vec2ForCTC";
  for (const Json& name : *architectures) {
    if (name == wanted) return {};
  }
  return Unsupported(where, "'architectures' is " + Shown(*architectures) + ", not " + wanted +
                                ": there is no head for CTC; fine-tune it there first");
}

std::vector<int64_t> Sizes(ConfigReader& reader, const std::string& key,
                           const std::vector<int64_t>& otherwise) {
  const std::vector<double> numbers = reader.NumberList(key);
  if (numbers.empty()) return otherwise;
  std::vector<int64_t> sizes;
  for (const double n : numbers) {
    if (!(n >= 1 && n <= kMaxWidth) || n != std::floor(n)) {
      reader.Refuse("'" + key + "' must be whole numbers from 1 to 65536");
      return otherwise;
    }
    sizes.push_back(static_cast<int64_t>(n));
  }
  return sizes;
}

// transformers' name of an activation to ours.
std::string ActivationName(ConfigReader& reader, const std::string& theirs) {
  if (theirs == "gelu" || theirs == "relu" || theirs == "silu") return theirs;
  if (theirs == "swish") return "silu";
  reader.Refuse("'hidden_act' is '" + theirs + "'; gelu, relu, silu and swish can be converted");
  return "gelu";
}

}  // namespace

Result<Wav2Vec2Config> ParseWav2Vec2Config(std::string_view text, const std::string& where) {
  MASR_TRY(const Json json, ParseConfig(text, where));
  ConfigReader reader(json, where);
  Wav2Vec2Config config;
  config.model_type = reader.Text("model_type", "");
  MASR_RETURN_IF_ERROR(reader.FinishIgnoringOthers());
  MASR_RETURN_IF_ERROR(CheckArchitecture(json, config.model_type, where));
  MASR_RETURN_IF_ERROR(CheckFixed(json, where));

  config.hidden_size = reader.Int("hidden_size", 768, 1, kMaxWidth);
  config.num_hidden_layers = reader.Int("num_hidden_layers", 12, 1, 1000);
  config.num_attention_heads = reader.Int("num_attention_heads", 12, 1, 64);
  config.intermediate_size = reader.Int("intermediate_size", 3072, 1, kMaxWidth);
  config.activation = ActivationName(reader, reader.Text("hidden_act", "gelu"));
  config.hidden_dropout = reader.Number("hidden_dropout", 0.1, 0, 0.95);
  config.layer_norm_eps = reader.Number("layer_norm_eps", 1e-5, 1e-12, 1);
  config.layer_norm_extractor =
      reader.Choice("feat_extract_norm", "group", {"group", "layer"}) == 1;
  config.conv_dim = Sizes(reader, "conv_dim", {512, 512, 512, 512, 512, 512, 512});
  config.conv_stride = Sizes(reader, "conv_stride", {5, 2, 2, 2, 2, 2, 2});
  config.conv_kernel = Sizes(reader, "conv_kernel", {10, 3, 3, 3, 3, 2, 2});
  if (config.conv_dim.size() != config.conv_stride.size() ||
      config.conv_dim.size() != config.conv_kernel.size()) {
    reader.Refuse("'conv_dim', 'conv_stride' and 'conv_kernel' must be equally long");
  }
  config.conv_bias = reader.Bool("conv_bias", false);
  config.num_conv_pos_embeddings = reader.Int("num_conv_pos_embeddings", 128, 1, 255);
  config.num_conv_pos_embedding_groups =
      reader.Int("num_conv_pos_embedding_groups", 16, 1, kMaxWidth);
  if (config.hidden_size % config.num_conv_pos_embedding_groups != 0) {
    reader.Refuse("'num_conv_pos_embedding_groups' must divide 'hidden_size'");
  }
  config.do_stable_layer_norm = reader.Bool("do_stable_layer_norm", false);
  config.vocab_size = reader.Int("vocab_size", 32, 2, kMaxWidth);
  config.pad_token_id = reader.Int("pad_token_id", 0, 0, config.vocab_size - 1);
  MASR_RETURN_IF_ERROR(reader.FinishIgnoringOthers());
  return config;
}

Result<Wav2Vec2FrontEnd> ParseWav2Vec2FrontEnd(std::string_view text, const std::string& where) {
  MASR_TRY(const Json json, ParseConfig(text, where));
  ConfigReader reader(json, where);
  Wav2Vec2FrontEnd front_end;
  const std::string type = reader.Text("feature_extractor_type", "Wav2Vec2FeatureExtractor");
  const int64_t width = reader.Int("feature_size", 1, 1, kMaxWidth);
  front_end.sample_rate_hz = static_cast<int>(reader.Int("sampling_rate", 16000, 4000, 192000));
  front_end.normalize = reader.Bool("do_normalize", true);
  MASR_RETURN_IF_ERROR(reader.FinishIgnoringOthers());
  if (type != "Wav2Vec2FeatureExtractor" || width != 1) {
    return tl::unexpected(
        Unsupported(where, "features of the kind '" + type + "', " + std::to_string(width) +
                               " numbers a frame, are not supported; the wave itself is")
            .error());
  }
  return front_end;
}

}  // namespace masr
