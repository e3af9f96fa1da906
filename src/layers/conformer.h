// The Conformer (Gulati et al., 2020, "Conformer: Convolution-augmented Transformer for Speech
// Recognition") out of plain layers.
#ifndef MOBILEASR_LAYERS_CONFORMER_H_
#define MOBILEASR_LAYERS_CONFORMER_H_

#include "layers/layer.h"

namespace masr {

struct ConformerOptions {
  int64_t dim = 144;
  int64_t heads = 4;
  int64_t feed_forward = 576;  // inner width of the two half-step feed-forward modules
  int64_t conv_kernel = 31;    // odd
  bool conv_batch_norm =
      false;         // else layer norm: what trains well from scratch with small batches
  bool bias = true;  // of the products and of the depthwise convolution
  float dropout = 0.1f;
};
LayerPtr MakeConformerBlock(const ConformerOptions& options, ParameterTable& table);

// Convolutions of stride 2 over time and frequency, then a projection: a quarter of the frame rate
// with two of them.
struct SubsamplingOptions {
  int64_t channels = 144;
  int64_t dim = 144;
  // Convolutions after the first as depthwise + pointwise: an eighth of their products.
  bool separable = false;
  int64_t convolutions = 2;  // each halves the frame rate
  float dropout = 0.1f;
};
LayerPtr MakeConvSubsampling(int64_t mels, const SubsamplingOptions& options,
                             ParameterTable& table);

}  // namespace masr

#endif  // MOBILEASR_LAYERS_CONFORMER_H_
