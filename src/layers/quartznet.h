// QuartzNet (Kriman et al., 2020): residual blocks of time-channel separable convolutions.
#ifndef MOBILEASR_LAYERS_QUARTZNET_H_
#define MOBILEASR_LAYERS_QUARTZNET_H_

#include "layers/layer.h"

namespace masr {

struct QuartzNetBlockOptions {
  int64_t out_channels = 256;
  int64_t kernel = 33;  // odd
  int64_t repeat = 5;   // separable convolutions in the block
  int64_t stride = 1;   // of the first one, or of the last
  bool stride_last = false;
  int64_t dilation = 1;
  bool residual = true;   // a pointwise shortcut around the block, of the same stride
  bool separable = true;  // else full convolutions
  int64_t squeeze = 0;    // inner width of a squeeze-and-excitation after the convolutions; 0: none
  float dropout = 0.0f;
};
LayerPtr MakeQuartzNetBlock(int64_t in_dim, const QuartzNetBlockOptions& options,
                            ParameterTable& table);

}  // namespace masr

#endif  // MOBILEASR_LAYERS_QUARTZNET_H_
