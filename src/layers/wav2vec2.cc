#include "layers/wav2vec2.h"

#include <string>

#include "layers/containers.h"
#include "layers/convolution.h"
#include "layers/norm.h"
#include "layers/pointwise.h"
#include "layers/sequence_builder.h"

namespace masr {
namespace {

constexpr float kNormEpsilon = 1e-5f;  // PyTorch's default, which nobody changes here

}  // namespace

LayerPtr MakeFeatureEncoder(int64_t in_dim, const FeatureEncoderOptions& o, ParameterTable& table) {
  SequenceBuilder encoder(table);
  int64_t dim = in_dim;
  for (size_t i = 0; i < o.convs.size(); ++i) {
    const FeatureEncoderConv& conv = o.convs[i];
    const std::string name = std::to_string(i);
    encoder.Add(name + ".conv", [&](auto& t) {
      return MakeConv1d(dim,
                        {.out_channels = conv.channels,
                         .shape = {.kernel = conv.kernel, .stride = conv.stride},
                         .bias = o.bias},
                        t);
    });
    dim = conv.channels;
    if (o.layer_norm) {
      encoder.Add(name + ".norm", [&](auto& t) { return MakeLayerNorm(dim, kNormEpsilon, t); });
    } else if (i == 0) {
      encoder.Add(name + ".norm", [&](auto& t) { return MakeInstanceNorm(dim, kNormEpsilon, t); });
    }
    encoder.Add(name + ".gelu", [&](auto& t) { return MakeActivation(dim, Activation::kGelu, t); });
  }
  return encoder.Build();
}

LayerPtr MakePositionalConv(int64_t dim, const PositionalConvOptions& o, ParameterTable& table) {
  const Conv1dOptions conv = {.out_channels = dim,
                              .shape = {.kernel = o.kernel, .padding = o.kernel / 2},
                              .groups = o.groups,
                              .drop_last_frame = o.kernel % 2 == 0};
  return MakeResidual(
      1.0f, SequenceBuilder(table)
                .Add("conv", [&](auto& t) { return MakeConv1d(dim, conv, t); })
                .Add("gelu", [&](auto& t) { return MakeActivation(dim, Activation::kGelu, t); })
                .Build());
}

}  // namespace masr
