#include "layers/quartznet.h"

#include "layers/convolution.h"
#include "layers/linear.h"
#include "layers/norm.h"
#include "layers/pointwise.h"
#include "layers/sequence_builder.h"
#include "layers/squeeze_excite.h"

namespace masr {
namespace {

constexpr float kBatchNormEpsilon = 1e-3f;  // as in NeMo's QuartzNet

// depthwise -> pointwise -> norm, or convolution -> norm. The activation of the layer before is
// applied where its output is read.
void AddConvolution(SequenceBuilder& builder, const std::string& name, int64_t in_dim,
                    int64_t stride, const QuartzNetBlockOptions& o) {
  const Conv1dShape shape = {.kernel = o.kernel,
                             .stride = stride,
                             .padding = o.dilation * (o.kernel - 1) / 2,
                             .dilation = o.dilation};
  if (o.separable) {
    builder
        .Add(name + ".depthwise",
             [&](auto& t) {
               return MakeConv1d(in_dim, {.shape = shape, .depthwise = true, .bias = false}, t);
             })
        .Add(name + ".pointwise", [&](auto& t) {
          return MakeLinear(
              in_dim, {.out_dim = o.out_channels, .bias = false, .init = Init::kReluFanIn}, t);
        });
  } else {
    builder.Add(name + ".conv", [&](auto& t) {
      return MakeConv1d(in_dim, {.out_channels = o.out_channels, .shape = shape, .bias = false}, t);
    });
  }
  builder.Add(name + ".norm",
              [&](auto& t) { return MakeBatchNorm(o.out_channels, kBatchNormEpsilon, t); });
}

void AddTail(SequenceBuilder& builder, const QuartzNetBlockOptions& o) {
  builder.Add("relu", [&](auto& t) { return MakeActivation(o.out_channels, Activation::kRelu, t); })
      .Add("dropout", [&](auto& t) { return MakeDropout(o.out_channels, o.dropout, t); });
}

LayerPtr Body(int64_t in_dim, const QuartzNetBlockOptions& o, ParameterTable& table) {
  SequenceBuilder body(table);
  for (int64_t i = 0; i < o.repeat; ++i) {
    const bool strides = o.stride_last ? i + 1 == o.repeat : i == 0;
    AddConvolution(body, std::to_string(i), i == 0 ? in_dim : o.out_channels,
                   strides ? o.stride : 1, o);
    if (i + 1 < o.repeat) AddTail(body, o);
  }
  if (o.squeeze > 0) {
    body.Add("se", [&](auto& t) { return MakeSqueezeExcite(o.out_channels, o.squeeze, t); });
  }
  return body.Build();
}

LayerPtr Shortcut(int64_t in_dim, const QuartzNetBlockOptions& o, ParameterTable& table) {
  return SequenceBuilder(table)
      .Add("pointwise",
           [&](auto& t) -> LayerPtr {
             if (o.stride == 1) {
               return MakeLinear(in_dim, {.out_dim = o.out_channels, .bias = false}, t);
             }
             return MakeConv1d(in_dim,
                               {.out_channels = o.out_channels,
                                .shape = {.kernel = 1, .stride = o.stride},
                                .bias = false},
                               t);
           })
      .Add("norm", [&](auto& t) { return MakeBatchNorm(o.out_channels, kBatchNormEpsilon, t); })
      .Build();
}

}  // namespace

LayerPtr MakeQuartzNetBlock(int64_t in_dim, const QuartzNetBlockOptions& o, ParameterTable& table) {
  SequenceBuilder block(table);
  if (o.residual) {
    block.Add("residual", [&](ParameterTable& t) {
      // In this order: a container's parameters are one range of the table, shortcut first.
      LayerPtr shortcut;
      {
        const ParameterScope scope(t, "shortcut");
        shortcut = Shortcut(in_dim, o, t);
      }
      return MakeShortcut(std::move(shortcut), Body(in_dim, o, t));
    });
  } else {
    block.Add("body", [&](ParameterTable& t) { return Body(in_dim, o, t); });
  }
  AddTail(block, o);
  return block.Build();
}

}  // namespace masr
