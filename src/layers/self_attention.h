// Multi-head self-attention and its projections (kernels/attention.h).
#ifndef MOBILEASR_LAYERS_SELF_ATTENTION_H_
#define MOBILEASR_LAYERS_SELF_ATTENTION_H_

#include "layers/layer.h"

namespace masr {

enum class Positions : uint8_t {
  kRelative,  // Transformer-XL's, as in the Conformer
  kNone,      // Vaswani et al. (2017): what comes in knows where it is
};

struct SelfAttentionOptions {
  int64_t heads = 1;
  Positions positions = Positions::kRelative;
  bool bias = true;  // of the projections
};
// dim is a multiple of heads, and even.
LayerPtr MakeSelfAttention(int64_t dim, const SelfAttentionOptions& options, ParameterTable& table);

}  // namespace masr

#endif  // MOBILEASR_LAYERS_SELF_ATTENTION_H_
