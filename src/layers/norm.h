// Layer norm, and batch norm with frozen statistics.
#ifndef MOBILEASR_LAYERS_NORM_H_
#define MOBILEASR_LAYERS_NORM_H_

#include "layers/layer.h"

namespace masr {

// Both train their affine part. Epsilon 1e-5 is PyTorch's default for both; NeMo's batch norms say
// 1e-3.
LayerPtr MakeLayerNorm(int64_t dim, float epsilon, ParameterTable& table);
// The statistics come with the weights (from a converted model); they start as mean 0, variance 1.
LayerPtr MakeBatchNorm(int64_t dim, float epsilon, ParameterTable& table);

}  // namespace masr

#endif  // MOBILEASR_LAYERS_NORM_H_
