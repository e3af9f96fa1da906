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
#include <cstring>
#include <numeric>

#include "base/check.h"
#include "kernels/conv1d.h"
#include "kernels/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/depthwise_conv1d.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr size_t kPanelLanes = 16;
const hn::CappedTag<float, kPanelLanes> df;
using V = hn::Vec<decltype(df)>;

// Rows of panels: row i begins at data + i * step.
struct ConstRows {
  const float* data;
  int64_t step;
  HWY_INLINE V Row(int64_t i) const { return hn::Load(df, data + i * step); }
};

struct Rows {
  float* data;
  int64_t step;
  HWY_INLINE V Row(int64_t i) const { return hn::Load(df, data + i * step); }
  HWY_INLINE void SetRow(int64_t i, V v) const { hn::Store(v, df, data + i * step); }
};

// Every output adds its taps one after the other, in both blocks: which block an output falls into
// does not change its bits.
HWY_INLINE void CorrelateBlock8(int64_t taps, ConstRows x, ConstRows w, Rows y) {
  V y0 = y.Row(0), y1 = y.Row(1), y2 = y.Row(2), y3 = y.Row(3);
  V y4 = y.Row(4), y5 = y.Row(5), y6 = y.Row(6), y7 = y.Row(7);
  int64_t q = 0;
  for (; q + 4 <= taps; q += 4) {
    const V w0 = w.Row(q), w1 = w.Row(q + 1), w2 = w.Row(q + 2), w3 = w.Row(q + 3);
    V row = x.Row(q);
    y0 = hn::MulAdd(w0, row, y0);
    row = x.Row(q + 1);
    y0 = hn::MulAdd(w1, row, y0);
    y1 = hn::MulAdd(w0, row, y1);
    row = x.Row(q + 2);
    y0 = hn::MulAdd(w2, row, y0);
    y1 = hn::MulAdd(w1, row, y1);
    y2 = hn::MulAdd(w0, row, y2);
    row = x.Row(q + 3);
    y0 = hn::MulAdd(w3, row, y0);
    y1 = hn::MulAdd(w2, row, y1);
    y2 = hn::MulAdd(w1, row, y2);
    y3 = hn::MulAdd(w0, row, y3);
    row = x.Row(q + 4);
    y1 = hn::MulAdd(w3, row, y1);
    y2 = hn::MulAdd(w2, row, y2);
    y3 = hn::MulAdd(w1, row, y3);
    y4 = hn::MulAdd(w0, row, y4);
    row = x.Row(q + 5);
    y2 = hn::MulAdd(w3, row, y2);
    y3 = hn::MulAdd(w2, row, y3);
    y4 = hn::MulAdd(w1, row, y4);
    y5 = hn::MulAdd(w0, row, y5);
    row = x.Row(q + 6);
    y3 = hn::MulAdd(w3, row, y3);
    y4 = hn::MulAdd(w2, row, y4);
    y5 = hn::MulAdd(w1, row, y5);
    y6 = hn::MulAdd(w0, row, y6);
    row = x.Row(q + 7);
    y4 = hn::MulAdd(w3, row, y4);
    y5 = hn::MulAdd(w2, row, y5);
    y6 = hn::MulAdd(w1, row, y6);
    y7 = hn::MulAdd(w0, row, y7);
    row = x.Row(q + 8);
    y5 = hn::MulAdd(w3, row, y5);
    y6 = hn::MulAdd(w2, row, y6);
    y7 = hn::MulAdd(w1, row, y7);
    row = x.Row(q + 9);
    y6 = hn::MulAdd(w3, row, y6);
    y7 = hn::MulAdd(w2, row, y7);
    row = x.Row(q + 10);
    y7 = hn::MulAdd(w3, row, y7);
  }
  for (; q < taps; ++q) {
    const V tap = w.Row(q);
    y0 = hn::MulAdd(tap, x.Row(q), y0);
    y1 = hn::MulAdd(tap, x.Row(q + 1), y1);
    y2 = hn::MulAdd(tap, x.Row(q + 2), y2);
    y3 = hn::MulAdd(tap, x.Row(q + 3), y3);
    y4 = hn::MulAdd(tap, x.Row(q + 4), y4);
    y5 = hn::MulAdd(tap, x.Row(q + 5), y5);
    y6 = hn::MulAdd(tap, x.Row(q + 6), y6);
    y7 = hn::MulAdd(tap, x.Row(q + 7), y7);
  }
  y.SetRow(0, y0);
  y.SetRow(1, y1);
  y.SetRow(2, y2);
  y.SetRow(3, y3);
  y.SetRow(4, y4);
  y.SetRow(5, y5);
  y.SetRow(6, y6);
  y.SetRow(7, y7);
}

HWY_INLINE void CorrelateBlock4(int64_t taps, ConstRows x, ConstRows w, Rows y) {
  V y0 = y.Row(0), y1 = y.Row(1), y2 = y.Row(2), y3 = y.Row(3);
  for (int64_t q = 0; q < taps; ++q) {
    const V tap = w.Row(q);
    y0 = hn::MulAdd(tap, x.Row(q), y0);
    y1 = hn::MulAdd(tap, x.Row(q + 1), y1);
    y2 = hn::MulAdd(tap, x.Row(q + 2), y2);
    y3 = hn::MulAdd(tap, x.Row(q + 3), y3);
  }
  y.SetRow(0, y0);
  y.SetRow(1, y1);
  y.SetRow(2, y2);
  y.SetRow(3, y3);
}

// y[f] += sum over q in [0, taps) of w[q] * x[f + q], for f in [0, outputs) and up to three more.
void Correlate(int64_t outputs, int64_t taps, const float* x, int64_t x_step, const float* w,
               int64_t w_step, float* y, int64_t y_step) {
  for (size_t c = 0; c < kPanelLanes; c += hn::Lanes(df)) {
    for (int64_t f = 0; f < outputs;) {
      const ConstRows x_rows{x + f * x_step + c, x_step};
      const ConstRows w_rows{w + c, w_step};
      const Rows y_rows{y + f * y_step + c, y_step};
      if (f + 4 < outputs) {
        CorrelateBlock8(taps, x_rows, w_rows, y_rows);
        f += 8;
      } else {
        CorrelateBlock4(taps, x_rows, w_rows, y_rows);
        f += 4;
      }
    }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace masr
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace masr {
namespace {

HWY_EXPORT(Correlate);

constexpr int64_t kPanel = 16;  // channels of a task: one cache line of a row
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

// Panels of rows of kPanel floats, one after the other in a thread's scratch.
class PanelScratch {
 public:
  explicit PanelScratch(std::span<float> memory) : memory_(memory) {}
  float* Take(int64_t rows) {
    MASR_DCHECK(static_cast<size_t>(rows * kPanel) <= memory_.size());
    float* panel = memory_.data();
    memory_ = memory_.subspan(rows * kPanel);
    return panel;
  }

 private:
  std::span<float> memory_;
};

void ZeroRows(float* panel, int64_t rows) { std::fill_n(panel, rows * kPanel, 0.0f); }

// Copies the first row into the others; doubling makes few and long copies.
void RepeatFirstRow(float* panel, int64_t rows) {
  for (int64_t done = 1; done < rows; done *= 2) {
    std::copy_n(panel, std::min(done, rows - done) * kPanel, panel + done * kPanel);
  }
}

// What of a [rows, channels] matrix belongs to one panel.
struct PanelColumns {
  PanelColumns(int64_t panel, int64_t all_channels)
      : begin(panel * kPanel),
        count(std::min(kPanel, all_channels - begin)),
        stride(all_channels) {}
  int64_t begin;
  int64_t count;
  int64_t stride;
};

// panel[0, rows) = the utterance's rows [first, first + rows), zeros outside of [0, frames).
void ReadRows(const float* utterance, int64_t frames, PanelColumns columns, int64_t first,
              int64_t rows, float* panel) {
  const int64_t begin = std::clamp<int64_t>(-first, 0, rows);
  const int64_t end = std::clamp<int64_t>(frames - first, begin, rows);
  ZeroRows(panel, begin);
  const float* from = utterance + (first + begin) * columns.stride + columns.begin;
  if (columns.count == kPanel) {
    for (int64_t r = begin; r < end; ++r, from += columns.stride) {
      std::memcpy(panel + r * kPanel, from, kPanel * sizeof(float));
    }
  } else {
    ZeroRows(panel + begin * kPanel, end - begin);
    for (int64_t r = begin; r < end; ++r, from += columns.stride) {
      std::copy_n(from, columns.count, panel + r * kPanel);
    }
  }
  ZeroRows(panel + end * kPanel, rows - end);
}

void WriteRows(const float* panel, int64_t rows, PanelColumns columns, float* first_row) {
  float* to = first_row + columns.begin;
  if (columns.count == kPanel) {
    for (int64_t r = 0; r < rows; ++r, to += columns.stride) {
      std::memcpy(to, panel + r * kPanel, kPanel * sizeof(float));
    }
  } else {
    for (int64_t r = 0; r < rows; ++r, to += columns.stride) {
      std::copy_n(panel + r * kPanel, columns.count, to);
    }
  }
}

// panel[tap][channel] = w[channel][tap].
void ReadTaps(const float* w, int64_t kernel, PanelColumns columns, float* panel) {
  if (columns.count < kPanel) ZeroRows(panel, kernel);
  for (int64_t c = 0; c < columns.count; ++c) {
    const float* from = w + (columns.begin + c) * kernel;
    for (int64_t j = 0; j < kernel; ++j) panel[j * kPanel + c] = from[j];
  }
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
  const int64_t reach = (dw_rows - 1) * shape.dilation + 1;
  const int64_t work = out_offsets.back() * channels;
  ParallelTasks(context, DivideRoundUp(channels, kPanel), work, [&](int64_t index, int thread) {
    const PanelColumns columns(index, channels);
    PanelScratch scratch(context.threads.Scratch(thread));
    float* dw_panel = scratch.Take(dw_rows);
    float* bias_panel = scratch.Take(1 + kSpare);
    float* ones = scratch.Take(1);
    float* dy_panel = scratch.Take(kGradientChunk + kSpare);
    float* x_panel = scratch.Take((kGradientChunk - 1) * shape.stride + reach);
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
                 begin * shape.stride - shape.padding, (frames - 1) * shape.stride + reach,
                 x_panel);
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

void DepthwiseConv1dForward(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                            int64_t channels, const Conv1dShape& shape, const float* x,
                            const float* w, const float* bias, float* y) {
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
                  const int64_t x_rows =
                      (y_rows - 1) * shape.stride + (shape.kernel - 1) * shape.dilation + 1;

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
  if (dw != nullptr || dbias != nullptr) {
    ParameterGradient(context, in_offsets, out_offsets, channels, shape, x, dy, dw, dbias);
  }
  if (dx != nullptr) {
    InputGradient(context, in_offsets, out_offsets, channels, shape, w, dy, dx);
  }
}

}  // namespace masr
#endif  // HWY_ONCE
