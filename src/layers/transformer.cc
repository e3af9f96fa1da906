#include "layers/transformer.h"

#include "layers/containers.h"
#include "layers/linear.h"
#include "layers/norm.h"
#include "layers/pointwise.h"
#include "layers/self_attention.h"
#include "layers/sequence_builder.h"

namespace masr {
namespace {

LayerPtr Norm(const TransformerOptions& o, ParameterTable& table) {
  return MakeLayerNorm(o.dim, o.epsilon, table);
}

LayerPtr Attention(const TransformerOptions& o, ParameterTable& table) {
  SequenceBuilder branch(table);
  if (o.pre_norm) branch.Add("norm", [&](auto& t) { return Norm(o, t); });
  return branch
      .Add("attention",
           [&](auto& t) {
             return MakeSelfAttention(o.dim, {.heads = o.heads, .positions = Positions::kNone}, t);
           })
      .Add("dropout", [&](auto& t) { return MakeDropout(o.dim, o.dropout, t); })
      .Build();
}

LayerPtr FeedForward(const TransformerOptions& o, ParameterTable& table) {
  SequenceBuilder branch(table);
  if (o.pre_norm) branch.Add("norm", [&](auto& t) { return Norm(o, t); });
  return branch
      .Add("linear1", [&](auto& t) { return MakeLinear(o.dim, {.out_dim = o.feed_forward}, t); })
      .Add("linear2",
           [&](auto& t) {
             return MakeLinear(
                 o.feed_forward,
                 {.out_dim = o.dim, .init = Init::kBranchOut, .input_activation = o.activation}, t);
           })
      .Add("dropout", [&](auto& t) { return MakeDropout(o.dim, o.dropout, t); })
      .Build();
}

}  // namespace

LayerPtr MakeTransformerBlock(const TransformerOptions& o, ParameterTable& table) {
  SequenceBuilder block(table);
  block.Add("mhsa", [&](auto& t) { return MakeResidual(1.0f, Attention(o, t)); });
  if (!o.pre_norm) block.Add("mhsa_norm", [&](auto& t) { return Norm(o, t); });
  block.Add("ff", [&](auto& t) { return MakeResidual(1.0f, FeedForward(o, t)); });
  if (!o.pre_norm) block.Add("ff_norm", [&](auto& t) { return Norm(o, t); });
  return block.Build();
}

}  // namespace masr
