// One vector of GRU units: everything after the products. Pointers are at the first of `units` <=
// kVector units; the gates r, z, n of a row lie `hidden` floats apart.
//
// Per target: include after hwy/foreach_target.h.
#if defined(MOBILEASR_KERNELS_SIMD_GRU_CELL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MOBILEASR_KERNELS_SIMD_GRU_CELL_INL_H_
#undef MOBILEASR_KERNELS_SIMD_GRU_CELL_INL_H_
#else
#define MOBILEASR_KERNELS_SIMD_GRU_CELL_INL_H_
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

// sums [3, kVector]: pre-activation r and z, and Un h' + dn. Gate n of `gates` still holds its
// input part. h_before is null on the first step.
HWY_INLINE void GruUnits(const float* sums, int64_t hidden, size_t units, const float* h_before,
                         float* gates, float* saved, float* h) {
  const BlockTag d;
  const auto r = Sigmoid(d, hn::LoadU(d, sums));
  const auto z = Sigmoid(d, hn::LoadU(d, sums + kVector));
  const auto inner = hn::LoadU(d, sums + 2 * kVector);
  const auto n = Tanh(d, hn::MulAdd(r, inner, LoadPartial(d, gates + 2 * hidden, units)));
  auto state = hn::NegMulAdd(z, n, n);
  if (h_before != nullptr) state = hn::MulAdd(z, LoadPartial(d, h_before, units), state);
  StorePartial(d, r, gates, units);
  StorePartial(d, z, gates + hidden, units);
  StorePartial(d, n, gates + 2 * hidden, units);
  StorePartial(d, inner, saved, units);
  StorePartial(d, state, h, units);
}

// dh [kVector]: the whole gradient of h. Gates become gradients of the input part; dinner is that
// of Un h' + dn, and `direct` the part of dh that goes around the gates to the step before.
HWY_INLINE void GruUnitsBackward(const float* dh, int64_t hidden, size_t units,
                                 const float* h_before, const float* saved, float* gates,
                                 float* dinner, float* direct) {
  const BlockTag d;
  const auto one = hn::Set(d, 1.0f);
  const auto r = LoadPartial(d, gates, units);
  const auto z = LoadPartial(d, gates + hidden, units);
  const auto n = LoadPartial(d, gates + 2 * hidden, units);
  const auto grad_h = hn::LoadU(d, dh);
  const auto before = h_before == nullptr ? hn::Zero(d) : LoadPartial(d, h_before, units);
  const auto not_z = hn::Sub(one, z);
  const auto grad_n = hn::Mul(hn::Mul(grad_h, not_z), hn::NegMulAdd(n, n, one));
  const auto grad_z = hn::Mul(hn::Mul(grad_h, hn::Sub(before, n)), hn::Mul(z, not_z));
  const auto grad_r =
      hn::Mul(hn::Mul(grad_n, LoadPartial(d, saved, units)), hn::Mul(r, hn::Sub(one, r)));
  StorePartial(d, grad_r, gates, units);
  StorePartial(d, grad_z, gates + hidden, units);
  StorePartial(d, grad_n, gates + 2 * hidden, units);
  StorePartial(d, hn::Mul(grad_n, r), dinner, units);
  StorePartial(d, hn::Mul(grad_h, z), direct, units);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace masr
HWY_AFTER_NAMESPACE();

#endif  // MOBILEASR_KERNELS_SIMD_GRU_CELL_INL_H_
