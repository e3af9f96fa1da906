// y = act(x) W^T + b over frames: a pointwise convolution, a feed-forward product, an output head.
#ifndef MOBILEASR_LAYERS_LINEAR_H_
#define MOBILEASR_LAYERS_LINEAR_H_

#include <optional>

#include "kernels/activation.h"
#include "layers/layer.h"

namespace masr {

struct LinearOptions {
  int64_t out_dim = 0;
  bool bias = true;
  Init init = Init::kUniformFanIn;
  // Applied to the input on its way into the products: act(x) is never in memory, so that of the
  // two wide activations of a feed-forward module only one is saved.
  std::optional<Activation> input_activation;
};

LayerPtr MakeLinear(int64_t in_dim, const LinearOptions& options, ParameterTable& table);

}  // namespace masr

#endif  // MOBILEASR_LAYERS_LINEAR_H_
