#include "layers/residual_adapter.h"

#include <algorithm>
#include <utility>

#include "layers/linear.h"
#include "layers/norm.h"
#include "layers/sequence_builder.h"

namespace masr {
namespace {

LayerPtr Bottleneck(int64_t dim, int64_t width, ParameterTable& table) {
  return SequenceBuilder(table)
      .Add("norm", [&](auto& t) { return MakeLayerNorm(dim, 1e-5f, t); })
      .Add("linear1", [&](auto& t) { return MakeLinear(dim, {.out_dim = width}, t); })
      .Add(kAdapterOut,
           [&](auto& t) {
             return MakeLinear(
                 width,
                 {.out_dim = dim, .init = Init::kZeros, .input_activation = Activation::kSilu}, t);
           })
      .Build();
}

}  // namespace

LayerPtr WithResidualAdapter(LayerPtr block, int64_t width, ParameterTable& table) {
  const int64_t rank = table.adapter_rank();
  table.set_adapter_rank(0);
  const int64_t dim = block->out_dim();
  std::vector<LayerPtr> layers;
  layers.push_back(std::move(block));
  {
    const ParameterScope scope(table, kAdapterName);
    layers.push_back(MakeResidual(1.0f, Bottleneck(dim, width, table)));
  }
  table.set_adapter_rank(rank);
  return std::make_unique<Sequential>(std::move(layers));
}

bool TakesResidualAdapter(std::span<const ParameterSpec> block) {
  return std::ranges::any_of(block, &ParameterSpec::matrix);
}

int64_t ResidualAdapterNumbers(int64_t dim, int64_t width) {
  return 2 * dim + (dim + 1) * width + (width + 1) * dim;
}

}  // namespace masr
