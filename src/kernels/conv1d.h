// One-dimensional convolution over time, channels last, each utterance padded with zeros on its
// own.
//
// For all: an utterance of t frames gives ConvOutputLength(t, ...) frames; out frame i sees input
// frames i * stride - padding + j * dilation, j in [0, kernel). `in_offsets` and `out_offsets` name
// the same utterances before and after.
#ifndef MOBILEASR_KERNELS_CONV1D_H_
#define MOBILEASR_KERNELS_CONV1D_H_

#include <cstdint>

#include "kernels/context.h"
#include "kernels/matmul.h"

namespace masr {

struct Conv1dShape {
  int64_t kernel = 1;
  int64_t stride = 1;
  int64_t padding = 0;  // zeros on either side
  int64_t dilation = 1;
};

// Frames out for frames in; 0 if the utterance is shorter than the receptive field.
constexpr int64_t ConvOutputLength(int64_t frames, const Conv1dShape& shape) {
  const int64_t span = frames + 2 * shape.padding - shape.dilation * (shape.kernel - 1) - 1;
  return span < 0 ? 0 : span / shape.stride + 1;
}

// Depthwise: one filter per channel. x [in rows, channels], w [channels, kernel], bias [channels]
// or null, y [out rows, channels].
//
// The window of one task has to fit into a thread's scratch; a layer refuses shapes that do not.
// All do with a kernel of at most 255, a stride of at most 4, a dilation of at most 64 and a
// receptive field, dilation * (kernel - 1) + 1, of at most 8192 frames.
bool DepthwiseConv1dFits(const Conv1dShape& shape);
void DepthwiseConv1dForward(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                            int64_t channels, const Conv1dShape& shape, const float* x,
                            const float* w, const float* bias, float* y);

// dx [in rows, channels], or null; dw [channels, kernel], dbias [channels] accumulate, or are null.
void DepthwiseConv1dBackward(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                             int64_t channels, const Conv1dShape& shape, const float* x,
                             const float* w, const float* dy, float* dx, float* dw, float* dbias);

// Full: x [in rows, in_channels]; w [out_channels, kernel * in_channels], the kernel's taps
// outermost (tap-major, channel-minor); bias [out_channels] or null; y [out rows, out_channels].
// `scratch` has Conv1dScratchFloats floats for that many out rows.
int64_t Conv1dScratchFloats(int64_t in_channels, const Conv1dShape& shape, int64_t out_rows);
void Conv1dForward(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                   int64_t in_channels, const Conv1dShape& shape, const float* x,
                   const WeightView& w, const float* bias, float* y, float* scratch);
void Conv1dBackward(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                    int64_t in_channels, const Conv1dShape& shape, const float* x,
                    const WeightView& w, const float* dy, float* dx, float* dw, float* dbias,
                    float* scratch);

}  // namespace masr

#endif  // MOBILEASR_KERNELS_CONV1D_H_
