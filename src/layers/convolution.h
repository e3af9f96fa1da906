// Convolutions over time (1-D) and over time and frequency (2-D), full and depthwise.
#ifndef MOBILEASR_LAYERS_CONVOLUTION_H_
#define MOBILEASR_LAYERS_CONVOLUTION_H_

#include "kernels/conv1d.h"
#include "kernels/conv2d.h"
#include "layers/layer.h"

namespace masr {

struct Conv1dOptions {
  int64_t out_channels = 0;  // ignored if depthwise
  Conv1dShape shape;
  bool depthwise = false;
  int64_t groups = 1;  // divides both widths; ignored if depthwise
  // As many frames out as in for an even kernel too: padded by half of it on either side it would
  // give one more, the last, which is left out.
  bool drop_last_frame = false;
  bool bias = true;
};
LayerPtr MakeConv1d(int64_t in_dim, const Conv1dOptions& options, ParameterTable& table);

struct Conv2dOptions {
  Conv2dShape shape;  // a row of the input is in_bins * in_channels
  bool depthwise = false;
  bool bias = true;
  Init init = Init::kReluFanIn;
};
LayerPtr MakeConv2d(const Conv2dOptions& options, ParameterTable& table);

}  // namespace masr

#endif  // MOBILEASR_LAYERS_CONVOLUTION_H_
