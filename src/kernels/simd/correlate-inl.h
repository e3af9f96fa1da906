// Dense correlation of rows of 16 channels, each channel with a filter of its own: a block of
// outputs stays in registers, and each row loaded serves several taps.
//
// Per target: include after hwy/foreach_target.h. Rows are aligned; steps are in floats and may be
// negative.
#if defined(MOBILEASR_KERNELS_SIMD_CORRELATE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MOBILEASR_KERNELS_SIMD_CORRELATE_INL_H_
#undef MOBILEASR_KERNELS_SIMD_CORRELATE_INL_H_
#else
#define MOBILEASR_KERNELS_SIMD_CORRELATE_INL_H_
#endif

#include <cstddef>
#include <cstdint>

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

#endif  // MOBILEASR_KERNELS_SIMD_CORRELATE_INL_H_
