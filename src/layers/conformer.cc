#include "layers/conformer.h"

#include <string>

#include "layers/containers.h"
#include "layers/convolution.h"
#include "layers/linear.h"
#include "layers/norm.h"
#include "layers/pointwise.h"
#include "layers/self_attention.h"
#include "layers/sequence_builder.h"

namespace masr {
namespace {

constexpr float kLayerNormEpsilon = 1e-5f;

LayerPtr FeedForward(const ConformerOptions& o, ParameterTable& table) {
  return SequenceBuilder(table)
      .Add("norm", [&](auto& t) { return MakeLayerNorm(o.dim, kLayerNormEpsilon, t); })
      .Add("linear1",
           [&](auto& t) {
             return MakeLinear(o.dim, {.out_dim = o.feed_forward, .bias = o.bias}, t);
           })
      .Add("linear2",
           [&](auto& t) {
             return MakeLinear(o.feed_forward,
                               {.out_dim = o.dim,
                                .bias = o.bias,
                                .init = Init::kBranchOut,
                                .input_activation = Activation::kSilu},
                               t);
           })
      .Add("dropout", [&](auto& t) { return MakeDropout(o.dim, o.dropout, t); })
      .Build();
}

LayerPtr Attention(const ConformerOptions& o, ParameterTable& table) {
  return SequenceBuilder(table)
      .Add("norm", [&](auto& t) { return MakeLayerNorm(o.dim, kLayerNormEpsilon, t); })
      .Add("attention",
           [&](auto& t) { return MakeSelfAttention(o.dim, {.heads = o.heads, .bias = o.bias}, t); })
      .Add("dropout", [&](auto& t) { return MakeDropout(o.dim, o.dropout, t); })
      .Build();
}

LayerPtr Convolution(const ConformerOptions& o, ParameterTable& table) {
  const Conv1dOptions depthwise = {
      .shape = {.kernel = o.conv_kernel, .padding = (o.conv_kernel - 1) / 2},
      .depthwise = true,
      .bias = o.bias};
  return SequenceBuilder(table)
      .Add("norm", [&](auto& t) { return MakeLayerNorm(o.dim, kLayerNormEpsilon, t); })
      .Add("pointwise1",
           [&](auto& t) { return MakeLinear(o.dim, {.out_dim = 2 * o.dim, .bias = o.bias}, t); })
      .Add("glu", [&](auto& t) { return MakeGlu(2 * o.dim, t); })
      .Add("depthwise", [&](auto& t) { return MakeConv1d(o.dim, depthwise, t); })
      .Add("inner_norm",
           [&](auto& t) {
             return o.conv_batch_norm ? MakeBatchNorm(o.dim, 1e-5f, t)
                                      : MakeLayerNorm(o.dim, kLayerNormEpsilon, t);
           })
      .Add("pointwise2",
           [&](auto& t) {
             return MakeLinear(o.dim,
                               {.out_dim = o.dim,
                                .bias = o.bias,
                                .init = Init::kBranchOut,
                                .input_activation = Activation::kSilu},
                               t);
           })
      .Add("dropout", [&](auto& t) { return MakeDropout(o.dim, o.dropout, t); })
      .Build();
}

}  // namespace

LayerPtr MakeConformerBlock(const ConformerOptions& o, ParameterTable& table) {
  return SequenceBuilder(table)
      .Add("ff1", [&](auto& t) { return MakeResidual(0.5f, FeedForward(o, t)); })
      .Add("mhsa", [&](auto& t) { return MakeResidual(1.0f, Attention(o, t)); })
      .Add("conv", [&](auto& t) { return MakeResidual(1.0f, Convolution(o, t)); })
      .Add("ff2", [&](auto& t) { return MakeResidual(0.5f, FeedForward(o, t)); })
      .Add("norm", [&](auto& t) { return MakeLayerNorm(o.dim, kLayerNormEpsilon, t); })
      .Build();
}

LayerPtr MakeConvSubsampling(int64_t mels, const SubsamplingOptions& o, ParameterTable& table) {
  const Conv1dShape half = {.kernel = 3, .stride = 2, .padding = 1};
  SequenceBuilder builder(table);
  int64_t bins = mels;
  int64_t channels = 1;
  for (int64_t i = 1; i <= o.convolutions; ++i) {
    const std::string name = "conv" + std::to_string(i);
    const Conv2dShape conv = {.time = half,
                              .frequency = half,
                              .in_bins = bins,
                              .in_channels = channels,
                              .out_channels = o.channels};
    bins = conv.out_bins();
    channels = o.channels;
    if (o.separable && i > 1) {
      const Conv2dShape pointwise = {
          .in_bins = bins, .in_channels = channels, .out_channels = channels};
      builder
          .Add(name + ".depthwise",
               [&](auto& t) {
                 return MakeConv2d({.shape = conv, .depthwise = true, .init = Init::kUniformFanIn},
                                   t);
               })
          .Add(name + ".pointwise", [&](auto& t) { return MakeConv2d({.shape = pointwise}, t); });
    } else {
      builder.Add(name, [&](auto& t) { return MakeConv2d({.shape = conv}, t); });
    }
    if (i == o.convolutions) break;  // the last one's rectifier is inside the projection
    builder.Add("relu" + std::to_string(i),
                [&](auto& t) { return MakeActivation(bins * channels, Activation::kRelu, t); });
  }
  return builder
      .Add("linear",
           [&](auto& t) {
             return MakeLinear(bins * channels,
                               {.out_dim = o.dim, .input_activation = Activation::kRelu}, t);
           })
      .Add("dropout", [&](auto& t) { return MakeDropout(o.dim, o.dropout, t); })
      .Build();
}

}  // namespace masr
