#include "kernels/optimizer_step.h"

#include "kernels/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/optimizer_step.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
const hn::ScalableTag<float> df;
const hn::CappedTag<float, 1> d1;

template <class D>
HWY_INLINE void AdamWLanes(D d, const AdamWStep& s, const float* gradient, float* p, float* m,
                           float* v) {
  const auto g = hn::Mul(hn::LoadU(d, gradient), hn::Set(d, s.gradient_scale));
  const auto m_new =
      hn::MulAdd(hn::Set(d, s.beta1), hn::LoadU(d, m), hn::Mul(hn::Set(d, 1.0f - s.beta1), g));
  const auto v_new = hn::MulAdd(hn::Set(d, s.beta2), hn::LoadU(d, v),
                                hn::Mul(hn::Set(d, 1.0f - s.beta2), hn::Mul(g, g)));
  const auto denominator =
      hn::MulAdd(hn::Sqrt(v_new), hn::Set(d, s.inverse_v), hn::Set(d, s.epsilon));
  const auto decayed = hn::Mul(hn::LoadU(d, p), hn::Set(d, 1.0f - s.decay));
  const auto step = hn::Div(hn::Mul(hn::Set(d, s.rate), m_new), denominator);
  hn::StoreU(m_new, d, m);
  hn::StoreU(v_new, d, v);
  hn::StoreU(hn::Sub(decayed, step), d, p);
}

template <class D>
HWY_INLINE void SgdLanes(D d, const SgdStep& s, const float* gradient, float* p, float* b) {
  const auto old = hn::LoadU(d, p);
  const auto g = hn::MulAdd(hn::Set(d, s.weight_decay), old,
                            hn::Mul(hn::LoadU(d, gradient), hn::Set(d, s.gradient_scale)));
  const auto b_new = hn::MulAdd(hn::Set(d, s.momentum), hn::LoadU(d, b), g);
  hn::StoreU(b_new, d, b);
  hn::StoreU(hn::NegMulAdd(hn::Set(d, s.learning_rate), b_new, old), d, p);
}

void AdamWRange(const AdamWStep& step, int64_t n, const float* gradient, float* p, float* m,
                float* v) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(df));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) AdamWLanes(df, step, gradient + i, p + i, m + i, v + i);
  for (; i < n; ++i) AdamWLanes(d1, step, gradient + i, p + i, m + i, v + i);
}

void SgdRange(const SgdStep& step, int64_t n, const float* gradient, float* p, float* b) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(df));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) SgdLanes(df, step, gradient + i, p + i, b + i);
  for (; i < n; ++i) SgdLanes(d1, step, gradient + i, p + i, b + i);
}

// Eight sums side by side on every target, so that every target gives the same.
double SumOfSquaresTarget(int64_t n, const float* x) {
  constexpr int64_t kSums = 8;
  HWY_ALIGN double sums[kSums] = {};
  int64_t i = 0;
#if HWY_HAVE_FLOAT64 && !HWY_HAVE_SCALABLE && HWY_TARGET != HWY_SCALAR
  const hn::CappedTag<double, kSums> dd;
  const hn::Rebind<float, decltype(dd)> half;
  constexpr auto kLanes = static_cast<int64_t>(hn::MaxLanes(dd));
  constexpr int64_t kVectors = kSums / kLanes;
  hn::Vec<decltype(dd)> vectors[kVectors];
  for (auto& v : vectors) v = hn::Zero(dd);
  for (; i + kSums <= n; i += kSums) {
#pragma GCC unroll 4
    for (int64_t v = 0; v < kVectors; ++v) {
      const auto values = hn::PromoteTo(dd, hn::LoadU(half, x + i + v * kLanes));
      vectors[v] = hn::MulAdd(values, values, vectors[v]);
    }
  }
  for (int64_t v = 0; v < kVectors; ++v) hn::Store(vectors[v], dd, sums + v * kLanes);
#else
  for (; i + kSums <= n; i += kSums) {
    for (int64_t k = 0; k < kSums; ++k) sums[k] += static_cast<double>(x[i + k]) * x[i + k];
  }
#endif
  for (; i < n; ++i) sums[0] += static_cast<double>(x[i]) * x[i];
  double sum = 0;
  for (double s : sums) sum += s;
  return sum;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace masr
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace masr {

HWY_EXPORT(AdamWRange);
HWY_EXPORT(SgdRange);
HWY_EXPORT(SumOfSquaresTarget);

double SumOfSquares(int64_t n, const float* x) {
  return HWY_DYNAMIC_DISPATCH(SumOfSquaresTarget)(n, x);
}

void ApplyAdamW(const KernelContext& context, const AdamWStep& step, int64_t n,
                const float* gradient, float* p, float* m, float* v) {
  ParallelRows(context, n, 1, [&](int64_t begin, int64_t end, int) {
    HWY_DYNAMIC_DISPATCH(AdamWRange)
    (step, end - begin, gradient + begin, p + begin, m + begin, v + begin);
  });
}

void ApplySgd(const KernelContext& context, const SgdStep& step, int64_t n, const float* gradient,
              float* p, float* b) {
  ParallelRows(context, n, 1, [&](int64_t begin, int64_t end, int) {
    HWY_DYNAMIC_DISPATCH(SgdRange)(step, end - begin, gradient + begin, p + begin, b + begin);
  });
}

}  // namespace masr
#endif  // HWY_ONCE
