#include "kernels/elementwise.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/check.h"
#include "base/rng.h"
#include "kernels/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/elementwise.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/highway.h"
#include "kernels/simd/activation-inl.h"
#include "kernels/simd/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {
namespace {

const hn::ScalableTag<float> df;
using V = hn::Vec<decltype(df)>;

void GluForwardRow(size_t dim, const float* x, float* y) {
  const size_t lanes = hn::Lanes(df);
  for (size_t i = 0; i < dim; i += lanes) {
    const size_t count = std::min(lanes, dim - i);
    const V gate = Sigmoid(df, LoadPartial(df, x + dim + i, count));
    StorePartial(df, hn::Mul(LoadPartial(df, x + i, count), gate), y + i, count);
  }
}

void GluBackwardRow(size_t dim, const float* x, const float* dy, float* dx) {
  const size_t lanes = hn::Lanes(df);
  const V one = hn::Set(df, 1.0f);
  for (size_t i = 0; i < dim; i += lanes) {
    const size_t count = std::min(lanes, dim - i);
    const V value = LoadPartial(df, x + i, count);
    const V gate = Sigmoid(df, LoadPartial(df, x + dim + i, count));
    const V dvalue = hn::Mul(LoadPartial(df, dy + i, count), gate);
    const V dgate = hn::Mul(hn::Mul(dvalue, value), hn::Sub(one, gate));
    StorePartial(df, dvalue, dx + i, count);
    StorePartial(df, dgate, dx + dim + i, count);
  }
}

void ScaleAddRange(size_t n, float a, const float* x, float b, float* y) {
  const size_t lanes = hn::Lanes(df);
  const V va = hn::Set(df, a);
  const V vb = hn::Set(df, b);
  for (size_t i = 0; i < n; i += lanes) {
    const size_t count = std::min(lanes, n - i);
    V sum = hn::Mul(va, LoadPartial(df, x + i, count));
    if (b != 0.0f) sum = hn::MulAdd(vb, LoadPartial(df, y + i, count), sum);
    StorePartial(df, sum, y + i, count);
  }
}

using U = hn::Vec<hn::RebindToUnsigned<decltype(df)>>;

HWY_INLINE U Mix(U x) {
  const hn::RebindToUnsigned<decltype(df)> du;
  x = hn::Mul(hn::Xor(x, hn::ShiftRight<16>(x)), hn::Set(du, 0x7feb352du));
  x = hn::Mul(hn::Xor(x, hn::ShiftRight<15>(x)), hn::Set(du, 0x846ca68bu));
  return hn::Xor(x, hn::ShiftRight<16>(x));
}

// Elements [first, first + n) of the stream of `key`, whose halves are given. `drop_below` is in
// units of 2^-24.
void DropoutRange(uint32_t first, size_t n, int32_t drop_below, float scale, uint32_t key_low,
                  uint32_t key_high, const float* x, float* y) {
  const hn::RebindToUnsigned<decltype(df)> du;
  const hn::RebindToSigned<decltype(df)> di;
  const size_t lanes = hn::Lanes(df);
  const U low = hn::Set(du, key_low);
  const U high = hn::Set(du, key_high);
  const V factor = hn::Set(df, scale);
  const auto limit = hn::Set(di, drop_below);
  for (size_t i = 0; i < n; i += lanes) {
    const size_t count = std::min(lanes, n - i);
    const U index = hn::Iota(du, first + static_cast<uint32_t>(i));
    const U hash = Mix(hn::Xor(Mix(hn::Xor(index, low)), high));
    // 24 bits are as fine as a float near 1, and compare as signed: few CPUs compare unsigned.
    const auto drop = hn::Lt(hn::BitCast(di, hn::ShiftRight<8>(hash)), limit);
    const V kept = hn::Mul(LoadPartial(df, x + i, count), factor);
    StorePartial(df, hn::IfThenZeroElse(hn::RebindMask(df, drop), kept), y + i, count);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace masr
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace masr {
namespace {

HWY_EXPORT(ActivationRange);
HWY_EXPORT(ActivationGradientRange);
HWY_EXPORT(GluForwardRow);
HWY_EXPORT(GluBackwardRow);
HWY_EXPORT(ScaleAddRange);
HWY_EXPORT(DropoutRange);

}  // namespace

void ActivationForward(const KernelContext& context, Activation f, int64_t n, const float* x,
                       float* y) {
  ParallelRows(context, n, 1, [&](int64_t begin, int64_t end, int) {
    HWY_DYNAMIC_DISPATCH(ActivationRange)(f, end - begin, x + begin, y + begin);
  });
}

void ActivationBackward(const KernelContext& context, Activation f, int64_t n, const float* x,
                        const float* dy, float* dx) {
  ParallelRows(context, n, 1, [&](int64_t begin, int64_t end, int) {
    HWY_DYNAMIC_DISPATCH(ActivationGradientRange)
    (f, end - begin, x + begin, dy + begin, dx + begin);
  });
}

void GluForward(const KernelContext& context, int64_t rows, int64_t dim, const float* x, float* y) {
  ParallelRows(context, rows, dim, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      HWY_DYNAMIC_DISPATCH(GluForwardRow)(dim, x + r * 2 * dim, y + r * dim);
    }
  });
}

void GluBackward(const KernelContext& context, int64_t rows, int64_t dim, const float* x,
                 const float* dy, float* dx) {
  ParallelRows(context, rows, dim, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      HWY_DYNAMIC_DISPATCH(GluBackwardRow)
      (dim, x + r * 2 * dim, dy + r * dim, dx + r * 2 * dim);
    }
  });
}

void ScaleAdd(const KernelContext& context, int64_t n, float a, const float* x, float b, float* y) {
  ParallelRows(context, n, 1, [&](int64_t begin, int64_t end, int) {
    HWY_DYNAMIC_DISPATCH(ScaleAddRange)(end - begin, a, x + begin, b, y + begin);
  });
}

void Dropout(const KernelContext& context, int64_t n, float p, uint64_t key, const float* x,
             float* y) {
  MASR_DCHECK(n <= int64_t{1} << 32);
  const float scale = 1.0f / (1.0f - p);
  const auto drop_below = static_cast<int32_t>(std::ceil(p * 0x1p24f));
  const uint64_t mixed = SplitMix64(key);
  ParallelRows(context, n, 1, [&](int64_t begin, int64_t end, int) {
    HWY_DYNAMIC_DISPATCH(DropoutRange)
    (static_cast<uint32_t>(begin), end - begin, drop_below, scale, static_cast<uint32_t>(mixed),
     static_cast<uint32_t>(mixed >> 32), x + begin, y + begin);
  });
}

}  // namespace masr
#endif  // HWY_ONCE
