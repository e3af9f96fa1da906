// One correlation does the forward pass and both gradients, because with a = dilation / g,
// b = stride / g, g = gcd(stride, dilation), the input row of out frame i0 + a f and tap p + b q is
// i0 * stride + p * dilation + (f + q) * (a * stride): a function of f + q. Frames that are a apart
// and taps that are b apart therefore form an ordinary dense correlation,
//   y[f]  += sum over q of w[q] * x[f + q]           (forward),
//   dx[f] += sum over q of flipped w[q] * dy[f + q]  (input gradient, by gathering),
//   dw[q] += sum over f of dy[f] * x[q + f]          (weight gradient),
// in which a block of outputs stays in registers, and each row loaded serves several taps.
//
// The work is cut into panels of 16 channels, copied into the thread's scratch with the zeros of
// the padding in place: a row is one cache line, and the inner loops know no borders.
#include <algorithm>
#include <cstdint>
#include <numeric>

#include "base/check.h"
#include "kernels/conv1d.h"
#include "kernels/parallel.h"
#include "kernels/simd/depthwise_panels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/depthwise_conv1d.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/highway.h"
#include "kernels/simd/correlate-inl.h"

#if HWY_ONCE
namespace masr {
namespace {

HWY_EXPORT(Correlate);

using depthwise::kPanel;
using depthwise::PanelColumns;
using depthwise::PanelScratch;
using depthwise::ReadRows;
using depthwise::ReadTaps;
using depthwise::RepeatFirstRow;
using depthwise::WriteRows;
using depthwise::ZeroRows;

// Frames of a task: its rows, halo and taps fit into L2, and a long utterance makes several tasks.
constexpr int64_t kChunk = 256;
// The weight gradient runs through a chunk for every block of taps: it has to stay in L1.
constexpr int64_t kGradientChunk = 128;
// Correlate may compute this many more outputs than asked for: rows to keep free behind them.
constexpr int64_t kSpare = 3;

int64_t FloorDivide(int64_t a, int64_t b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

// Frames that are frame_step apart and taps that are tap_step apart share rows row_step apart.
struct Lattice {
  explicit Lattice(const Conv1dShape& shape)
      : frame_step(shape.dilation / std::gcd(shape.stride, shape.dilation)),
        tap_step(shape.stride / std::gcd(shape.stride, shape.dilation)),
        row_step(frame_step * shape.stride) {}
  int64_t frame_step;
  int64_t tap_step;
  int64_t row_step;
};

// Input frames that `outputs` of a filter of `taps` taps see.
int64_t InputSpan(const Conv1dShape& shape, int64_t outputs, int64_t taps) {
  return (outputs - 1) * shape.stride + (taps - 1) * shape.dilation + 1;
}

// The most that one task takes from its scratch.
int64_t ForwardRows(const Conv1dShape& shape) {
  const int64_t y_rows = kChunk + kSpare * Lattice(shape).frame_step;
  return shape.kernel + y_rows + InputSpan(shape, y_rows, shape.kernel);
}

int64_t InputGradientRows(const Conv1dShape& shape) {
  const int64_t dx_rows = kChunk + kSpare * Lattice(shape).row_step;
  const int64_t reach = (shape.kernel - 1) * shape.dilation;
  return shape.kernel + dx_rows + (dx_rows + reach) / shape.stride + 2;
}

int64_t ParameterGradientRows(const Conv1dShape& shape) {
  const int64_t dw_rows = shape.kernel + kSpare * Lattice(shape).tap_step;
  return dw_rows + 1 + kSpare + 1 + kGradientChunk + kSpare +
         InputSpan(shape, kGradientChunk, dw_rows);
}

void InputGradient(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                   int64_t channels, const Conv1dShape& shape, const float* w, const float* dy,
                   float* dx) {
  const Lattice lattice(shape);
  const int64_t panels = DivideRoundUp(channels, kPanel);
  const int64_t work = in_offsets.back() * channels;
  ParallelTasks(
      context, CountChunks(in_offsets, kChunk) * panels, work, [&](int64_t index, int thread) {
        const UtteranceChunk chunk = FindChunk(in_offsets, kChunk, index / panels);
        const PanelColumns columns(index % panels, channels);
        const int64_t out_begin = out_offsets[chunk.utterance];
        const int64_t out_frames = out_offsets[chunk.utterance + 1] - out_begin;
        const int64_t rows = chunk.end - chunk.begin;
        const int64_t dx_rows = rows + kSpare * lattice.row_step;
        const int64_t reach = (shape.kernel - 1) * shape.dilation;
        const int64_t first = FloorDivide(chunk.begin + shape.padding - reach, shape.stride);
        const int64_t last = FloorDivide(chunk.begin + dx_rows + shape.padding, shape.stride);
        const int64_t dy_rows = last - first + 1;

        PanelScratch scratch(context.threads.Scratch(thread));
        float* taps = scratch.Take(shape.kernel);
        float* dx_panel = scratch.Take(dx_rows);
        float* dy_panel = scratch.Take(dy_rows);
        ReadTaps(w, shape.kernel, columns, taps);
        ZeroRows(dx_panel, dx_rows);
        ReadRows(dy + out_begin * channels, out_frames, columns, first, dy_rows, dy_panel);
        for (int64_t r = 0; r < std::min(rows, lattice.row_step); ++r) {
          // The taps that land on this row from a whole frame are tap_step apart.
          const int64_t position = chunk.begin + r + shape.padding;
          int64_t tap = 0;
          while (tap < lattice.tap_step && (position - tap * shape.dilation) % shape.stride != 0)
            ++tap;
          if (tap == lattice.tap_step || tap >= shape.kernel) continue;
          const int64_t count = DivideRoundUp(shape.kernel - tap, lattice.tap_step);
          const int64_t last_tap = tap + (count - 1) * lattice.tap_step;
          const int64_t frame = FloorDivide(position - last_tap * shape.dilation, shape.stride);
          HWY_DYNAMIC_DISPATCH(Correlate)
          (DivideRoundUp(rows - r, lattice.row_step), count, dy_panel + (frame - first) * kPanel,
           lattice.frame_step * kPanel, taps + last_tap * kPanel, -lattice.tap_step * kPanel,
           dx_panel + r * kPanel, lattice.row_step * kPanel);
        }
        WriteRows(dx_panel, rows, columns,
                  dx + (in_offsets[chunk.utterance] + chunk.begin) * channels);
      });
}

// dw_panel [kernel + spare rows] += one chunk's part.
void AddTapGradient(const Conv1dShape& shape, const Lattice& lattice, int64_t frames,
                    const float* x_panel, const float* dy_panel, float* dw_panel) {
  for (int64_t i = 0; i < std::min(frames, lattice.frame_step); ++i) {
    for (int64_t p = 0; p < std::min(shape.kernel, lattice.tap_step); ++p) {
      HWY_DYNAMIC_DISPATCH(Correlate)
      (DivideRoundUp(shape.kernel - p, lattice.tap_step),
       DivideRoundUp(frames - i, lattice.frame_step),
       x_panel + (i * shape.stride + p * shape.dilation) * kPanel, lattice.row_step * kPanel,
       dy_panel + i * kPanel, lattice.frame_step * kPanel, dw_panel + p * kPanel,
       lattice.tap_step * kPanel);
    }
  }
}

// A task owns its channels and walks all frames in order: the sum's order is fixed.
void ParameterGradient(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                       int64_t channels, const Conv1dShape& shape, const float* x, const float* dy,
                       float* dw, float* dbias) {
  const Lattice lattice(shape);
  const int64_t dw_rows = shape.kernel + kSpare * lattice.tap_step;
  const int64_t work = out_offsets.back() * channels;
  ParallelTasks(context, DivideRoundUp(channels, kPanel), work, [&](int64_t index, int thread) {
    const PanelColumns columns(index, channels);
    PanelScratch scratch(context.threads.Scratch(thread));
    float* dw_panel = scratch.Take(dw_rows);
    float* bias_panel = scratch.Take(1 + kSpare);
    float* ones = scratch.Take(1);
    float* dy_panel = scratch.Take(kGradientChunk + kSpare);
    float* x_panel = scratch.Take(InputSpan(shape, kGradientChunk, dw_rows));
    ZeroRows(dw_panel, dw_rows);
    ZeroRows(bias_panel, 1 + kSpare);
    std::fill_n(ones, kPanel, 1.0f);
    for (size_t u = 0; u + 1 < out_offsets.size(); ++u) {
      const int64_t in_frames = in_offsets[u + 1] - in_offsets[u];
      const int64_t out_frames = out_offsets[u + 1] - out_offsets[u];
      for (int64_t begin = 0; begin < out_frames; begin += kGradientChunk) {
        const int64_t frames = std::min(kGradientChunk, out_frames - begin);
        ReadRows(dy + out_offsets[u] * channels, out_frames, columns, begin, frames + kSpare,
                 dy_panel);
        if (dbias != nullptr) {
          HWY_DYNAMIC_DISPATCH(Correlate)
          (1, frames, dy_panel, kPanel, ones, 0, bias_panel, kPanel);
        }
        if (dw == nullptr) continue;
        ReadRows(x + in_offsets[u] * channels, in_frames, columns,
                 begin * shape.stride - shape.padding, InputSpan(shape, frames, dw_rows), x_panel);
        AddTapGradient(shape, lattice, frames, x_panel, dy_panel, dw_panel);
      }
    }
    for (int64_t c = 0; c < columns.count; ++c) {
      const int64_t channel = columns.begin + c;
      for (int64_t j = 0; dw != nullptr && j < shape.kernel; ++j) {
        dw[channel * shape.kernel + j] += dw_panel[j * kPanel + c];
      }
      if (dbias != nullptr) dbias[channel] += bias_panel[c];
    }
  });
}

}  // namespace

bool DepthwiseConv1dFits(const Conv1dShape& shape) {
  const int64_t rows =
      std::max({ForwardRows(shape), InputGradientRows(shape), ParameterGradientRows(shape)});
  return rows * kPanel <= static_cast<int64_t>(ThreadPool::kScratchFloats);
}

void DepthwiseConv1dForward(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                            int64_t channels, const Conv1dShape& shape, const float* x,
                            const float* w, const float* bias, float* y) {
  MASR_DCHECK(DepthwiseConv1dFits(shape));
  const Lattice lattice(shape);
  const int64_t panels = DivideRoundUp(channels, kPanel);
  const int64_t work = out_offsets.back() * channels;
  ParallelTasks(context, CountChunks(out_offsets, kChunk) * panels, work,
                [&](int64_t index, int thread) {
                  const UtteranceChunk chunk = FindChunk(out_offsets, kChunk, index / panels);
                  const PanelColumns columns(index % panels, channels);
                  const int64_t in_begin = in_offsets[chunk.utterance];
                  const int64_t in_frames = in_offsets[chunk.utterance + 1] - in_begin;
                  const int64_t frames = chunk.end - chunk.begin;
                  const int64_t y_rows = frames + kSpare * lattice.frame_step;
                  const int64_t x_rows = InputSpan(shape, y_rows, shape.kernel);

                  PanelScratch scratch(context.threads.Scratch(thread));
                  float* taps = scratch.Take(shape.kernel);
                  float* y_panel = scratch.Take(y_rows);
                  float* x_panel = scratch.Take(x_rows);
                  ReadTaps(w, shape.kernel, columns, taps);
                  ZeroRows(y_panel, 1);
                  if (bias != nullptr) std::copy_n(bias + columns.begin, columns.count, y_panel);
                  RepeatFirstRow(y_panel, y_rows);
                  ReadRows(x + in_begin * channels, in_frames, columns,
                           chunk.begin * shape.stride - shape.padding, x_rows, x_panel);
                  for (int64_t i = 0; i < std::min(frames, lattice.frame_step); ++i) {
                    for (int64_t p = 0; p < std::min(shape.kernel, lattice.tap_step); ++p) {
                      HWY_DYNAMIC_DISPATCH(Correlate)
                      (DivideRoundUp(frames - i, lattice.frame_step),
                       DivideRoundUp(shape.kernel - p, lattice.tap_step),
                       x_panel + (i * shape.stride + p * shape.dilation) * kPanel,
                       lattice.row_step * kPanel, taps + p * kPanel, lattice.tap_step * kPanel,
                       y_panel + i * kPanel, lattice.frame_step * kPanel);
                    }
                  }
                  WriteRows(y_panel, frames, columns,
                            y + (out_offsets[chunk.utterance] + chunk.begin) * channels);
                });
}

void DepthwiseConv1dBackward(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                             int64_t channels, const Conv1dShape& shape, const float* x,
                             const float* w, const float* dy, float* dx, float* dw, float* dbias) {
  MASR_DCHECK(DepthwiseConv1dFits(shape));
  if (dw != nullptr || dbias != nullptr) {
    ParameterGradient(context, in_offsets, out_offsets, channels, shape, x, dy, dw, dbias);
  }
  if (dx != nullptr) {
    InputGradient(context, in_offsets, out_offsets, channels, shape, w, dy, dx);
  }
}

}  // namespace masr
#endif  // HWY_ONCE
