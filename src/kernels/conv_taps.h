// Which taps of a strided, dilated filter meet which positions, along one axis.
#ifndef MOBILEASR_KERNELS_CONV_TAPS_H_
#define MOBILEASR_KERNELS_CONV_TAPS_H_

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "kernels/conv1d.h"

namespace masr {

// `count` pairs: tap + n * tap_step meets position + n * position_step, n in [0, count).
struct TapRange {
  int64_t count = 0;
  int64_t tap = 0;
  int64_t tap_step = 0;
  int64_t position = 0;
  int64_t position_step = 0;
};

// The input positions in [0, length) that output `out` sees.
inline TapRange TapsOfOutput(int64_t out, int64_t length, const Conv1dShape& shape) {
  const int64_t start = out * shape.stride - shape.padding;
  const int64_t first = start < 0 ? (-start + shape.dilation - 1) / shape.dilation : 0;
  const int64_t last =
      start < length ? std::min(shape.kernel - 1, (length - 1 - start) / shape.dilation) : -1;
  return {std::max<int64_t>(0, last - first + 1), first, 1, start + first * shape.dilation,
          shape.dilation};
}

// The outputs in [begin, end) that see input `in`.
inline TapRange TapsOfInput(int64_t in, int64_t begin, int64_t end, const Conv1dShape& shape) {
  const int64_t common = std::gcd(shape.stride, shape.dilation);
  TapRange taps{.tap_step = shape.stride / common, .position_step = -shape.dilation / common};
  const auto remainder = [&](int64_t tap) {
    return (in + shape.padding - tap * shape.dilation) % shape.stride;
  };
  while (taps.tap < taps.tap_step && remainder(taps.tap) != 0) ++taps.tap;
  if (taps.tap == taps.tap_step) return taps;
  taps.position = (in + shape.padding - taps.tap * shape.dilation) / shape.stride;
  // A later tap is an earlier output.
  while (taps.tap < shape.kernel && taps.position >= end) {
    taps.tap += taps.tap_step;
    taps.position += taps.position_step;
  }
  for (int64_t tap = taps.tap, out = taps.position; tap < shape.kernel && out >= begin;
       tap += taps.tap_step, out += taps.position_step) {
    ++taps.count;
  }
  return taps;
}

}  // namespace masr

#endif  // MOBILEASR_KERNELS_CONV_TAPS_H_
