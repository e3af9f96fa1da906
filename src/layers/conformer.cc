#include "layers/conformer.h"

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
      .Add("linear1", [&](auto& t) { return MakeLinear(o.dim, {.out_dim = o.feed_forward}, t); })
      .Add(
          "linear2",
          [&](auto& t) {
            return MakeLinear(
                o.feed_forward,
                {.out_dim = o.dim, .init = Init::kBranchOut, .input_activation = Activation::kSilu},
                t);
          })
      .Add("dropout", [&](auto& t) { return MakeDropout(o.dim, o.dropout, t); })
      .Build();
}

LayerPtr Attention(const ConformerOptions& o, ParameterTable& table) {
  return SequenceBuilder(table)
      .Add("norm", [&](auto& t) { return MakeLayerNorm(o.dim, kLayerNormEpsilon, t); })
      .Add("attention",
           [&](auto& t) { return MakeSelfAttention(o.dim, o.heads, Positions::kRelative, t); })
      .Add("dropout", [&](auto& t) { return MakeDropout(o.dim, o.dropout, t); })
      .Build();
}

LayerPtr Convolution(const ConformerOptions& o, ParameterTable& table) {
  const Conv1dOptions depthwise = {
      .shape = {.kernel = o.conv_kernel, .padding = (o.conv_kernel - 1) / 2}, .depthwise = true};
  return SequenceBuilder(table)
      .Add("norm", [&](auto& t) { return MakeLayerNorm(o.dim, kLayerNormEpsilon, t); })
      .Add("pointwise1", [&](auto& t) { return MakeLinear(o.dim, {.out_dim = 2 * o.dim}, t); })
      .Add("glu", [&](auto& t) { return MakeGlu(2 * o.dim, t); })
      .Add("depthwise", [&](auto& t) { return MakeConv1d(o.dim, depthwise, t); })
      .Add("inner_norm",
           [&](auto& t) {
             return o.conv_batch_norm ? MakeBatchNorm(o.dim, 1e-5f, t)
                                      : MakeLayerNorm(o.dim, kLayerNormEpsilon, t);
           })
      .Add(
          "pointwise2",
          [&](auto& t) {
            return MakeLinear(
                o.dim,
                {.out_dim = o.dim, .init = Init::kBranchOut, .input_activation = Activation::kSilu},
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
  const Conv2dShape conv1 = {.time = half,
                             .frequency = half,
                             .in_bins = mels,
                             .in_channels = 1,
                             .out_channels = o.channels};
  const Conv2dShape conv2 = {.time = half,
                             .frequency = half,
                             .in_bins = conv1.out_bins(),
                             .in_channels = o.channels,
                             .out_channels = o.channels};
  const Conv2dShape pointwise = {
      .in_bins = conv2.out_bins(), .in_channels = o.channels, .out_channels = o.channels};
  const int64_t dim1 = conv1.out_bins() * o.channels;
  const int64_t dim2 = conv2.out_bins() * o.channels;

  SequenceBuilder builder(table);
  builder.Add("conv1", [&](auto& t) { return MakeConv2d({.shape = conv1}, t); })
      .Add("relu1", [&](auto& t) { return MakeActivation(dim1, Activation::kRelu, t); });
  if (o.separable) {
    builder
        .Add("conv2.depthwise",
             [&](auto& t) {
               return MakeConv2d({.shape = conv2, .depthwise = true, .init = Init::kUniformFanIn},
                                 t);
             })
        .Add("conv2.pointwise", [&](auto& t) { return MakeConv2d({.shape = pointwise}, t); });
  } else {
    builder.Add("conv2", [&](auto& t) { return MakeConv2d({.shape = conv2}, t); });
  }
  return builder
      .Add("linear",
           [&](auto& t) {
             return MakeLinear(dim2, {.out_dim = o.dim, .input_activation = Activation::kRelu}, t);
           })
      .Add("dropout", [&](auto& t) { return MakeDropout(o.dim, o.dropout, t); })
      .Build();
}

}  // namespace masr
