#include "kernels/reference/conv1d.h"

#include <algorithm>

namespace masr::reference {
namespace {

// Calls visit(out_row, in_row, tap) for all that meet; rows count in the packed batch.
template <class Visit>
void ForEachMeeting(Offsets in_offsets, Offsets out_offsets, const Conv1dShape& shape,
                    const Visit& visit) {
  for (size_t u = 0; u + 1 < in_offsets.size(); ++u) {
    for (int64_t i = 0; i < out_offsets[u + 1] - out_offsets[u]; ++i) {
      for (int64_t tap = 0; tap < shape.kernel; ++tap) {
        const int64_t frame = i * shape.stride - shape.padding + tap * shape.dilation;
        if (frame < 0 || frame >= in_offsets[u + 1] - in_offsets[u]) continue;
        visit(out_offsets[u] + i, in_offsets[u] + frame, tap);
      }
    }
  }
}

void FillWithBias(int64_t rows, int64_t channels, const double* bias, double* y) {
  for (int64_t i = 0; i < rows * channels; ++i) {
    y[i] = bias != nullptr ? bias[i % channels] : 0.0;
  }
}

}  // namespace

void DepthwiseConv1dForward(Offsets in_offsets, Offsets out_offsets, int64_t channels,
                            const Conv1dShape& shape, const double* x, const double* w,
                            const double* bias, double* y) {
  FillWithBias(out_offsets.back(), channels, bias, y);
  ForEachMeeting(in_offsets, out_offsets, shape, [&](int64_t out, int64_t in, int64_t tap) {
    for (int64_t c = 0; c < channels; ++c) {
      y[out * channels + c] += w[c * shape.kernel + tap] * x[in * channels + c];
    }
  });
}

void DepthwiseConv1dBackward(Offsets in_offsets, Offsets out_offsets, int64_t channels,
                             const Conv1dShape& shape, const double* x, const double* w,
                             const double* dy, double* dx, double* dw, double* dbias) {
  std::fill_n(dx, in_offsets.back() * channels, 0.0);
  ForEachMeeting(in_offsets, out_offsets, shape, [&](int64_t out, int64_t in, int64_t tap) {
    for (int64_t c = 0; c < channels; ++c) {
      dx[in * channels + c] += w[c * shape.kernel + tap] * dy[out * channels + c];
      dw[c * shape.kernel + tap] += x[in * channels + c] * dy[out * channels + c];
    }
  });
  for (int64_t i = 0; i < out_offsets.back() * channels; ++i) dbias[i % channels] += dy[i];
}

void Conv1dForward(Offsets in_offsets, Offsets out_offsets, int64_t in_channels,
                   int64_t out_channels, const Conv1dShape& shape, const double* x, const double* w,
                   const double* bias, double* y) {
  FillWithBias(out_offsets.back(), out_channels, bias, y);
  ForEachMeeting(in_offsets, out_offsets, shape, [&](int64_t out, int64_t in, int64_t tap) {
    for (int64_t o = 0; o < out_channels; ++o) {
      for (int64_t c = 0; c < in_channels; ++c) {
        y[out * out_channels + o] +=
            w[(o * shape.kernel + tap) * in_channels + c] * x[in * in_channels + c];
      }
    }
  });
}

void Conv1dBackward(Offsets in_offsets, Offsets out_offsets, int64_t in_channels,
                    int64_t out_channels, const Conv1dShape& shape, const double* x,
                    const double* w, const double* dy, double* dx, double* dw, double* dbias) {
  std::fill_n(dx, in_offsets.back() * in_channels, 0.0);
  ForEachMeeting(in_offsets, out_offsets, shape, [&](int64_t out, int64_t in, int64_t tap) {
    for (int64_t o = 0; o < out_channels; ++o) {
      const double g = dy[out * out_channels + o];
      for (int64_t c = 0; c < in_channels; ++c) {
        const int64_t weight = (o * shape.kernel + tap) * in_channels + c;
        dx[in * in_channels + c] += w[weight] * g;
        dw[weight] += x[in * in_channels + c] * g;
      }
    }
  });
  for (int64_t i = 0; i < out_offsets.back() * out_channels; ++i) dbias[i % out_channels] += dy[i];
}

// Output channel o and input channel c meet where both are in the same group; c counts inside it.
void GroupedConv1dForward(Offsets in_offsets, Offsets out_offsets, int64_t in_channels,
                          int64_t out_channels, int64_t groups, const Conv1dShape& shape,
                          const double* x, const double* w, const double* bias, double* y) {
  const int64_t in_width = in_channels / groups;
  const int64_t out_width = out_channels / groups;
  FillWithBias(out_offsets.back(), out_channels, bias, y);
  ForEachMeeting(in_offsets, out_offsets, shape, [&](int64_t out, int64_t in, int64_t tap) {
    for (int64_t o = 0; o < out_channels; ++o) {
      for (int64_t c = 0; c < in_width; ++c) {
        const int64_t channel = o / out_width * in_width + c;
        y[out * out_channels + o] +=
            w[(o * shape.kernel + tap) * in_width + c] * x[in * in_channels + channel];
      }
    }
  });
}

void GroupedConv1dBackward(Offsets in_offsets, Offsets out_offsets, int64_t in_channels,
                           int64_t out_channels, int64_t groups, const Conv1dShape& shape,
                           const double* x, const double* w, const double* dy, double* dx,
                           double* dw, double* dbias) {
  const int64_t in_width = in_channels / groups;
  const int64_t out_width = out_channels / groups;
  std::fill_n(dx, in_offsets.back() * in_channels, 0.0);
  ForEachMeeting(in_offsets, out_offsets, shape, [&](int64_t out, int64_t in, int64_t tap) {
    for (int64_t o = 0; o < out_channels; ++o) {
      const double g = dy[out * out_channels + o];
      for (int64_t c = 0; c < in_width; ++c) {
        const int64_t channel = o / out_width * in_width + c;
        const int64_t weight = (o * shape.kernel + tap) * in_width + c;
        dx[in * in_channels + channel] += w[weight] * g;
        dw[weight] += x[in * in_channels + channel] * g;
      }
    }
  });
  for (int64_t i = 0; i < out_offsets.back() * out_channels; ++i) dbias[i % out_channels] += dy[i];
}

}  // namespace masr::reference
