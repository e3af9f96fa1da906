// The encoder block of the Transformer (Vaswani et al., "Attention Is All You Need", 2017).
#ifndef MOBILEASR_LAYERS_TRANSFORMER_H_
#define MOBILEASR_LAYERS_TRANSFORMER_H_

#include "kernels/activation.h"
#include "layers/layer.h"

namespace masr {

struct TransformerOptions {
  int64_t dim = 768;
  int64_t heads = 12;
  int64_t feed_forward = 3072;  // inner width
  Activation activation = Activation::kGelu;
  // Where the layer norms stand. Pre-norm: x + f(norm(x)), twice (Xiong et al., 2020); a norm of
  // its own belongs on top of the last block. Post-norm: norm(x + f(x)), as in the paper.
  bool pre_norm = true;
  float epsilon = 1e-5f;
  float dropout = 0.1f;  // of what attention and feed-forward add
};
// Self-attention without positions, then the feed-forward module.
LayerPtr MakeTransformerBlock(const TransformerOptions& options, ParameterTable& table);

}  // namespace masr

#endif  // MOBILEASR_LAYERS_TRANSFORMER_H_
