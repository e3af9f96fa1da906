// One vector of LSTM units: everything after the products. Pointers are at the first of `units` <=
// kVector units; the gates i, f, g, o of a row lie `hidden` floats apart.
//
// Per target: include after hwy/foreach_target.h.
#if defined(MOBILEASR_KERNELS_SIMD_LSTM_CELL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MOBILEASR_KERNELS_SIMD_LSTM_CELL_INL_H_
#undef MOBILEASR_KERNELS_SIMD_LSTM_CELL_INL_H_
#else
#define MOBILEASR_KERNELS_SIMD_LSTM_CELL_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/simd/math-inl.h"
#include "kernels/simd/strided_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// sums [4, kVector]: the pre-activation gates. c_before is null on the first step.
HWY_INLINE void LstmUnits(const float* sums, int64_t hidden, size_t units, const float* c_before,
                          float* gates, float* c, float* h) {
  const BlockTag d;
  const auto i = Sigmoid(d, hn::LoadU(d, sums));
  const auto f = Sigmoid(d, hn::LoadU(d, sums + kVector));
  const auto g = Tanh(d, hn::LoadU(d, sums + 2 * kVector));
  const auto o = Sigmoid(d, hn::LoadU(d, sums + 3 * kVector));
  auto state = hn::Mul(i, g);
  if (c_before != nullptr) state = hn::MulAdd(f, LoadPartial(d, c_before, units), state);
  StorePartial(d, i, gates, units);
  StorePartial(d, f, gates + hidden, units);
  StorePartial(d, g, gates + 2 * hidden, units);
  StorePartial(d, o, gates + 3 * hidden, units);
  StorePartial(d, state, c, units);
  StorePartial(d, hn::Mul(o, Tanh(d, state)), h, units);
}

// dh [kVector]: the whole gradient of h. Gates become gradients of the pre-activation gates; dc is
// taken from the step after and left for the step before.
HWY_INLINE void LstmUnitsBackward(const float* dh, int64_t hidden, size_t units,
                                  const float* c_before, const float* c, float* gates, float* dc) {
  const BlockTag d;
  const auto one = hn::Set(d, 1.0f);
  const auto i = LoadPartial(d, gates, units);
  const auto f = LoadPartial(d, gates + hidden, units);
  const auto g = LoadPartial(d, gates + 2 * hidden, units);
  const auto o = LoadPartial(d, gates + 3 * hidden, units);
  const auto tanh_c = Tanh(d, LoadPartial(d, c, units));
  const auto grad_h = hn::LoadU(d, dh);
  const auto grad_c =
      hn::MulAdd(hn::Mul(grad_h, o), hn::NegMulAdd(tanh_c, tanh_c, one), LoadPartial(d, dc, units));
  const auto before = c_before == nullptr ? hn::Zero(d) : LoadPartial(d, c_before, units);
  const auto grad_i = hn::Mul(hn::Mul(grad_c, g), hn::Mul(i, hn::Sub(one, i)));
  const auto grad_f = hn::Mul(hn::Mul(grad_c, before), hn::Mul(f, hn::Sub(one, f)));
  const auto grad_g = hn::Mul(hn::Mul(grad_c, i), hn::NegMulAdd(g, g, one));
  const auto grad_o = hn::Mul(hn::Mul(grad_h, tanh_c), hn::Mul(o, hn::Sub(one, o)));
  StorePartial(d, grad_i, gates, units);
  StorePartial(d, grad_f, gates + hidden, units);
  StorePartial(d, grad_g, gates + 2 * hidden, units);
  StorePartial(d, grad_o, gates + 3 * hidden, units);
  StorePartial(d, hn::Mul(grad_c, f), dc, units);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace masr
HWY_AFTER_NAMESPACE();

#endif  // MOBILEASR_KERNELS_SIMD_LSTM_CELL_INL_H_
