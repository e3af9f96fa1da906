#include "kernels/reference/conv2d.h"

#include <algorithm>

namespace masr::reference {
namespace {

// Calls visit(out, in, tap) for every out position, in position and tap that meet; positions count
// bins of the packed batch.
template <class Visit>
void ForEachMeeting(Offsets in_offsets, Offsets out_offsets, const Conv2dShape& shape,
                    const Visit& visit) {
  for (size_t u = 0; u + 1 < in_offsets.size(); ++u) {
    const int64_t in_frames = in_offsets[u + 1] - in_offsets[u];
    for (int64_t i = 0; i < out_offsets[u + 1] - out_offsets[u]; ++i) {
      for (int64_t b = 0; b < shape.out_bins(); ++b) {
        for (int64_t tap = 0; tap < shape.taps(); ++tap) {
          const int64_t time_tap = tap / shape.frequency.kernel;
          const int64_t frequency_tap = tap % shape.frequency.kernel;
          const int64_t frame =
              i * shape.time.stride - shape.time.padding + time_tap * shape.time.dilation;
          const int64_t bin = b * shape.frequency.stride - shape.frequency.padding +
                              frequency_tap * shape.frequency.dilation;
          if (frame < 0 || frame >= in_frames || bin < 0 || bin >= shape.in_bins) continue;
          visit((out_offsets[u] + i) * shape.out_bins() + b,
                (in_offsets[u] + frame) * shape.in_bins + bin, tap);
        }
      }
    }
  }
}

void FillWithBias(int64_t positions, int64_t channels, const double* bias, double* y) {
  for (int64_t i = 0; i < positions * channels; ++i) {
    y[i] = bias != nullptr ? bias[i % channels] : 0.0;
  }
}

}  // namespace

void Conv2dForward(Offsets in_offsets, Offsets out_offsets, const Conv2dShape& shape,
                   const double* x, const double* w, const double* bias, double* y) {
  const int64_t ins = shape.in_channels;
  const int64_t outs = shape.out_channels;
  FillWithBias(out_offsets.back() * shape.out_bins(), outs, bias, y);
  ForEachMeeting(in_offsets, out_offsets, shape, [&](int64_t out, int64_t in, int64_t tap) {
    for (int64_t o = 0; o < outs; ++o) {
      for (int64_t c = 0; c < ins; ++c) {
        y[out * outs + o] += w[(o * shape.taps() + tap) * ins + c] * x[in * ins + c];
      }
    }
  });
}

void Conv2dBackward(Offsets in_offsets, Offsets out_offsets, const Conv2dShape& shape,
                    const double* x, const double* w, const double* dy, double* dx, double* dw,
                    double* dbias) {
  const int64_t ins = shape.in_channels;
  const int64_t outs = shape.out_channels;
  std::fill_n(dx, in_offsets.back() * shape.in_bins * ins, 0.0);
  ForEachMeeting(in_offsets, out_offsets, shape, [&](int64_t out, int64_t in, int64_t tap) {
    for (int64_t o = 0; o < outs; ++o) {
      for (int64_t c = 0; c < ins; ++c) {
        const int64_t weight = (o * shape.taps() + tap) * ins + c;
        dx[in * ins + c] += w[weight] * dy[out * outs + o];
        dw[weight] += x[in * ins + c] * dy[out * outs + o];
      }
    }
  });
  const int64_t n = out_offsets.back() * shape.out_bins() * outs;
  for (int64_t i = 0; i < n; ++i) dbias[i % outs] += dy[i];
}

void DepthwiseConv2dForward(Offsets in_offsets, Offsets out_offsets, const Conv2dShape& shape,
                            const double* x, const double* w, const double* bias, double* y) {
  const int64_t channels = shape.in_channels;
  FillWithBias(out_offsets.back() * shape.out_bins(), channels, bias, y);
  ForEachMeeting(in_offsets, out_offsets, shape, [&](int64_t out, int64_t in, int64_t tap) {
    for (int64_t c = 0; c < channels; ++c) {
      y[out * channels + c] += w[tap * channels + c] * x[in * channels + c];
    }
  });
}

void DepthwiseConv2dBackward(Offsets in_offsets, Offsets out_offsets, const Conv2dShape& shape,
                             const double* x, const double* w, const double* dy, double* dx,
                             double* dw, double* dbias) {
  const int64_t channels = shape.in_channels;
  std::fill_n(dx, in_offsets.back() * shape.in_bins * channels, 0.0);
  ForEachMeeting(in_offsets, out_offsets, shape, [&](int64_t out, int64_t in, int64_t tap) {
    for (int64_t c = 0; c < channels; ++c) {
      dx[in * channels + c] += w[tap * channels + c] * dy[out * channels + c];
      dw[tap * channels + c] += x[in * channels + c] * dy[out * channels + c];
    }
  });
  const int64_t n = out_offsets.back() * shape.out_bins() * channels;
  for (int64_t i = 0; i < n; ++i) dbias[i % channels] += dy[i];
}

}  // namespace masr::reference
