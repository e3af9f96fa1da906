#include "kernels/grouped_conv1d.h"

#include <algorithm>

#include "kernels/parallel.h"

namespace masr {
namespace {

// Rows [rows, width] to rows that lie `to_stride` apart, from rows that lie `from_stride` apart.
void CopyColumns(const KernelContext& context, int64_t rows, int64_t width, const float* from,
                 int64_t from_stride, float* to, int64_t to_stride) {
  ParallelRows(context, rows, width, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      std::copy_n(from + r * from_stride, width, to + r * to_stride);
    }
  });
}

WeightView RowsOf(const WeightView& w, int64_t begin, int64_t count) {
  WeightView rows = w;
  const int64_t bytes = w.type == WeightType::kF32 ? 4 : w.type == WeightType::kBf16 ? 2 : 1;
  rows.data = static_cast<const char*>(w.data) + begin * w.stride * bytes;
  if (w.scales != nullptr) rows.scales = w.scales + begin;
  rows.rows = count;
  return rows;
}

}  // namespace

int64_t GroupedConv1dScratchFloats(int64_t in_channels, int64_t out_channels, int64_t groups,
                                   const Conv1dShape& shape, int64_t in_rows, int64_t out_rows) {
  // The group's input, its gradient in the same place, its output, and what one convolution needs.
  return in_rows * (in_channels / groups) + out_rows * (out_channels / groups) +
         Conv1dScratchFloats(in_channels / groups, shape, out_rows);
}

void GroupedConv1dForward(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                          int64_t in_channels, int64_t groups, const Conv1dShape& shape,
                          const float* x, const WeightView& w, const float* bias, float* y,
                          float* scratch) {
  const int64_t in = in_channels / groups;
  const int64_t out = w.rows / groups;
  float* group_x = scratch;
  float* group_y = group_x + in_offsets.back() * in;
  float* rest = group_y + out_offsets.back() * out;
  for (int64_t g = 0; g < groups; ++g) {
    CopyColumns(context, in_offsets.back(), in, x + g * in, in_channels, group_x, in);
    Conv1dForward(context, in_offsets, out_offsets, in, shape, group_x, RowsOf(w, g * out, out),
                  bias == nullptr ? nullptr : bias + g * out, group_y, rest);
    CopyColumns(context, out_offsets.back(), out, group_y, out, y + g * out, w.rows);
  }
}

void GroupedConv1dBackward(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                           int64_t in_channels, int64_t groups, const Conv1dShape& shape,
                           const float* x, const WeightView& w, const float* dy, float* dx,
                           float* dw, float* dbias, float* scratch) {
  const int64_t in = in_channels / groups;
  const int64_t out = w.rows / groups;
  float* group_x = scratch;
  float* group_dy = group_x + in_offsets.back() * in;
  float* rest = group_dy + out_offsets.back() * out;
  for (int64_t g = 0; g < groups; ++g) {
    const WeightView weight = RowsOf(w, g * out, out);
    CopyColumns(context, out_offsets.back(), out, dy + g * out, w.rows, group_dy, out);
    if (dw != nullptr || dbias != nullptr) {
      if (dw != nullptr) {
        CopyColumns(context, in_offsets.back(), in, x + g * in, in_channels, group_x, in);
      }
      Conv1dBackward(context, in_offsets, out_offsets, in, shape, group_x, weight, group_dy,
                     /*dx=*/nullptr, dw == nullptr ? nullptr : dw + g * out * w.cols,
                     dbias == nullptr ? nullptr : dbias + g * out, rest);
    }
    if (dx == nullptr) continue;
    // x is done with: its gradient takes its place.
    Conv1dBackward(context, in_offsets, out_offsets, in, shape, /*x=*/nullptr, weight, group_dy,
                   group_x, /*dw=*/nullptr, /*dbias=*/nullptr, rest);
    CopyColumns(context, in_offsets.back(), in, group_x, in, dx + g * in, in_channels);
  }
}

}  // namespace masr
