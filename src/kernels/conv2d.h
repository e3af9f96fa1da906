// Two-dimensional convolution over time and frequency, channels last: what subsampling front ends
// use.
//
// A frame is a row of bins * channels floats, bin-major: x[frame][bin][channel]. Time follows the
// batch's offsets (zeros outside each utterance); frequency is padded with zeros.
#ifndef MOBILEASR_KERNELS_CONV2D_H_
#define MOBILEASR_KERNELS_CONV2D_H_

#include <cstdint>

#include "kernels/context.h"
#include "kernels/conv1d.h"
#include "kernels/matmul.h"

namespace masr {

struct Conv2dShape {
  Conv1dShape time;
  Conv1dShape frequency;
  int64_t in_bins = 0;
  int64_t in_channels = 1;
  int64_t out_channels = 1;

  int64_t out_bins() const { return ConvOutputLength(in_bins, frequency); }
  int64_t taps() const { return time.kernel * frequency.kernel; }
};

// w [out_channels, time.kernel * frequency.kernel * in_channels]: time taps outermost, then
// frequency taps, then channels. bias [out_channels] or null. x [in rows, in_bins * in_channels], y
// [out rows, out_bins * out_channels]. Patches are gathered in chunks into `scratch`,
// Conv2dScratchFloats long for that many out rows.
int64_t Conv2dScratchFloats(const Conv2dShape& shape, int64_t out_rows);
void Conv2dForward(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                   const Conv2dShape& shape, const float* x, const WeightView& w, const float* bias,
                   float* y, float* scratch);

// dx may be null; dw like w and dbias accumulate, or are null.
void Conv2dBackward(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                    const Conv2dShape& shape, const float* x, const WeightView& w, const float* dy,
                    float* dx, float* dw, float* dbias, float* scratch);

// Depthwise: in_channels == out_channels, one filter per channel. w [taps, channels]. The taps of
// 16 channels have to fit into a thread's scratch; a layer refuses shapes that do not. All do with
// at most 12000 taps.
bool DepthwiseConv2dFits(const Conv2dShape& shape);
void DepthwiseConv2dForward(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                            const Conv2dShape& shape, const float* x, const float* w,
                            const float* bias, float* y);
void DepthwiseConv2dBackward(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                             const Conv2dShape& shape, const float* x, const float* w,
                             const float* dy, float* dx, float* dw, float* dbias);

}  // namespace masr

#endif  // MOBILEASR_KERNELS_CONV2D_H_
