// Layers without parameters: activations, the gated linear unit, dropout.
#ifndef MOBILEASR_LAYERS_POINTWISE_H_
#define MOBILEASR_LAYERS_POINTWISE_H_

#include "kernels/elementwise.h"
#include "layers/layer.h"

namespace masr {

LayerPtr MakeActivation(int64_t dim, Activation activation, ParameterTable& table);
// in_dim even; the output has half of it.
LayerPtr MakeGlu(int64_t in_dim, ParameterTable& table);
// Active only in stochastic plans; 0 <= probability < 1.
LayerPtr MakeDropout(int64_t dim, float probability, ParameterTable& table);

}  // namespace masr

#endif  // MOBILEASR_LAYERS_POINTWISE_H_
