// Multi-head self-attention with relative positions and its four projections (kernels/attention.h).
#ifndef MOBILEASR_LAYERS_SELF_ATTENTION_H_
#define MOBILEASR_LAYERS_SELF_ATTENTION_H_

#include "layers/layer.h"

namespace masr {

// dim is a multiple of heads, and even.
LayerPtr MakeSelfAttention(int64_t dim, int64_t heads, ParameterTable& table);

}  // namespace masr

#endif  // MOBILEASR_LAYERS_SELF_ATTENTION_H_
