#include "layers/registry.h"

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "io/config_reader.h"
#include "layers/conformer.h"
#include "layers/convolution.h"
#include "layers/linear.h"
#include "layers/norm.h"
#include "layers/pointwise.h"
#include "layers/quartznet.h"
#include "layers/recurrent_layer.h"
#include "layers/residual_adapter.h"
#include "layers/self_attention.h"
#include "layers/squeeze_excite.h"
#include "layers/transformer.h"
#include "layers/wav2vec2.h"

namespace masr {
namespace {

constexpr int64_t kMaxDim = 1 << 16;
constexpr int64_t kMaxKernel = 255;
constexpr int64_t kMaxHeadDim = 1024;  // what the attention kernels pack
// Of a layer's output: widths multiply from layer to layer, and sizes must stay far from overflow.
constexpr int64_t kMaxWidth = 1 << 20;

// A factory reads its options; the layer it returns counts only if the reader found no error.
using Factory = LayerPtr (*)(ConfigReader& config, int64_t in_dim, ParameterTable& table);

constexpr std::array<Activation, 4> kActivations = {Activation::kRelu, Activation::kClippedRelu,
                                                    Activation::kSilu, Activation::kGelu};
const std::vector<std::string>& ActivationNames() {
  static const std::vector<std::string> names = {"relu", "clipped_relu", "silu", "gelu"};
  return names;
}

LayerPtr FromLinear(ConfigReader& config, int64_t in_dim, ParameterTable& table) {
  return MakeLinear(
      in_dim, {.out_dim = config.Int("dim", {}, 1, kMaxDim), .bias = config.Bool("bias", true)},
      table);
}

LayerPtr FromActivation(ConfigReader& config, int64_t in_dim, ParameterTable& table) {
  const size_t which = config.Choice("function", {}, ActivationNames());
  return MakeActivation(in_dim, kActivations[which], table);
}

LayerPtr FromGlu(ConfigReader& config, int64_t in_dim, ParameterTable& table) {
  if (in_dim % 2 != 0) config.Refuse("needs an even input width");
  return MakeGlu(in_dim, table);
}

LayerPtr FromDropout(ConfigReader& config, int64_t in_dim, ParameterTable& table) {
  return MakeDropout(in_dim, static_cast<float>(config.Number("probability", {}, 0, 0.95)), table);
}

LayerPtr FromLayerNorm(ConfigReader& config, int64_t in_dim, ParameterTable& table) {
  return MakeLayerNorm(in_dim, static_cast<float>(config.Number("epsilon", 1e-5, 1e-12, 1)), table);
}

LayerPtr FromInstanceNorm(ConfigReader& config, int64_t in_dim, ParameterTable& table) {
  return MakeInstanceNorm(in_dim, static_cast<float>(config.Number("epsilon", 1e-5, 1e-12, 1)),
                          table);
}

LayerPtr FromBatchNorm(ConfigReader& config, int64_t in_dim, ParameterTable& table) {
  if (in_dim > kMaxDim) {
    config.Refuse("its input may be at most " + std::to_string(kMaxDim) + " wide");
  }
  return MakeBatchNorm(in_dim, static_cast<float>(config.Number("epsilon", 1e-5, 1e-12, 1)), table);
}

Conv1dShape ReadConv1dShape(ConfigReader& config, const std::string& prefix) {
  Conv1dShape shape;
  shape.kernel = config.Int(prefix + "kernel", {}, 1, kMaxKernel);
  shape.stride = config.Int(prefix + "stride", 1, 1, 16);
  shape.dilation = config.Int(prefix + "dilation", 1, 1, 64);
  shape.padding =
      config.Int(prefix + "padding", shape.dilation * (shape.kernel - 1) / 2, 0, kMaxKernel * 64);
  return shape;
}

// What the kernel's window allows (kernels/conv1d.h).
void CheckDepthwise(ConfigReader& config, int64_t kernel, int64_t stride, int64_t dilation) {
  if (stride > 4) config.Refuse("'stride' of a depthwise convolution must be at most 4");
  if (dilation * (kernel - 1) >= 8192) {
    config.Refuse("'kernel' and 'dilation' reach over more than 8192 frames; make one smaller");
  }
}

// Divides both widths, or is 1 and the reader says why.
int64_t ReadGroups(ConfigReader& config, int64_t otherwise, int64_t in_dim, int64_t out_dim) {
  const int64_t groups = config.Int("groups", otherwise, 1, kMaxDim);
  if (in_dim % groups == 0 && out_dim % groups == 0) return groups;
  config.Refuse("'groups' must divide the widths " + std::to_string(in_dim) + " and " +
                std::to_string(out_dim));
  return 1;
}

LayerPtr FromConv1d(ConfigReader& config, int64_t in_dim, ParameterTable& table) {
  Conv1dOptions options;
  options.shape = ReadConv1dShape(config, "");
  options.depthwise = config.Bool("depthwise", false);
  options.bias = config.Bool("bias", true);
  if (options.depthwise) {
    CheckDepthwise(config, options.shape.kernel, options.shape.stride, options.shape.dilation);
  } else {
    options.out_channels = config.Int("channels", {}, 1, kMaxDim);
    options.groups = ReadGroups(config, 1, in_dim, options.out_channels);
  }
  return MakeConv1d(in_dim, options, table);
}

LayerPtr FromConv2d(ConfigReader& config, int64_t in_dim, ParameterTable& table) {
  Conv2dOptions options;
  Conv2dShape& shape = options.shape;
  shape.time = ReadConv1dShape(config, "time_");
  shape.frequency = ReadConv1dShape(config, "frequency_");
  shape.in_channels = config.Int("in_channels", 1, 1, kMaxDim);
  options.depthwise = config.Bool("depthwise", false);
  options.bias = config.Bool("bias", true);
  shape.out_channels =
      options.depthwise ? shape.in_channels : config.Int("channels", {}, 1, kMaxDim);
  if (in_dim % shape.in_channels != 0) {
    config.Refuse("'in_channels' must divide the input width " + std::to_string(in_dim));
    shape.in_channels = 1;
  }
  shape.in_bins = in_dim / shape.in_channels;
  if (shape.out_bins() < 1) {
    config.Refuse("its frequency kernel is wider than the " + std::to_string(shape.in_bins) +
                  " bins of its input");
  }
  if (options.depthwise && !DepthwiseConv2dFits(shape)) {
    config.Refuse("'time_kernel' times 'frequency_kernel' may be at most 12000 if depthwise");
  }
  return MakeConv2d(options, table);
}

void CheckHeads(ConfigReader& config, int64_t in_dim, int64_t heads) {
  if (in_dim % heads != 0 || in_dim % 2 != 0) {
    config.Refuse("'heads' must divide the input width " + std::to_string(in_dim) +
                  ", which must be even");
  }
  if (in_dim / heads > kMaxHeadDim) {
    config.Refuse("'heads' must be more: a head may be at most " + std::to_string(kMaxHeadDim) +
                  " wide");
  }
}

LayerPtr FromSelfAttention(ConfigReader& config, int64_t in_dim, ParameterTable& table) {
  const int64_t heads = config.Int("heads", {}, 1, 64);
  CheckHeads(config, in_dim, heads);
  const bool relative = config.Choice("positions", "relative", {"relative", "none"}) == 0;
  const Positions positions = relative ? Positions::kRelative : Positions::kNone;
  return MakeSelfAttention(in_dim, {.heads = heads, .positions = positions}, table);
}

LayerPtr FromTransformerBlock(ConfigReader& config, int64_t in_dim, ParameterTable& table) {
  TransformerOptions options;
  options.dim = in_dim;
  options.heads = config.Int("heads", {}, 1, 64);
  options.feed_forward = config.Int("feed_forward", 4 * in_dim, 1, kMaxDim);
  options.activation = kActivations[config.Choice("activation", "gelu", ActivationNames())];
  options.pre_norm = config.Choice("norm", "pre", {"pre", "post"}) == 0;
  options.epsilon = static_cast<float>(config.Number("epsilon", 1e-5, 1e-12, 1));
  options.dropout = static_cast<float>(config.Number("dropout", 0.1, 0, 0.95));
  CheckHeads(config, in_dim, options.heads);
  return MakeTransformerBlock(options, table);
}

// Whole numbers in [1, high].
std::vector<int64_t> ReadSizes(ConfigReader& config, const std::string& key, int64_t high) {
  std::vector<int64_t> sizes;
  for (const double value : config.NumberList(key)) {
    if (!(value >= 1 && value <= static_cast<double>(high)) || value != std::floor(value)) {
      config.Refuse("'" + key + "' must be whole numbers from 1 to " + std::to_string(high));
      return {};
    }
    sizes.push_back(static_cast<int64_t>(value));
  }
  return sizes;
}

LayerPtr FromFeatureEncoder(ConfigReader& config, int64_t in_dim, ParameterTable& table) {
  constexpr size_t kMaxConvs = 64;
  const std::vector<int64_t> channels = ReadSizes(config, "channels", kMaxDim);
  const std::vector<int64_t> kernels = ReadSizes(config, "kernels", kMaxKernel);
  const std::vector<int64_t> strides = ReadSizes(config, "strides", 16);
  FeatureEncoderOptions options;
  options.layer_norm = config.Choice("norm", {}, {"instance", "layer"}) == 1;
  options.bias = config.Bool("bias", false);
  if (channels.empty() || channels.size() > kMaxConvs || kernels.size() != channels.size() ||
      strides.size() != channels.size()) {
    config.Refuse("'channels', 'kernels' and 'strides' need one number per convolution, of 1 to " +
                  std::to_string(kMaxConvs) + " convolutions");
    options.convs.push_back({.channels = 1, .kernel = 1, .stride = 1});
  } else {
    for (size_t i = 0; i < channels.size(); ++i) {
      options.convs.push_back({channels[i], kernels[i], strides[i]});
    }
  }
  return MakeFeatureEncoder(in_dim, options, table);
}

LayerPtr FromPositionalConv(ConfigReader& config, int64_t in_dim, ParameterTable& table) {
  PositionalConvOptions options;
  options.kernel = config.Int("kernel", 128, 1, kMaxKernel);
  options.groups = ReadGroups(config, 16, in_dim, in_dim);
  return MakePositionalConv(in_dim, options, table);
}

LayerPtr FromRecurrent(ConfigReader& config, int64_t in_dim, ParameterTable& table) {
  RecurrentOptions options;
  options.cell = config.Choice("cell", "lstm", {"lstm", "gru"}) == 0 ? Cell::kLstm : Cell::kGru;
  options.hidden = config.Int("hidden", {}, 1, 4096);
  options.bidirectional = config.Bool("bidirectional", false);
  return MakeRecurrent(in_dim, options, table);
}

LayerPtr FromConvSubsampling(ConfigReader& config, int64_t in_dim, ParameterTable& table) {
  SubsamplingOptions options;
  options.dim = config.Int("dim", {}, 1, kMaxDim);
  options.channels = config.Int("channels", options.dim, 1, 4096);
  options.separable = config.Bool("separable", false);
  options.convolutions = config.Int("convolutions", 2, 1, 4);
  options.dropout = static_cast<float>(config.Number("dropout", 0.1, 0, 0.95));
  return MakeConvSubsampling(in_dim, options, table);
}

LayerPtr FromConformerBlock(ConfigReader& config, int64_t in_dim, ParameterTable& table) {
  ConformerOptions options;
  options.dim = in_dim;
  options.heads = config.Int("heads", 4, 1, 64);
  options.feed_forward = config.Int("feed_forward", 4 * in_dim, 1, kMaxDim);
  options.conv_kernel = config.Int("conv_kernel", 31, 1, kMaxKernel);
  options.conv_batch_norm = config.Choice("conv_norm", "layer", {"layer", "batch"}) == 1;
  options.bias = config.Bool("bias", true);
  options.dropout = static_cast<float>(config.Number("dropout", 0.1, 0, 0.95));
  CheckHeads(config, in_dim, options.heads);
  if (options.conv_kernel % 2 == 0) config.Refuse("'conv_kernel' must be odd");
  return MakeConformerBlock(options, table);
}

LayerPtr FromQuartzNetBlock(ConfigReader& config, int64_t in_dim, ParameterTable& table) {
  QuartzNetBlockOptions options;
  options.out_channels = config.Int("channels", {}, 1, kMaxDim);
  options.kernel = config.Int("kernel", {}, 1, kMaxKernel);
  options.repeat = config.Int("convolutions", 5, 1, 64);
  options.stride = config.Int("stride", 1, 1, 16);
  options.dilation = config.Int("dilation", 1, 1, 64);
  options.residual = config.Bool("residual", true);
  options.separable = config.Bool("separable", true);
  options.stride_last = config.Bool("stride_last", false);
  options.squeeze = config.Int("squeeze", 0, 0, kMaxDim);
  options.dropout = static_cast<float>(config.Number("dropout", 0, 0, 0.95));
  if (options.kernel % 2 == 0) config.Refuse("'kernel' must be odd");
  if (options.separable) {
    CheckDepthwise(config, options.kernel, options.stride, options.dilation);
  }
  return MakeQuartzNetBlock(in_dim, options, table);
}

LayerPtr FromSqueezeExcite(ConfigReader& config, int64_t in_dim, ParameterTable& table) {
  return MakeSqueezeExcite(in_dim, config.Int("inner", {}, 1, kMaxDim), table);
}

struct Row {
  const char* name;
  Factory make;
};

// The one table: a new layer is one row.
constexpr Row kLayers[] = {
    {"activation", FromActivation},
    {"batch_norm", FromBatchNorm},
    {"conformer_block", FromConformerBlock},
    {"conv1d", FromConv1d},
    {"conv2d", FromConv2d},
    {"conv_subsampling", FromConvSubsampling},
    {"dropout", FromDropout},
    {"feature_encoder", FromFeatureEncoder},
    {"glu", FromGlu},
    {"instance_norm", FromInstanceNorm},
    {"layer_norm", FromLayerNorm},
    {"linear", FromLinear},
    {"positional_conv", FromPositionalConv},
    {"quartznet_block", FromQuartzNetBlock},
    {"recurrent", FromRecurrent},
    {"self_attention", FromSelfAttention},
    {"squeeze_excite", FromSqueezeExcite},
    {"transformer_block", FromTransformerBlock},
};

}  // namespace

Result<LayerPtr> MakeLayer(const nlohmann::json& description, const std::string& where,
                           int64_t in_dim, ParameterTable& table) {
  ConfigReader config(description, where);
  const std::string name = config.Text("layer", {});
  config.Text("name", "");           // read by the encoder
  config.Int("repeat", 1, 1, 1000);  // likewise
  const int64_t adapter = config.Int("adapter", 0, 0, kMaxDim);
  for (const Row& row : kLayers) {
    if (name != row.name) continue;
    LayerPtr layer = row.make(config, in_dim, table);
    if (layer->out_dim() > kMaxWidth) {
      config.Refuse("its output would be " + std::to_string(layer->out_dim()) + " wide; at most " +
                    std::to_string(kMaxWidth));
    }
    MASR_RETURN_IF_ERROR(config.Finish());
    return adapter == 0 ? std::move(layer) : WithResidualAdapter(std::move(layer), adapter, table);
  }
  std::string known;
  for (const Row& row : kLayers) known += std::string(known.empty() ? "" : ", ") + row.name;
  config.Refuse("no layer is called '" + name + "'; known: " + known);
  MASR_RETURN_IF_ERROR(config.Finish());
  return LayerPtr();
}

}  // namespace masr
