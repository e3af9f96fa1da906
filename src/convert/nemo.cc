#include "convert/nemo.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "convert/nemo_config.h"
#include "convert/sentence_pieces.h"
#include "io/config_reader.h"
#include "io/file.h"

namespace masr {
namespace {

using Json = nlohmann::json;
using Shape = std::vector<int64_t>;

constexpr const char* kConfigFile = "model_config.yaml";
constexpr const char* kConfigKey = "convert.nemo_config";  // that file as it was
// Its classes that ours are, the blank's first, as a JSON list; and how many it has.
constexpr const char* kRowsKey = "convert.head_rows";
constexpr const char* kClassesKey = "convert.classes";
constexpr size_t kMaxSmallFile = size_t{16} << 20;

struct Head {
  std::vector<int64_t> rows;
  int64_t classes = 0;
};

// Fills in the maps of one model.
class Names {
 public:
  Names(const NemoConfig& config, const Head& head) : config_(config), head_(head) {}

  std::vector<TensorMap> All() {
    const int64_t dim =
        std::visit([this](const auto& encoder) { return Encoder(encoder); }, config_.encoder);
    const std::string theirs = "decoder.decoder_layers.0.";
    maps_.push_back({.ours = "head.weight",
                     .theirs = {theirs + "weight"},
                     .shapes = {{head_.classes, dim, 1}},
                     .layout = Layout::kTokens,
                     .rows = head_.rows});
    maps_.push_back({.ours = "head.bias",
                     .theirs = {theirs + "bias"},
                     .shapes = {{head_.classes}},
                     .layout = Layout::kTokens,
                     .rows = head_.rows});
    return std::move(maps_);
  }

 private:
  TensorMap& Add(const std::string& ours, const std::string& theirs, Shape shape,
                 Layout layout = Layout::kSame) {
    maps_.push_back(
        {.ours = ours, .theirs = {theirs}, .shapes = {std::move(shape)}, .layout = layout});
    return maps_.back();
  }
  void Norm(const std::string& ours, const std::string& theirs, int64_t dim, bool batch) {
    Add(ours + "weight", theirs + "weight", {dim});
    Add(ours + "bias", theirs + "bias", {dim});
    if (!batch) return;
    Add(ours + "running_mean", theirs + "running_mean", {dim});
    Add(ours + "running_var", theirs + "running_var", {dim});
  }
  // A product, or a convolution of `taps` (none: a matrix).
  void Weights(const std::string& ours, const std::string& theirs, const Shape& shape, bool bias) {
    Add(ours + "weight", theirs + "weight", shape,
        shape.size() > 2 ? Layout::kChannelsLast : Layout::kSame);
    if (bias) Add(ours + "bias", theirs + "bias", {shape[0]});
  }

  // Each encoder gives how wide its output is.
  int64_t Encoder(const NemoConvAsrEncoder& encoder) {
    int64_t dim = config_.features.width();
    for (size_t i = 0; i < encoder.jasper.size(); ++i) {
      Jasper(i, dim, encoder.jasper[i], encoder.conv_mask ? "conv." : "");
      dim = encoder.jasper[i].filters;
    }
    return dim;
  }

  void Jasper(size_t index, int64_t in, const NemoJasperBlock& b, const std::string& mask) {
    const std::string block = "blocks." + std::to_string(index) + ".";
    const std::string ours = block + (b.residual ? "residual." : "body.");
    const std::string theirs = "encoder.encoder." + std::to_string(index) + ".";
    int64_t place = 0;  // in NeMo's list, where activations and dropout have places too
    const auto next = [&] { return theirs + "mconv." + std::to_string(place++) + "."; };
    int64_t dim = in;
    for (int64_t i = 0; i < b.repeat; ++i) {
      const std::string convolution = ours + std::to_string(i) + ".";
      if (b.separable) {
        Weights(convolution + "depthwise.", next() + mask, {dim, 1, b.kernel}, false);
        Weights(convolution + "pointwise.", next() + mask, {b.filters, dim, 1}, false);
      } else {
        Weights(convolution + "conv.", next() + mask, {b.filters, dim, b.kernel}, false);
      }
      Norm(convolution + "norm.", next(), b.filters, /*batch=*/true);
      if (i + 1 < b.repeat) place += 2;
      dim = b.filters;
    }
    if (b.se_inner > 0) {
      const std::string fc = next() + "fc.";
      Add(ours + "se.squeeze.weight", fc + "0.weight", {b.se_inner, b.filters});
      Add(ours + "se.excite.weight", fc + "2.weight", {b.filters, b.se_inner});
    }
    if (!b.residual) return;
    Weights(ours + "shortcut.pointwise.", theirs + "res.0.0." + mask, {b.filters, in, 1}, false);
    Norm(ours + "shortcut.norm.", theirs + "res.0.1.", b.filters, /*batch=*/true);
  }

  int64_t Encoder(const NemoConformerEncoder& c) {
    Subsampling(c);
    for (int64_t i = 0; i < c.n_layers; ++i) ConformerLayer(c, i);
    return c.d_model;
  }

  void Subsampling(const NemoConformerEncoder& c) {
    const std::string theirs = "encoder.pre_encode.";
    const int64_t channels = c.subsampling_channels;
    int64_t bins = config_.features.width();
    int64_t place = 0;
    const auto next = [&] { return theirs + "conv." + std::to_string(place++) + "."; };
    for (int64_t i = 0; i < c.convolutions; ++i) {
      const std::string ours = "blocks.0.conv" + std::to_string(i + 1) + ".";
      if (i > 0 && c.separable) {
        const std::string depthwise = next();
        // Ours has its taps outermost.
        Add(ours + "depthwise.weight", depthwise + "weight", {channels, 1, 3, 3},
            Layout::kChannelsLast)
            .viewed = {1, channels, 9};
        Add(ours + "depthwise.bias", depthwise + "bias", {channels});
        Weights(ours + "pointwise.", next(), {channels, channels, 1, 1}, true);
      } else {
        Weights(ours, next(), {channels, i == 0 ? 1 : channels, 3, 3}, true);
      }
      ++place;  // the rectifier
      bins = (bins - 1) / 2 + 1;
    }
    // Theirs has the bins of each channel together, ours the channels of each bin.
    const float scale = c.xscaling ? std::sqrt(static_cast<float>(c.d_model)) : 1.0f;
    TensorMap& weight = Add("blocks.0.linear.weight", theirs + "out.weight",
                            {c.d_model, channels * bins}, Layout::kChannelsLast);
    weight.viewed = {c.d_model, channels, bins};
    weight.scale = scale;
    Add("blocks.0.linear.bias", theirs + "out.bias", {c.d_model}).scale = scale;
  }

  void ConformerLayer(const NemoConformerEncoder& c, int64_t index) {
    const std::string ours = "blocks." + std::to_string(index + 1) + ".";
    const std::string theirs = "encoder.layers." + std::to_string(index) + ".";
    const int64_t dim = c.d_model;
    for (const char* which : {"1", "2"}) {
      const std::string ff = ours + "ff" + which + ".";
      const std::string module = theirs + "feed_forward" + which + ".";
      Norm(ff + "norm.", theirs + "norm_feed_forward" + which + ".", dim, false);
      Weights(ff + "linear1.", module + "linear1.", {c.feed_forward, dim}, c.use_bias);
      Weights(ff + "linear2.", module + "linear2.", {dim, c.feed_forward}, c.use_bias);
    }
    Attention(c, ours + "mhsa.", theirs);
    const std::string conv = ours + "conv.";
    const std::string module = theirs + "conv.";
    Norm(conv + "norm.", theirs + "norm_conv.", dim, false);
    Weights(conv + "pointwise1.", module + "pointwise_conv1.", {2 * dim, dim, 1}, c.use_bias);
    Weights(conv + "depthwise.", module + "depthwise_conv.", {dim, 1, c.conv_kernel_size},
            c.use_bias);
    Norm(conv + "inner_norm.", module + "batch_norm.", dim, c.batch_norm);
    Weights(conv + "pointwise2.", module + "pointwise_conv2.", {dim, dim, 1}, c.use_bias);
    Norm(ours + "norm.", theirs + "norm_out.", dim, false);
  }

  void Attention(const NemoConformerEncoder& c, const std::string& ours,
                 const std::string& theirs) {
    const int64_t dim = c.d_model;
    const std::string module = theirs + "self_attn.";
    Norm(ours + "norm.", theirs + "norm_self_att.", dim, false);
    const auto stack = [&](const char* part, const Shape& shape) {
      TensorMap map = {.ours = ours + "attention.qkv." + part,
                       .theirs = {},
                       .shapes = std::vector<Shape>(3, shape),
                       .layout = Layout::kStackedRows};
      for (const char* which : {"linear_q.", "linear_k.", "linear_v."}) {
        map.theirs.push_back(module + which);
        map.theirs.back() += part;
      }
      maps_.push_back(std::move(map));
    };
    stack("weight", {dim, dim});
    if (c.use_bias) stack("bias", {dim});
    Add(ours + "attention.position.weight", module + "linear_pos.weight", {dim, dim});
    const Shape heads = {c.n_heads, dim / c.n_heads};
    Add(ours + "attention.position.u", module + "pos_bias_u", heads);
    Add(ours + "attention.position.v", module + "pos_bias_v", heads);
    Weights(ours + "attention.out.", module + "linear_out.", {dim, dim}, c.use_bias);
  }

  const NemoConfig& config_;
  const Head& head_;
  std::vector<TensorMap> maps_;
};

Json EncoderJson(const NemoConvAsrEncoder& encoder) {
  Json list = Json::array();
  for (const NemoJasperBlock& b : encoder.jasper) {
    list.push_back({{"layer", "quartznet_block"},
                    {"channels", b.filters},
                    {"kernel", b.kernel},
                    {"convolutions", b.repeat},
                    {"stride", b.stride},
                    {"stride_last", true},
                    {"dilation", b.dilation},
                    {"residual", b.residual},
                    {"separable", b.separable},
                    {"squeeze", b.se_inner},
                    {"dropout", b.dropout}});
  }
  return list;
}

Json EncoderJson(const NemoConformerEncoder& c) {
  return {{{"layer", "conv_subsampling"},
           {"dim", c.d_model},
           {"channels", c.subsampling_channels},
           {"separable", c.separable},
           {"convolutions", c.convolutions},
           {"dropout", c.dropout_pre_encoder}},
          {{"layer", "conformer_block"},
           {"repeat", c.n_layers},
           {"heads", c.n_heads},
           {"feed_forward", c.feed_forward},
           {"conv_kernel", c.conv_kernel_size},
           {"conv_norm", c.batch_norm ? "batch" : "layer"},
           {"bias", c.use_bias},
           {"dropout", c.dropout}}};
}

// NeMo's blank is the last class.
void TakeLabels(const std::vector<std::string>& labels, ModelConfig& config, Head& head) {
  config.characters = labels;
  head.classes = std::ssize(labels) + 1;
  head.rows.push_back(head.classes - 1);
  for (int64_t i = 0; i < std::ssize(labels); ++i) head.rows.push_back(i);
}

Status TakePieces(const std::string& folder, Source& source, Head& head) {
  const std::string path = folder + "/tokenizer.model";
  MASR_TRY(const std::string bytes, ReadTextFile(path, kMaxSmallFile));
  MASR_TRY(SentencePieces pieces, ParseSentencePieces(bytes, path));
  source.config.pieces = std::move(pieces.pieces);
  head.classes = pieces.count + 1;
  head.rows.push_back(pieces.count);
  head.rows.insert(head.rows.end(), pieces.numbers.begin(), pieces.numbers.end());
  if (pieces.dropped.empty()) return {};
  std::string names;
  for (const std::string& name : pieces.dropped) names += " " + name;
  source.notes.push_back("left out of the head, as no text has them:" + names);
  return {};
}

std::string LastPart(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path.substr(path.find_last_of('/') + 1);
}

}  // namespace

Result<Source> OpenNemo(const std::string& folder) {
  const std::string config_path = folder + "/" + kConfigFile;
  MASR_TRY(const std::string yaml, ReadTextFile(config_path, kMaxSmallFile));
  MASR_TRY(const NemoConfig config, ParseNemoConfig(yaml, config_path));
  Source source;
  source.family = "nemo";
  source.weights_path = folder + "/model.safetensors";
  if (!FileExists(source.weights_path)) {
    return Fail(ErrorCode::kNotFound,
                source.weights_path +
                    ": there is no such file; scripts/unpack_nemo.py makes it of a .nemo file");
  }
  MASR_TRY(source.weights, SafetensorsFile::Open(source.weights_path));
  Head head;
  if (config.bpe) {
    MASR_RETURN_IF_ERROR(TakePieces(folder, source, head));
  } else {
    TakeLabels(config.labels, source.config, head);
  }
  source.tensors = Names(config, head).All();
  source.config.name = LastPart(folder);
  source.config.features = config.features;
  source.config.encoder_json =
      std::visit([](const auto& encoder) { return EncoderJson(encoder).dump(); }, config.encoder);
  source.metadata = {{"convert.family", source.family},
                     {kConfigKey, yaml},
                     {kRowsKey, Json(head.rows).dump()},
                     {kClassesKey, std::to_string(head.classes)}};
  const auto* conformer = std::get_if<NemoConformerEncoder>(&config.encoder);
  if (conformer != nullptr && !conformer->untie_biases) {
    source.notes.push_back("attention's biases, which the layers shared, are each layer's own now");
  }
  return source;
}

Result<Origin> NemoOriginOf(const Model& model) {
  const std::string where = "the model's metadata";
  const auto text = [&](const char* key) {
    const auto found = model.metadata.find(key);
    return found == model.metadata.end() ? std::string() : found->second;
  };
  Origin origin;
  origin.files.push_back({kConfigFile, text(kConfigKey)});
  MASR_TRY(const NemoConfig config, ParseNemoConfig(text(kConfigKey), where));
  const Json rows = Json::parse(text(kRowsKey), nullptr, /*allow_exceptions=*/false);
  const Json classes = Json::parse(text(kClassesKey), nullptr, /*allow_exceptions=*/false);
  constexpr int64_t kMaxClasses = 1 << 20;
  const auto in_bounds = [](const Json& n, int64_t end) {
    return n.is_number_integer() && n >= 0 && n < end;
  };
  bool good = rows.is_array() && in_bounds(classes, kMaxClasses);
  Head head;
  if (good) head.classes = classes.get<int64_t>();
  for (size_t i = 0; good && i < rows.size(); ++i) {
    good = in_bounds(rows[i], head.classes);
    if (good) head.rows.push_back(rows[i].get<int64_t>());
  }
  if (!good || std::ssize(head.rows) != model.encoder.tokens()) {
    return Fail(ErrorCode::kCorrupt, where + ": '" + kRowsKey + "' are not its tokens");
  }
  origin.tensors = Names(config, head).All();
  return origin;
}

}  // namespace masr
