// Exp, sigmoid, tanh and the normal distribution on vectors of float, once per instruction set.
//
// Included after foreach_target.h like every Highway -inl.h, once per target; the functions live in
// masr::HWY_NAMESPACE. `d` is the vector's tag, of any number of lanes; a lane's result depends on
// that lane alone. Relative errors are below 1e-6 unless said otherwise, NaN gives NaN, and nothing
// overflows for any finite input.
//
// Exponentials: x = k ln 2 + r with |r| <= ln(2) / 2, the Taylor series of e^r up to r^7 (relative
// error 4e-9, far below a float's), and k put into the exponent.

// Include guard, toggled once per target.
#if defined(MOBILEASR_KERNELS_SIMD_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MOBILEASR_KERNELS_SIMD_MATH_INL_H_
#undef MOBILEASR_KERNELS_SIMD_MATH_INL_H_
#else
#define MOBILEASR_KERNELS_SIMD_MATH_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// The first `count` floats at p (count <= Lanes(d)), zeros after them. Reads nothing beyond.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V LoadPartial(D d, const float* p, size_t count) {
  if (count == hn::Lanes(d)) return hn::LoadU(d, p);
  HWY_ALIGN float lanes[hn::MaxLanes(d)];
  hn::Store(hn::Zero(d), d, lanes);
  for (size_t i = 0; i < count; ++i) lanes[i] = p[i];
  return hn::Load(d, lanes);
}

// Writes the first `count` lanes of v to p, and nothing beyond.
template <class D, class V>
HWY_INLINE void StorePartial(D d, V v, float* p, size_t count) {
  if (count == hn::Lanes(d)) return hn::StoreU(v, d, p);
  HWY_ALIGN float lanes[hn::MaxLanes(d)];
  hn::Store(v, d, lanes);
  // A null p comes with no lanes.
  // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
  for (size_t i = 0; i < count; ++i) p[i] = lanes[i];
}

// k of x = k ln 2 + r, as a float.
template <class D, class V>
HWY_INLINE V ExpExponent(D d, V x) {
  return hn::Round(hn::Mul(x, hn::Set(d, 1.44269504f)));
}

// r of x = k ln 2 + r; ln 2 in two parts, so that k * ln 2 loses nothing.
template <class D, class V>
HWY_INLINE V ExpRemainder(D d, V x, V k) {
  const V r = hn::NegMulAdd(k, hn::Set(d, 0.693359375f), x);
  return hn::NegMulAdd(k, hn::Set(d, -2.12194440e-4f), r);
}

// e^r - 1 for |r| <= ln(2) / 2, to full relative accuracy.
template <class D, class V>
HWY_INLINE V ExpMinus1Series(D d, V r) {
  V p = hn::Set(d, 1.0f / 5040.0f);
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f / 720.0f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f / 120.0f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f / 24.0f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f / 6.0f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.5f));
  return hn::MulAdd(hn::Mul(p, r), r, r);
}

// 2^k for integral -126 <= k <= 127.
template <class D, class V>
HWY_INLINE V PowerOfTwo(D d, V k) {
  const hn::RebindToSigned<D> di;
  const auto biased = hn::Add(hn::ConvertTo(di, k), hn::Set(di, 127));
  return hn::BitCast(d, hn::ShiftLeft<23>(biased));
}

// e^x for -87.3 <= x <= 88.3.
template <class D, class V>
HWY_INLINE V ExpInRange(D d, V x) {
  const V k = ExpExponent(d, x);
  const V series = ExpMinus1Series(d, ExpRemainder(d, x, k));
  const V power = PowerOfTwo(d, k);
  return hn::MulAdd(series, power, power);
}

// e^x; exactly 0 below -87.3, where floats end, and e^88.3 = 2.2e38 for all x above 88.3.
template <class D, class V>
HWY_INLINE V Exp(D d, V x) {
  const V low = hn::Set(d, -87.3f);
  const V clamped = hn::Max(hn::Min(x, hn::Set(d, 88.3f)), low);
  const V result = hn::IfThenElse(hn::Lt(x, low), hn::Zero(d), ExpInRange(d, clamped));
  // Min and Max lose a NaN on some targets; a diverged model has to stay visible.
  return hn::IfThenElse(hn::Eq(x, x), result, x);
}

// 1 / x for normal x whose reciprocal is normal.
template <class D, class V>
HWY_INLINE V Reciprocal(D d, V x) {
#if HWY_TARGET == HWY_AVX3
  // 14 bits and one Newton step (relative error 2^-23): a division takes a third of a sigmoid.
  const V r = hn::ApproximateReciprocal(x);
  return hn::MulAdd(r, hn::NegMulAdd(x, r, hn::Set(d, 1.0f)), r);
#else
  return hn::Div(hn::Set(d, 1.0f), x);
#endif
}

// 1 / (1 + e^-x); exactly 0 below -87.
template <class D, class V>
HWY_INLINE V Sigmoid(D d, V x) {
  const V low = hn::Set(d, -87.0f);
  const V clamped = hn::Max(hn::Min(x, hn::Set(d, 87.0f)), low);
  const V inverse = hn::Add(hn::Set(d, 1.0f), ExpInRange(d, hn::Neg(clamped)));
  const V result = hn::IfThenZeroElse(hn::Lt(x, low), Reciprocal(d, inverse));
  return hn::IfThenElse(hn::Eq(x, x), result, x);
}

// tanh|x| = -m / (m + 2) with m = e^(-2|x|) - 1, which keeps its relative accuracy near 0.
template <class D, class V>
HWY_INLINE V Tanh(D d, V x) {
  // Beyond 20, tanh is 1 in float.
  const V a = hn::Max(hn::Mul(hn::Abs(x), hn::Set(d, -2.0f)), hn::Set(d, -40.0f));
  const V k = ExpExponent(d, a);
  const V series = ExpMinus1Series(d, ExpRemainder(d, a, k));
  const V power = PowerOfTwo(d, k);
  const V m = hn::MulAdd(series, power, hn::Sub(power, hn::Set(d, 1.0f)));
  const V result = hn::CopySign(hn::Div(m, hn::Add(m, hn::Set(d, 2.0f))), x);
  return hn::IfThenElse(hn::Eq(x, x), result, x);
}

// e^(-x^2 / 2): the normal density times sqrt(2 pi).
template <class D, class V>
HWY_INLINE V NormalBell(D d, V x) {
  return Exp(d, hn::Mul(hn::Mul(x, hn::Set(d, -0.5f)), x));
}

// Phi(x), the normal distribution, from x and its NormalBell: with z = |x| / sqrt(2) and
// t = 1 / (1 + z / 2), erfc(z) = t P(t) e^(-z^2), P a Chebyshev fit of our own (error 1.2e-8).
// The relative error is 6e-7 down to x = -3 and 2e-6 at -10, where Phi is 1e-23.
template <class D, class V>
HWY_INLINE V NormalCdf(D d, V x, V bell) {
  const V one = hn::Set(d, 1.0f);
  const V t = hn::Div(one, hn::MulAdd(hn::Abs(x), hn::Set(d, 0.353553391f), one));
  V p = hn::Set(d, 0.0431730659f);
  p = hn::MulAdd(p, t, hn::Set(d, -0.234605491f));
  p = hn::MulAdd(p, t, hn::Set(d, 0.493385742f));
  p = hn::MulAdd(p, t, hn::Set(d, -0.454563718f));
  p = hn::MulAdd(p, t, hn::Set(d, 0.13185004f));
  p = hn::MulAdd(p, t, hn::Set(d, -0.05905091f));
  p = hn::MulAdd(p, t, hn::Set(d, 0.0934147485f));
  p = hn::MulAdd(p, t, hn::Set(d, 0.175324075f));
  p = hn::MulAdd(p, t, hn::Set(d, 0.24688388f));
  p = hn::MulAdd(p, t, hn::Set(d, 0.282093777f));
  p = hn::MulAdd(p, t, hn::Set(d, 0.282094795f));
  const V tail = hn::Mul(hn::Mul(hn::Set(d, 0.5f), bell), hn::Mul(t, p));
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, hn::Sub(one, tail));
}

}  // namespace HWY_NAMESPACE
}  // namespace masr
HWY_AFTER_NAMESPACE();

#endif  // MOBILEASR_KERNELS_SIMD_MATH_INL_H_
