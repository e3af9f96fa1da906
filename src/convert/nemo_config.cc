#include "convert/nemo_config.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "convert/yaml.h"
#include "io/config_reader.h"

namespace masr {
namespace {

using Json = nlohmann::json;

constexpr int64_t kMaxWidth = 1 << 16;

// A section of the file: its keys, and its name in messages. One that is missing has no keys.
struct Section {
  const Json& json;
  std::string where;

  const Json* Find(const std::string& key) const {
    if (!json.is_object()) return nullptr;
    const auto found = json.find(key);
    return found == json.end() ? nullptr : &*found;
  }
  Status Unsupported(const std::string& key, const std::string& why) const {
    const Json* value = Find(key);
    const std::string shown =
        value == nullptr ? "missing" : value->dump(-1, ' ', false, Json::error_handler_t::replace);
    return Fail(ErrorCode::kUnsupported, where + ": '" + key + "' is " + shown + "; " + why);
  }
};

// Options that change the network, with the only values that our layers have; null among them
// stands for a key that is null or missing.
struct Fixed {
  const char* key;
  std::vector<Json> values;
  const char* why;
};

Status CheckFixed(const Section& section, const std::vector<Fixed>& options) {
  for (const Fixed& option : options) {
    const Json* value = section.Find(option.key);
    if (value == nullptr || std::ranges::find(option.values, *value) != option.values.end()) {
      continue;
    }
    return section.Unsupported(option.key, option.why);
  }
  return {};
}

Section Child(const Section& parent, const std::string& key) {
  static const Json nothing = Json::object();
  const Json* found = parent.Find(key);
  return {found == nullptr ? nothing : *found, parent.where + ": " + key};
}

// The class that a section is for, without its module.
std::string ClassOf(const Section& section, const std::string& key) {
  const Json* target = section.Find(key);
  if (target == nullptr || !target->is_string()) return {};
  const auto& text = target->get_ref<const std::string&>();
  return text.substr(text.find_last_of('.') + 1);
}

Status CheckClass(const Section& section, const std::string& key,
                  const std::vector<std::string>& known, const std::string& why) {
  if (std::ranges::find(known, ClassOf(section, key)) != known.end()) return {};
  return section.Unsupported(key, why);
}

Result<FeatureConfig> ReadFeatures(const Section& section) {
  MASR_RETURN_IF_ERROR(CheckClass(section, "_target_", {"AudioToMelSpectrogramPreprocessor"},
                                  "only AudioToMelSpectrogramPreprocessor can be converted"));
  MASR_RETURN_IF_ERROR(CheckFixed(
      section, {{"normalize",
                 {"per_feature", nullptr, "NA", false},
                 "features are normalised per_feature or not at all"},
                {"window", {"hann"}, "the window must be hann"},
                {"n_window_size", {nullptr}, "the window's length must be given in seconds"},
                {"n_window_stride", {nullptr}, "the windows' distance must be given in seconds"},
                {"frame_splicing", {1}, "spliced frames are not supported"},
                {"log", {true}, "features must be logarithms"},
                {"log_zero_guard_type", {"add"}, "the logarithm's guard must be added"},
                {"log_zero_guard_value",
                 {nullptr, "2**-24", 0x1p-24, 5.96e-8},
                 "the logarithm's guard must be 2^-24"},
                {"mag_power", {2}, "features must be of the power"},
                {"mel_norm", {"slaney"}, "the mel filters' areas must be Slaney's"},
                {"exact_pad", {false}, "windows around their middle only"},
                {"stft_exact_pad", {false}, "windows around their middle only"}}));
  ConfigReader reader(section.json, section.where);
  FeatureConfig features;
  LogMelOptions& mel = features.log_mel;
  mel.style = LogMelStyle::kNemo;
  mel.sample_rate_hz = static_cast<int>(reader.Int("sample_rate", 16000, 4000, 192000));
  mel.mels = static_cast<int>(reader.Int("features", 64, 1, 512));
  mel.window_ms = 1000 * reader.Number("window_size", 0.02, 1e-3, 1);
  mel.hop_ms = 1000 * reader.Number("window_stride", 0.01, 1e-3, 1);
  mel.low_hz = reader.Number("lowfreq", 0, 0, 96000);
  const auto given = [&](const char* key) {
    const Json* value = section.Find(key);
    return value != nullptr && !value->is_null();
  };
  mel.high_hz = given("highfreq") ? reader.Number("highfreq", 0, 1, 96000) : 0;
  mel.preemphasis = given("preemph") || section.Find("preemph") == nullptr
                        ? reader.Number("preemph", 0.97, 0, 1)
                        : 0;
  mel.fft_samples = given("n_fft") ? static_cast<int>(reader.Int("n_fft", 512, 2, 1 << 20)) : 0;
  mel.remove_dc = false;
  const Json* normalize = section.Find("normalize");
  features.normalization = normalize == nullptr || *normalize == "per_feature"
                               ? Normalization::kPerUtteranceUnbiased
                               : Normalization::kNone;
  MASR_RETURN_IF_ERROR(reader.FinishIgnoringOthers());
  return features;
}

// A number, or a list of one as NeMo has it.
int64_t Single(const Section& block, ConfigReader& reader, const std::string& key, int64_t high) {
  const Json* value = block.Find(key);
  if (value == nullptr || !value->is_array()) return reader.Int(key, 1, 1, high);
  const std::vector<double> numbers = reader.NumberList(key);
  if (numbers.size() == 1 && numbers[0] >= 1 && numbers[0] <= static_cast<double>(high) &&
      numbers[0] == std::floor(numbers[0])) {
    return static_cast<int64_t>(numbers[0]);
  }
  reader.Refuse("'" + key + "' must be one whole number from 1 to " + std::to_string(high));
  return 1;
}

Status CheckJasperBlock(const Section& block) {
  return CheckFixed(
      block,
      {{"groups", {1}, "grouped convolutions are not supported"},
       {"heads", {-1}, "convolutions that share weights in heads are not supported"},
       {"residual_dense", {false}, "dense residuals (Jasper DR) are not supported"},
       {"residual_mode", {"add", "stride_add"}, "residuals are added, nothing else"},
       {"normalization", {"batch"}, "the norm must be batch"},
       {"tied", {false}, "tied blocks are not supported"},
       {"future_context", {-1}, "limited future context is not supported"},
       {"se_context_size", {-1}, "squeeze-and-excitation is over the whole utterance only"},
       {"se_context_window", {-1}, "squeeze-and-excitation is over the whole utterance only"},
       {"quantize", {false}, "quantized blocks are not supported"},
       {"conv_bias", {false}, "convolutions with biases are not supported"},
       {"activation", {nullptr, "relu"}, "the activation must be relu"}});
}

// A block that does not say its `residual_mode` has that of the one before.
Result<NemoJasperBlock> ReadJasperBlock(const Section& block, std::string& residual_mode) {
  MASR_RETURN_IF_ERROR(CheckJasperBlock(block));
  ConfigReader reader(block.json, block.where);
  NemoJasperBlock b;
  b.filters = reader.Int("filters", {}, 1, kMaxWidth);
  b.repeat = reader.Int("repeat", 1, 1, 64);
  const double factor = reader.Number("kernel_size_factor", 1, 1e-3, 100);
  const int64_t kernel = Single(block, reader, "kernel", 1 << 12);
  b.kernel = std::max<int64_t>(static_cast<int64_t>(static_cast<double>(kernel) * factor), 1);
  b.kernel += 1 - b.kernel % 2;  // NeMo's next odd one
  b.stride = Single(block, reader, "stride", 16);
  b.dilation = Single(block, reader, "dilation", 64);
  b.dropout = reader.Number("dropout", 0, 0, 0.95);
  b.residual = reader.Bool("residual", true);
  b.separable = reader.Bool("separable", false);
  const bool stride_last = reader.Bool("stride_last", false);
  residual_mode = reader.Text("residual_mode", residual_mode);
  const int64_t ratio = reader.Int("se_reduction_ratio", 8, 1, kMaxWidth);
  if (reader.Bool("se", false)) b.se_inner = b.filters / ratio;
  if (reader.Bool("se", false) && b.se_inner == 0) {
    reader.Refuse("'se_reduction_ratio' leaves nothing of 'filters'");
  }
  MASR_RETURN_IF_ERROR(reader.FinishIgnoringOthers());
  if (b.stride > 1 && b.repeat > 1 && !stride_last) {
    return tl::unexpected(
        block.Unsupported("stride", "with several convolutions it needs 'stride_last'").error());
  }
  if (b.stride > 1 && b.residual && residual_mode != "stride_add") {
    return tl::unexpected(
        block.Unsupported("residual_mode", "a residual beside a stride must be stride_add")
            .error());
  }
  return b;
}

Result<NemoConvAsrEncoder> ReadConvAsrEncoder(const Section& section) {
  MASR_RETURN_IF_ERROR(
      CheckFixed(section, {{"activation", {"relu"}, "the activation must be relu"},
                           {"normalization_mode", {"batch"}, "the norm must be batch"},
                           {"residual_mode", {"add", "stride_add"}, "residuals are added"},
                           {"frame_splicing", {1}, "spliced frames are not supported"},
                           {"quantize", {false}, "quantized encoders are not supported"}}));
  ConfigReader reader(section.json, section.where);
  std::string residual_mode = reader.Text("residual_mode", "add");
  const bool conv_mask = reader.Bool("conv_mask", true);
  const Json* blocks = reader.Child("jasper");
  MASR_RETURN_IF_ERROR(reader.FinishIgnoringOthers());
  if (blocks == nullptr || !blocks->is_array() || blocks->empty()) {
    return Fail(ErrorCode::kCorrupt, section.where + ": 'jasper' must be a list of blocks");
  }
  NemoConvAsrEncoder encoder;
  encoder.conv_mask = conv_mask;
  for (const Json& json : *blocks) {
    const Section block = {json,
                           section.where + ": jasper " + std::to_string(encoder.jasper.size())};
    MASR_TRY(const NemoJasperBlock read, ReadJasperBlock(block, residual_mode));
    encoder.jasper.push_back(read);
  }
  return encoder;
}

Status CheckConformer(const Section& section) {
  const Json everywhere = {-1, -1};
  return CheckFixed(
      section,
      {{"self_attention_model",
        {"rel_pos"},
        "attention of another kind than rel_pos is not supported"},
       {"att_context_size",
        {nullptr, everywhere, Json::array({everywhere})},
        "attention to a part of the utterance (streaming) is not supported"},
       {"att_context_style", {"regular"}, "attention in chunks (streaming) is not supported"},
       {"global_tokens", {0}, "global tokens are not supported"},
       {"causal_downsampling", {false}, "causal convolutions (streaming) are not supported"},
       {"subsampling",
        {"striding", "dw_striding"},
        "subsampling of another kind than striding and dw_striding is not supported"},
       {"conv_norm_type",
        {"batch_norm", "layer_norm"},
        "a norm of another kind than batch_norm and layer_norm is not supported"},
       {"reduction", {nullptr}, "reductions between the layers are not supported"}});
}

// NeMo's [left, right]; null is half the kernel on both sides.
Status CheckConvContext(const Section& section, int64_t kernel) {
  const Json half = {(kernel - 1) / 2, (kernel - 1) / 2};
  return CheckFixed(section, {{"conv_context_size",
                               {nullptr, half},
                               "convolutions that are not around their middle (streaming) are not "
                               "supported"}});
}

Result<NemoConformerEncoder> ReadConformerEncoder(const Section& section) {
  MASR_RETURN_IF_ERROR(CheckConformer(section));
  ConfigReader reader(section.json, section.where);
  NemoConformerEncoder c;
  c.n_layers = reader.Int("n_layers", {}, 1, 1000);
  c.d_model = reader.Int("d_model", {}, 2, kMaxWidth);
  c.n_heads = reader.Int("n_heads", 4, 1, 64);
  c.feed_forward = c.d_model * reader.Int("ff_expansion_factor", 4, 1, 64);
  c.conv_kernel_size = reader.Int("conv_kernel_size", 31, 1, 255);
  c.batch_norm = reader.Text("conv_norm_type", "batch_norm") == "batch_norm";
  c.use_bias = reader.Bool("use_bias", true);
  c.separable = reader.Text("subsampling", "striding") == "dw_striding";
  const int64_t factor = reader.Int("subsampling_factor", 4, 2, 16);
  c.convolutions = std::llround(std::log2(static_cast<double>(factor)));
  if (factor != int64_t{1} << c.convolutions) {
    reader.Refuse("'subsampling_factor' must be 2, 4, 8 or 16");
  }
  const int64_t channels = reader.Int("subsampling_conv_channels", -1, -1, 4096);
  c.subsampling_channels = channels > 0 ? channels : c.d_model;
  c.xscaling = reader.Bool("xscaling", true);
  c.untie_biases = reader.Bool("untie_biases", true);
  c.dropout = reader.Number("dropout", 0.1, 0, 0.95);
  c.dropout_pre_encoder = reader.Number("dropout_pre_encoder", c.dropout, 0, 0.95);
  const int64_t out = reader.Int("feat_out", -1, -1, kMaxWidth);
  MASR_RETURN_IF_ERROR(reader.FinishIgnoringOthers());
  MASR_RETURN_IF_ERROR(CheckConvContext(section, c.conv_kernel_size));
  if (out > 0 && out != c.d_model) {
    return tl::unexpected(
        section.Unsupported("feat_out", "a projection of the output is not supported").error());
  }
  return c;
}

Status CheckModel(const Section& root) {
  const std::string name = ClassOf(root, "target");
  if (name == "EncDecCTCModel" || name == "EncDecCTCModelBPE") return {};
  const bool transducer = name.find("RNNT") != std::string::npos || root.Find("joint") != nullptr;
  return root.Unsupported("target", transducer
                                        ? "transducers (RNNT) are not supported; CTC only"
                                        : "EncDecCTCModel and EncDecCTCModelBPE can be converted");
}

Status CheckTokenizer(const Section& section) {
  return CheckFixed(
      section, {{"type",
                 {"bpe"},
                 "only SentencePiece vocabularies (type bpe) can be converted, not WordPiece's and "
                 "not those of several languages"}});
}

std::vector<std::string> Labels(const Section& root, ConfigReader& reader) {
  const Section decoder = Child(root, "decoder");
  if (const Json* list = decoder.Find("vocabulary"); list != nullptr && list->is_array()) {
    ConfigReader of_decoder(decoder.json, decoder.where);
    std::vector<std::string> labels = of_decoder.TextList("vocabulary");
    if (const Status read = of_decoder.FinishIgnoringOthers(); read.has_value()) return labels;
  }
  return reader.TextList("labels");
}

}  // namespace

Result<NemoConfig> ParseNemoConfig(const std::string& yaml, const std::string& where) {
  MASR_TRY(const Json json, ParseYaml(yaml, where));
  const Section root = {json, where};
  MASR_RETURN_IF_ERROR(CheckModel(root));
  NemoConfig config;
  MASR_TRY(config.features, ReadFeatures(Child(root, "preprocessor")));
  const Section encoder = Child(root, "encoder");
  MASR_RETURN_IF_ERROR(CheckClass(encoder, "_target_", {"ConvASREncoder", "ConformerEncoder"},
                                  "ConvASREncoder and ConformerEncoder can be converted"));
  if (ClassOf(encoder, "_target_") == "ConvASREncoder") {
    MASR_TRY(config.encoder, ReadConvAsrEncoder(encoder));
  } else {
    MASR_TRY(config.encoder, ReadConformerEncoder(encoder));
  }
  MASR_RETURN_IF_ERROR(CheckClass(Child(root, "decoder"), "_target_", {"ConvASRDecoder"},
                                  "the decoder must be a ConvASRDecoder"));
  config.bpe = ClassOf(root, "target") == "EncDecCTCModelBPE";
  if (config.bpe) {
    MASR_RETURN_IF_ERROR(CheckTokenizer(Child(root, "tokenizer")));
    return config;
  }
  ConfigReader reader(json, where);
  config.labels = Labels(root, reader);
  MASR_RETURN_IF_ERROR(reader.FinishIgnoringOthers());
  return config;
}

}  // namespace masr
