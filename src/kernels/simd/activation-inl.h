// Activations and their derivatives on runs of floats, once per instruction set.
//
// Per target: include after hwy/foreach_target.h.
#if defined(MOBILEASR_KERNELS_SIMD_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MOBILEASR_KERNELS_SIMD_ACTIVATION_INL_H_
#undef MOBILEASR_KERNELS_SIMD_ACTIVATION_INL_H_
#else
#define MOBILEASR_KERNELS_SIMD_ACTIVATION_INL_H_
#endif

#include <algorithm>
#include <cstddef>

#include "hwy/highway.h"
#include "kernels/activation.h"
#include "kernels/simd/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {
namespace activation {

using Tag = hn::ScalableTag<float>;
using V = hn::Vec<Tag>;

// Comparisons rather than Min and Max, which lose a NaN on some targets.
HWY_INLINE V ClipAbove(V x, float limit) {
  const V high = hn::Set(Tag(), limit);
  return hn::IfThenElse(hn::Gt(x, high), high, x);
}

HWY_INLINE V ClipBelowZero(V x) { return hn::IfThenZeroElse(hn::Lt(x, hn::Zero(Tag())), x); }

struct Relu {
  HWY_INLINE V Value(V x) const { return ClipBelowZero(x); }
  HWY_INLINE V Gradient(V x, V dy) const {
    return hn::IfThenElseZero(hn::Gt(x, hn::Zero(Tag())), dy);
  }
};

struct ClippedRelu {
  HWY_INLINE V Value(V x) const { return ClipAbove(ClipBelowZero(x), 20.0f); }
  HWY_INLINE V Gradient(V x, V dy) const {
    const auto inside = hn::And(hn::Gt(x, hn::Zero(Tag())), hn::Lt(x, hn::Set(Tag(), 20.0f)));
    return hn::IfThenElseZero(inside, dy);
  }
};

struct Silu {
  HWY_INLINE V Value(V x) const { return hn::Mul(x, Sigmoid(Tag(), x)); }
  HWY_INLINE V Gradient(V x, V dy) const {
    const V one = hn::Set(Tag(), 1.0f);
    const V s = Sigmoid(Tag(), x);
    return hn::Mul(dy, hn::Mul(s, hn::MulAdd(x, hn::Sub(one, s), one)));
  }
};

struct Gelu {
  HWY_INLINE V Value(V x) const { return hn::Mul(x, NormalCdf(Tag(), x, NormalBell(Tag(), x))); }
  HWY_INLINE V Gradient(V x, V dy) const {
    const V bell = NormalBell(Tag(), x);
    const V density = hn::Mul(bell, hn::Set(Tag(), 0.398942280f));
    return hn::Mul(dy, hn::MulAdd(x, density, NormalCdf(Tag(), x, bell)));
  }
};

template <class F>
HWY_INLINE void MapForward(F f, size_t n, const float* x, float* y) {
  const size_t lanes = hn::Lanes(Tag());
  for (size_t i = 0; i < n; i += lanes) {
    const size_t count = std::min(lanes, n - i);
    StorePartial(Tag(), f.Value(LoadPartial(Tag(), x + i, count)), y + i, count);
  }
}

template <class F>
HWY_INLINE void MapBackward(F f, size_t n, const float* x, const float* dy, float* dx) {
  const size_t lanes = hn::Lanes(Tag());
  for (size_t i = 0; i < n; i += lanes) {
    const size_t count = std::min(lanes, n - i);
    const V gradient =
        f.Gradient(LoadPartial(Tag(), x + i, count), LoadPartial(Tag(), dy + i, count));
    StorePartial(Tag(), gradient, dx + i, count);
  }
}

}  // namespace activation

// y[i] = f(x[i]) for i < n; y may be x.
inline void ActivationRange(Activation f, size_t n, const float* x, float* y) {
  switch (f) {
    case Activation::kRelu:
      return activation::MapForward(activation::Relu(), n, x, y);
    case Activation::kClippedRelu:
      return activation::MapForward(activation::ClippedRelu(), n, x, y);
    case Activation::kSilu:
      return activation::MapForward(activation::Silu(), n, x, y);
    case Activation::kGelu:
      return activation::MapForward(activation::Gelu(), n, x, y);
  }
}

// dx[i] = dy[i] * f'(x[i]) for i < n; dx may be dy.
inline void ActivationGradientRange(Activation f, size_t n, const float* x, const float* dy,
                                    float* dx) {
  switch (f) {
    case Activation::kRelu:
      return activation::MapBackward(activation::Relu(), n, x, dy, dx);
    case Activation::kClippedRelu:
      return activation::MapBackward(activation::ClippedRelu(), n, x, dy, dx);
    case Activation::kSilu:
      return activation::MapBackward(activation::Silu(), n, x, dy, dx);
    case Activation::kGelu:
      return activation::MapBackward(activation::Gelu(), n, x, dy, dx);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace masr
HWY_AFTER_NAMESPACE();

#endif  // MOBILEASR_KERNELS_SIMD_ACTIVATION_INL_H_
