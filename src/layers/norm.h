// Layer norm, instance norm, and batch norm with frozen statistics.
#ifndef MOBILEASR_LAYERS_NORM_H_
#define MOBILEASR_LAYERS_NORM_H_

#include "layers/layer.h"

namespace masr {

// All train their affine part. Epsilon 1e-5 is PyTorch's default; NeMo's batch norms say
// 1e-3.
LayerPtr MakeLayerNorm(int64_t dim, float epsilon, ParameterTable& table);
// Each channel over the frames of its utterance (kernels/instance_norm.h).
LayerPtr MakeInstanceNorm(int64_t dim, float epsilon, ParameterTable& table);
// The statistics come with the weights (from a converted model); they start as mean 0, variance 1.
LayerPtr MakeBatchNorm(int64_t dim, float epsilon, ParameterTable& table);

}  // namespace masr

#endif  // MOBILEASR_LAYERS_NORM_H_
