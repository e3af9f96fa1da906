#include "kernels/conv1d.h"

#include <algorithm>

#include "kernels/conv2d.h"
#include "kernels/parallel.h"

namespace masr {
namespace {

constexpr int64_t kEdgeFrames = 64;  // out frames whose padded input is in scratch at a time

// The same convolution with one frequency bin.
Conv2dShape As2d(int64_t in_channels, const Conv1dShape& shape) {
  return {.time = shape, .frequency = {}, .in_bins = 1, .in_channels = in_channels};
}

bool IsPointwise(const Conv1dShape& shape) {
  return shape.kernel == 1 && shape.stride == 1 && shape.padding == 0;
}

int64_t EdgeRows(int64_t frames, const Conv1dShape& shape) {
  return (frames - 1) * shape.stride + shape.kernel;
}

// Without dilation, the patch of an out frame is a run of kernel * in_channels floats of the input,
// and patches are rows that overlap: stride * in_channels floats apart. Calls
// run(out_row, frames, patches) on pieces that cover the batch: the frames of an utterance that see
// no padding directly from x, the others from a padded copy in scratch.
template <class Run>
void ForEachRun(Offsets in_offsets, Offsets out_offsets, int64_t in_channels,
                const Conv1dShape& shape, const float* x, float* scratch, const Run& run) {
  for (size_t u = 0; u + 1 < in_offsets.size(); ++u) {
    const int64_t in_frames = in_offsets[u + 1] - in_offsets[u];
    const int64_t out_frames = out_offsets[u + 1] - out_offsets[u];
    const float* utterance = x + in_offsets[u] * in_channels;
    const int64_t inner_begin = std::min(out_frames, DivideRoundUp(shape.padding, shape.stride));
    const int64_t room = in_frames + shape.padding - shape.kernel;
    const int64_t inner_end =
        std::clamp(room < 0 ? 0 : room / shape.stride + 1, inner_begin, out_frames);
    for (int64_t i = 0; i < out_frames;) {
      const int64_t start = i * shape.stride - shape.padding;
      if (i >= inner_begin && i < inner_end) {
        run(out_offsets[u] + i, inner_end - i, utterance + start * in_channels);
        i = inner_end;
        continue;
      }
      const int64_t piece_end = i < inner_begin ? inner_begin : out_frames;
      const int64_t frames = std::min(kEdgeFrames, piece_end - i);
      const int64_t rows = EdgeRows(frames, shape);
      const int64_t begin = std::clamp<int64_t>(-start, 0, rows);
      const int64_t end = std::clamp<int64_t>(in_frames - start, begin, rows);
      std::fill_n(scratch, begin * in_channels, 0.0f);
      std::copy_n(utterance + (start + begin) * in_channels, (end - begin) * in_channels,
                  scratch + begin * in_channels);
      std::fill_n(scratch + end * in_channels, (rows - end) * in_channels, 0.0f);
      run(out_offsets[u] + i, frames, scratch);
      i += frames;
    }
  }
}

}  // namespace

int64_t Conv1dScratchFloats(int64_t in_channels, const Conv1dShape& shape, int64_t out_rows) {
  return std::max(Conv2dScratchFloats(As2d(in_channels, shape), out_rows),
                  EdgeRows(kEdgeFrames, shape) * in_channels);
}

void Conv1dForward(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                   int64_t in_channels, const Conv1dShape& shape, const float* x,
                   const WeightView& w, const float* bias, float* y, float* scratch) {
  if (IsPointwise(shape)) {
    return MatmulNT(context, in_offsets.back(), x, in_channels, w, bias, y, w.rows);
  }
  if (shape.dilation != 1) {
    return Conv2dForward(context, in_offsets, out_offsets, As2d(in_channels, shape), x, w, bias, y,
                         scratch);
  }
  ForEachRun(in_offsets, out_offsets, in_channels, shape, x, scratch,
             [&](int64_t row, int64_t frames, const float* patches) {
               MatmulNT(context, frames, patches, shape.stride * in_channels, w, bias,
                        y + row * w.rows, w.rows);
             });
}

void Conv1dBackward(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                    int64_t in_channels, const Conv1dShape& shape, const float* x,
                    const WeightView& w, const float* dy, float* dx, float* dw, float* dbias,
                    float* scratch) {
  const int64_t rows = out_offsets.back();
  const int64_t length = shape.kernel * in_channels;
  if (shape.dilation != 1 && !IsPointwise(shape)) {
    return Conv2dBackward(context, in_offsets, out_offsets, As2d(in_channels, shape), x, w, dy, dx,
                          dw, dbias, scratch);
  }
  if (dbias != nullptr) AddColumnSums(context, rows, w.rows, dy, dbias);
  if (IsPointwise(shape)) {
    if (dw != nullptr) {
      MatmulTN(context, w.rows, length, rows, dy, w.rows, x, in_channels, dw, length, true);
    }
    if (dx != nullptr) MatmulNN(context, rows, dy, w.rows, w, dx, in_channels);
    return;
  }
  if (dw != nullptr) {
    ForEachRun(in_offsets, out_offsets, in_channels, shape, x, scratch,
               [&](int64_t row, int64_t frames, const float* patches) {
                 MatmulTN(context, w.rows, length, frames, dy + row * w.rows, w.rows, patches,
                          shape.stride * in_channels, dw, length, true);
               });
  }
  if (dx != nullptr) {
    Conv2dBackward(context, in_offsets, out_offsets, As2d(in_channels, shape), x, w, dy, dx,
                   nullptr, nullptr, scratch);
  }
}

}  // namespace masr
