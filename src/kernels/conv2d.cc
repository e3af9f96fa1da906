// Convolution as a product: the patch that an output position sees becomes a row of scratch.
#include "kernels/conv2d.h"

#include <algorithm>

#include "kernels/conv_taps.h"
#include "kernels/parallel.h"
#include "kernels/simd/conv2d_patches.h"

namespace masr {
namespace {

constexpr int64_t kPatchFloats =
    256 * 1024;                     // 1 MiB of patches: the packed weights serve many rows
constexpr int64_t kPatchRows = 64;  // or at least so many rows, where patches are long

int64_t PatchLength(const Conv2dShape& shape) { return shape.taps() * shape.in_channels; }

// Out frames whose patches are in scratch at a time.
int64_t FramesPerChunk(const Conv2dShape& shape) {
  const int64_t frame = shape.out_bins() * PatchLength(shape);
  return std::max({int64_t{1}, kPatchFloats / std::max<int64_t>(1, frame),
                   DivideRoundUp(kPatchRows, std::max<int64_t>(1, shape.out_bins()))});
}

// The utterance that a row of the packed batch belongs to; empty utterances own none.
size_t UtteranceOf(Offsets offsets, int64_t row) {
  return std::upper_bound(offsets.begin(), offsets.end(), row) - offsets.begin() - 1;
}

// patches [out_bins, taps * in_channels] of out frame `i`; x is its utterance.
void GatherFrame(const Conv2dShape& shape, int64_t i, int64_t in_frames, const float* x,
                 float* patches) {
  const int64_t channels = shape.in_channels;
  const int64_t length = PatchLength(shape);
  const TapRange time = TapsOfOutput(i, in_frames, shape.time);
  for (int64_t b = 0; b < shape.out_bins(); ++b) {
    const TapRange frequency = TapsOfOutput(b, shape.in_bins, shape.frequency);
    float* patch = patches + b * length;
    if (time.count * frequency.count < shape.taps()) std::fill_n(patch, length, 0.0f);
    for (int64_t t = 0; t < time.count; ++t) {
      const int64_t frame = time.position + t * time.position_step;
      const float* from = x + (frame * shape.in_bins + frequency.position) * channels;
      float* to = patch + ((time.tap + t) * shape.frequency.kernel + frequency.tap) * channels;
      if (shape.frequency.dilation == 1) {
        std::copy_n(from, frequency.count * channels, to);
        continue;
      }
      for (int64_t f = 0; f < frequency.count; ++f) {
        std::copy_n(from + f * frequency.position_step * channels, channels, to + f * channels);
      }
    }
  }
}

// The patches of out rows [begin, end) of the batch.
void GatherRows(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                const Conv2dShape& shape, const float* x, int64_t begin, int64_t end,
                float* patches) {
  const int64_t patches_per_row = shape.out_bins() * PatchLength(shape);
  const int64_t in_row = shape.in_bins * shape.in_channels;
  ParallelRows(context, end - begin, patches_per_row, [&](int64_t first, int64_t last, int) {
    for (int64_t r = first; r < last; ++r) {
      const size_t u = UtteranceOf(out_offsets, begin + r);
      GatherFrame(shape, begin + r - out_offsets[u], in_offsets[u + 1] - in_offsets[u],
                  x + in_offsets[u] * in_row, patches + r * patches_per_row);
    }
  });
}

// Adds the patches' gradients of out rows [begin, end) of the batch to dx: every in frame collects
// its own, so that frames can be shared out to threads.
void AddPatches(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                const Conv2dShape& shape, int64_t begin, int64_t end, const float* patches,
                float* dx) {
  const int64_t patches_per_row = shape.out_bins() * PatchLength(shape);
  const int64_t in_row = shape.in_bins * shape.in_channels;
  const Conv1dShape& time = shape.time;
  for (size_t u = UtteranceOf(out_offsets, begin); u + 1 < out_offsets.size(); ++u) {
    const int64_t first = std::max(begin, out_offsets[u]);
    const int64_t last = std::min(end, out_offsets[u + 1]);
    if (first >= last) continue;
    const int64_t out_begin = first - out_offsets[u];
    const int64_t out_end = last - out_offsets[u];
    // In frames that these out frames can see.
    const int64_t in_frames = in_offsets[u + 1] - in_offsets[u];
    const int64_t in_begin =
        std::clamp<int64_t>(out_begin * time.stride - time.padding, 0, in_frames);
    const int64_t in_end = std::clamp(
        (out_end - 1) * time.stride - time.padding + (time.kernel - 1) * time.dilation + 1,
        in_begin, in_frames);
    const float* from = patches + (first - begin) * patches_per_row;
    ParallelRows(context, in_end - in_begin, in_row, [&](int64_t row, int64_t row_end, int) {
      for (; row < row_end; ++row) {
        const int64_t frame = in_begin + row;
        AddPatchesToFrame(shape, frame, out_begin, out_end, from,
                          dx + (in_offsets[u] + frame) * in_row);
      }
    });
  }
}

}  // namespace

int64_t Conv2dScratchFloats(const Conv2dShape& shape, int64_t out_rows) {
  return std::min(FramesPerChunk(shape), out_rows) * shape.out_bins() * PatchLength(shape);
}

void Conv2dForward(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                   const Conv2dShape& shape, const float* x, const WeightView& w, const float* bias,
                   float* y, float* scratch) {
  const int64_t bins = shape.out_bins();
  const int64_t step = FramesPerChunk(shape);
  for (int64_t begin = 0; begin < out_offsets.back(); begin += step) {
    const int64_t end = std::min(out_offsets.back(), begin + step);
    GatherRows(context, in_offsets, out_offsets, shape, x, begin, end, scratch);
    MatmulNT(context, (end - begin) * bins, scratch, PatchLength(shape), w, bias,
             y + begin * bins * w.rows, w.rows);
  }
}

void Conv2dBackward(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                    const Conv2dShape& shape, const float* x, const WeightView& w, const float* dy,
                    float* dx, float* dw, float* dbias, float* scratch) {
  const int64_t length = PatchLength(shape);
  const int64_t bins = shape.out_bins();
  const int64_t step = FramesPerChunk(shape);
  const int64_t rows = out_offsets.back();
  if (dx != nullptr) {
    std::fill_n(dx, in_offsets.back() * shape.in_bins * shape.in_channels, 0.0f);
  }
  for (int64_t begin = 0; begin < rows; begin += step) {
    const int64_t end = std::min(rows, begin + step);
    const int64_t positions = (end - begin) * bins;
    const float* dy_rows = dy + begin * bins * w.rows;
    if (dw != nullptr) {
      GatherRows(context, in_offsets, out_offsets, shape, x, begin, end, scratch);
      MatmulTN(context, w.rows, length, positions, dy_rows, w.rows, scratch, length, dw, length,
               true);
    }
    if (dx != nullptr) {
      MatmulNN(context, positions, dy_rows, w.rows, w, scratch, length);
      AddPatches(context, in_offsets, out_offsets, shape, begin, end, scratch, dx);
    }
  }
  if (dbias != nullptr) AddColumnSums(context, rows * bins, w.rows, dy, dbias);
}

}  // namespace masr
