// Convolution over time whose channels are in groups that do not see each other (Krizhevsky et al.,
// 2012). With one group it is Conv1d, with as many as channels the depthwise one; this is for what
// lies between, such as the positional convolution of wav2vec 2.0 (Baevski et al., 2020).
#ifndef MOBILEASR_KERNELS_GROUPED_CONV1D_H_
#define MOBILEASR_KERNELS_GROUPED_CONV1D_H_

#include <cstdint>

#include "kernels/conv1d.h"

namespace masr {

// x [in rows, in_channels]; w [out_channels, kernel * in_channels / groups], taps outermost, whose
// rows are those of the groups in turn; bias [out_channels] or null; y [out rows, out_channels].
// `groups` divides both widths. Utterances may give fewer frames than ConvOutputLength: the last
// ones are then not computed. `scratch` has GroupedConv1dScratchFloats floats, for both passes.
int64_t GroupedConv1dScratchFloats(int64_t in_channels, int64_t out_channels, int64_t groups,
                                   const Conv1dShape& shape, int64_t in_rows, int64_t out_rows);
void GroupedConv1dForward(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                          int64_t in_channels, int64_t groups, const Conv1dShape& shape,
                          const float* x, const WeightView& w, const float* bias, float* y,
                          float* scratch);

// dx [in rows, in_channels] written, or null; dw, dbias accumulate, or are null. x is read only for
// dw.
void GroupedConv1dBackward(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                           int64_t in_channels, int64_t groups, const Conv1dShape& shape,
                           const float* x, const WeightView& w, const float* dy, float* dx,
                           float* dw, float* dbias, float* scratch);

}  // namespace masr

#endif  // MOBILEASR_KERNELS_GROUPED_CONV1D_H_
