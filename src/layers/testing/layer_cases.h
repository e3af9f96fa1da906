// The layers that the tests of this folder go through: every row of the registry, in every variant.
#ifndef MOBILEASR_LAYERS_TESTING_LAYER_CASES_H_
#define MOBILEASR_LAYERS_TESTING_LAYER_CASES_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

namespace masr::testing {

struct LayerCase {
  std::string name;
  std::string json;
  int64_t in_dim = 0;
  int64_t adapter_rank = 0;
};

inline void PrintTo(const LayerCase& layer, std::ostream* out) { *out << layer.json; }

// Names the instances of a test by their case.
struct CaseName {
  template <class Info>
  std::string operator()(const Info& info) const {
    return info.param.name;
  }
};

inline std::vector<LayerCase> AllLayers() {
  return {
      {"Linear", R"({"layer": "linear", "dim": 7})", 5},
      {"LinearWithoutBias", R"({"layer": "linear", "dim": 3, "bias": false})", 6},
      {"Relu", R"({"layer": "activation", "function": "relu"})", 5},
      {"ClippedRelu", R"({"layer": "activation", "function": "clipped_relu"})", 5},
      {"Silu", R"({"layer": "activation", "function": "silu"})", 5},
      {"Gelu", R"({"layer": "activation", "function": "gelu"})", 5},
      {"Glu", R"({"layer": "glu"})", 6},
      {"Dropout", R"({"layer": "dropout", "probability": 0.3})", 9},
      {"LayerNorm", R"({"layer": "layer_norm"})", 7},
      {"InstanceNorm", R"({"layer": "instance_norm"})", 7},
      {"BatchNorm", R"({"layer": "batch_norm", "epsilon": 1e-3})", 7},
      {"Conv1d", R"({"layer": "conv1d", "channels": 4, "kernel": 3})", 5},
      {"Conv1dStride", R"({"layer": "conv1d", "channels": 4, "kernel": 5, "stride": 2})", 3},
      {"Conv1dDilation",
       R"({"layer": "conv1d", "channels": 4, "kernel": 3, "dilation": 2, "bias": false})", 3},
      {"Conv1dStrideDilationPadding",
       R"({"layer": "conv1d", "channels": 3, "kernel": 4, "stride": 3, "dilation": 2, "padding": 5})",
       3},
      {"Conv1dGroups",
       R"({"layer": "conv1d", "channels": 8, "kernel": 3, "stride": 2, "groups": 2})", 6},
      {"Conv1dGroupsWithoutBias",
       R"({"layer": "conv1d", "channels": 3, "kernel": 2, "padding": 1, "groups": 3,
           "bias": false})",
       6},
      {"Depthwise1d", R"({"layer": "conv1d", "depthwise": true, "kernel": 5})", 6},
      {"Depthwise1dStride", R"({"layer": "conv1d", "depthwise": true, "kernel": 5, "stride": 2})",
       6},
      {"Depthwise1dDilation",
       R"({"layer": "conv1d", "depthwise": true, "kernel": 5, "dilation": 3, "bias": false})", 6},
      {"Depthwise1dStrideDilation",
       R"({"layer": "conv1d", "depthwise": true, "kernel": 3, "stride": 3, "dilation": 2})", 5},
      {"Conv2d",
       R"({"layer": "conv2d", "channels": 3, "time_kernel": 3, "frequency_kernel": 3,
           "time_stride": 2, "frequency_stride": 2})",
       7},
      {"Conv2dManyChannels",
       R"({"layer": "conv2d", "channels": 4, "in_channels": 2, "time_kernel": 3,
           "frequency_kernel": 5, "frequency_stride": 2, "bias": false})",
       12},
      {"Depthwise2d",
       R"({"layer": "conv2d", "depthwise": true, "in_channels": 3, "time_kernel": 3,
           "frequency_kernel": 3, "time_stride": 2, "frequency_stride": 2})",
       15},
      {"LinearWithAdapter", R"({"layer": "linear", "dim": 7, "adapter": 3})", 5},
      {"SelfAttention", R"({"layer": "self_attention", "heads": 2})", 8},
      {"SelfAttentionOneHead", R"({"layer": "self_attention", "heads": 1})", 6},
      {"SelfAttentionWithoutPositions",
       R"({"layer": "self_attention", "heads": 2, "positions": "none"})", 8},
      {"TransformerPreNorm", R"({"layer": "transformer_block", "heads": 2, "feed_forward": 12})",
       8},
      {"TransformerPostNorm",
       R"({"layer": "transformer_block", "heads": 4, "feed_forward": 12, "norm": "post",
           "activation": "silu", "dropout": 0})",
       8},
      {"PositionalConv", R"({"layer": "positional_conv", "kernel": 4, "groups": 2})", 6},
      {"PositionalConvOddKernel", R"({"layer": "positional_conv", "kernel": 5, "groups": 3})", 6},
      {"FeatureEncoder",
       R"({"layer": "feature_encoder", "channels": [5, 4], "kernels": [3, 2], "strides": [2, 1],
           "norm": "instance"})",
       1},
      {"FeatureEncoderLayerNorm",
       R"({"layer": "feature_encoder", "channels": [5, 4], "kernels": [3, 2], "strides": [2, 1],
           "norm": "layer", "bias": true})",
       1},
      {"Lstm", R"({"layer": "recurrent", "hidden": 5})", 4},
      {"LstmBidirectional", R"({"layer": "recurrent", "hidden": 5, "bidirectional": true})", 4},
      {"Gru", R"({"layer": "recurrent", "cell": "gru", "hidden": 5})", 4},
      {"GruBidirectional",
       R"({"layer": "recurrent", "cell": "gru", "hidden": 5, "bidirectional": true})", 4},
      {"Subsampling", R"({"layer": "conv_subsampling", "dim": 6, "channels": 3})", 9},
      {"SubsamplingSeparable",
       R"({"layer": "conv_subsampling", "dim": 6, "channels": 3, "separable": true})", 9},
      {"SubsamplingOnce",
       R"({"layer": "conv_subsampling", "dim": 6, "channels": 3, "convolutions": 1})", 9},
      {"SubsamplingEightfold",
       R"({"layer": "conv_subsampling", "dim": 6, "channels": 3, "convolutions": 3,
           "separable": true})",
       9},
      {"Conformer",
       R"({"layer": "conformer_block", "heads": 2, "feed_forward": 12, "conv_kernel": 5})", 8},
      {"ConformerBatchNorm",
       R"({"layer": "conformer_block", "heads": 4, "feed_forward": 12, "conv_kernel": 3,
           "conv_norm": "batch", "dropout": 0})",
       8},
      {"ConformerWithoutBiases",
       R"({"layer": "conformer_block", "heads": 2, "feed_forward": 12, "conv_kernel": 5,
           "bias": false})",
       8},
      {"QuartzNet",
       R"({"layer": "quartznet_block", "channels": 6, "kernel": 5, "convolutions": 3,
           "dropout": 0.2})",
       4},
      {"QuartzNetStride",
       R"({"layer": "quartznet_block", "channels": 6, "kernel": 5, "convolutions": 2, "stride": 2,
           "residual": false})",
       4},
      {"QuartzNetStrideWithResidual",
       R"({"layer": "quartznet_block", "channels": 6, "kernel": 5, "convolutions": 2, "stride": 2})",
       4},
      {"QuartzNetStrideLast",
       R"({"layer": "quartznet_block", "channels": 6, "kernel": 5, "convolutions": 2, "stride": 2,
           "stride_last": true})",
       4},
      {"QuartzNetDilation",
       R"({"layer": "quartznet_block", "channels": 6, "kernel": 3, "convolutions": 1, "dilation": 2,
           "residual": false})",
       4},
      {"QuartzNetFullConvolutions",
       R"({"layer": "quartznet_block", "channels": 5, "kernel": 3, "convolutions": 2,
           "separable": false})",
       4},
      {"QuartzNetSqueeze",
       R"({"layer": "quartznet_block", "channels": 6, "kernel": 5, "convolutions": 2,
           "squeeze": 3})",
       4},
      {"SqueezeExcite", R"({"layer": "squeeze_excite", "inner": 3})", 7},
      {"LinearLora", R"({"layer": "linear", "dim": 7})", 5, 3},
      {"LinearLoraOfOne", R"({"layer": "linear", "dim": 3, "bias": false})", 6, 1},
      {"SelfAttentionLora", R"({"layer": "self_attention", "heads": 2})", 8, 3},
      {"SqueezeExciteLora", R"({"layer": "squeeze_excite", "inner": 4})", 7, 2},
      {"SubsamplingLora", R"({"layer": "conv_subsampling", "dim": 6, "channels": 3, "dropout": 0})",
       9, 2},
      {"ConformerLora",
       R"({"layer": "conformer_block", "heads": 2, "feed_forward": 12, "conv_kernel": 5})", 8, 3},
      {"TransformerLora", R"({"layer": "transformer_block", "heads": 2, "feed_forward": 12})", 8,
       2},
      {"QuartzNetLora",
       R"({"layer": "quartznet_block", "channels": 6, "kernel": 5, "convolutions": 2})", 4, 3},
  };
}

// Those of them that have low-rank pairs.
inline std::vector<LayerCase> AdaptedLayers() {
  std::vector<LayerCase> layers = AllLayers();
  std::erase_if(layers, [](const LayerCase& layer) { return layer.adapter_rank == 0; });
  return layers;
}

struct NetCase {
  std::string name;
  std::string json;  // a list of layers
  int64_t in_dim = 0;
};

inline void PrintTo(const NetCase& net, std::ostream* out) { *out << net.name; }

// Small relatives of the models that ship.
inline std::vector<NetCase> AllNets() {
  return {
      {"Conformer",
       R"([{"layer": "conv_subsampling", "dim": 8, "channels": 4, "separable": true},
           {"layer": "conformer_block", "heads": 2, "feed_forward": 16, "conv_kernel": 5},
           {"layer": "conformer_block", "heads": 2, "feed_forward": 16, "conv_kernel": 5},
           {"layer": "conformer_block", "heads": 2, "feed_forward": 16, "conv_kernel": 5,
            "conv_norm": "batch"},
           {"layer": "linear", "dim": 5}])",
       10},
      {"DeepSpeech",
       R"([{"layer": "conv2d", "channels": 3, "time_kernel": 3, "frequency_kernel": 5,
            "time_stride": 2, "frequency_stride": 2},
           {"layer": "activation", "function": "clipped_relu"},
           {"layer": "recurrent", "hidden": 6, "bidirectional": true},
           {"layer": "batch_norm"},
           {"layer": "recurrent", "cell": "gru", "hidden": 6, "bidirectional": true},
           {"layer": "dropout", "probability": 0.2},
           {"layer": "recurrent", "hidden": 6},
           {"layer": "linear", "dim": 5}])",
       10},
      {"Wav2Vec2",
       R"([{"layer": "feature_encoder", "channels": [6, 6], "kernels": [5, 3], "strides": [2, 1],
            "norm": "instance"},
           {"layer": "layer_norm"},
           {"layer": "linear", "dim": 8},
           {"layer": "positional_conv", "kernel": 4, "groups": 2},
           {"layer": "layer_norm"},
           {"layer": "transformer_block", "heads": 2, "feed_forward": 16, "norm": "post"},
           {"layer": "transformer_block", "heads": 2, "feed_forward": 16},
           {"layer": "linear", "dim": 5}])",
       1},
      {"Citrinet",
       R"([{"layer": "quartznet_block", "channels": 8, "kernel": 3, "convolutions": 1, "residual": false,
            "squeeze": 2},
           {"layer": "quartznet_block", "channels": 8, "kernel": 5, "convolutions": 2, "stride": 2,
            "stride_last": true, "squeeze": 3},
           {"layer": "quartznet_block", "channels": 8, "kernel": 5, "convolutions": 2, "squeeze": 3,
            "dropout": 0.1},
           {"layer": "linear", "dim": 5}])",
       10},
      {"QuartzNet",
       R"([{"layer": "quartznet_block", "channels": 6, "kernel": 5, "convolutions": 1, "stride": 2,
            "residual": false},
           {"layer": "quartznet_block", "channels": 8, "kernel": 3, "convolutions": 2},
           {"layer": "quartznet_block", "channels": 8, "kernel": 5, "convolutions": 3,
            "dropout": 0.1},
           {"layer": "conv1d", "channels": 6, "kernel": 3},
           {"layer": "glu"},
           {"layer": "layer_norm"},
           {"layer": "linear", "dim": 5}])",
       10},
  };
}

}  // namespace masr::testing

#endif  // MOBILEASR_LAYERS_TESTING_LAYER_CASES_H_
