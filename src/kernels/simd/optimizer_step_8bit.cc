#include "kernels/optimizer_step_8bit.h"

#include <algorithm>

#include "kernels/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/optimizer_step_8bit.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Where the bits of a code go in a float, and what is added to it first (optimizer_step_8bit.h).
constexpr int kMShift = 20;
constexpr int32_t kMBase = 889;
constexpr int kSShift = 19;
constexpr int32_t kSBase = 1777;
// Below, a block counts as zero: the inverse of its scale would not be finite.
constexpr float kSmallest = 1e-30f;

template <class D>
using I = hn::Vec<hn::RebindToSigned<D>>;

// A hash of the numbers' places: "lowbias32" (C. Wellons, 2018), as Dropout has it.
template <class D>
HWY_INLINE hn::Vec<hn::RebindToUnsigned<D>> RandomBits(D, uint32_t place, uint32_t key) {
  const hn::RebindToUnsigned<D> du;
  auto x = hn::Xor(hn::Iota(du, place), hn::Set(du, key));
  x = hn::Mul(hn::Xor(x, hn::ShiftRight<16>(x)), hn::Set(du, 0x7feb352du));
  x = hn::Mul(hn::Xor(x, hn::ShiftRight<15>(x)), hn::Set(du, 0x846ca68bu));
  return hn::Xor(x, hn::ShiftRight<16>(x));
}

template <class D>
HWY_INLINE I<D> LoadCodes(D, const uint8_t* codes) {
  const hn::RebindToSigned<D> di;
  return hn::PromoteTo(di, hn::LoadU(hn::Rebind<uint8_t, D>(), codes));
}

// 0 where the code is; else the float that has it for its upper bits.
template <int kShift, class D>
HWY_INLINE hn::Vec<D> Decode(D d, I<D> code, int32_t base) {
  const hn::RebindToSigned<D> di;
  const auto bits = hn::ShiftLeft<kShift>(hn::Add(code, hn::Set(di, base)));
  const auto is_zero = hn::Eq(code, hn::Zero(di));
  return hn::BitCast(d, hn::IfThenZeroElse(is_zero, bits));
}

// The other way, of 0 <= value <= 1; `random` is below 1 << kShift.
template <int kShift, class D>
HWY_INLINE I<D> Encode(D, hn::Vec<D> value, I<D> random, int32_t base) {
  const hn::RebindToSigned<D> di;
  const auto upper = hn::ShiftRight<kShift>(hn::Add(hn::BitCast(di, value), random));
  return hn::Max(hn::Sub(upper, hn::Set(di, base)), hn::Zero(di));
}

// Numbers of one block: from moments and gradients to parameters and new moments, as floats.
template <class D>
HWY_INLINE void StepLanes(D d, const AdamWStep& s, const float* gradient, float* p,
                          const uint8_t* m_codes, const uint8_t* s_codes, float m_scale,
                          float s_scale, float* m, float* root) {
  const hn::RebindToSigned<D> di;
  const auto m_code = LoadCodes(d, m_codes);
  const auto size = Decode<kMShift>(d, hn::And(m_code, hn::Set(di, 127)), kMBase);
  const auto sign = hn::ShiftLeft<24>(hn::And(m_code, hn::Set(di, 128)));
  const auto m_old = hn::Mul(hn::Or(size, hn::BitCast(d, sign)), hn::Set(d, m_scale));
  const auto s_old =
      hn::Mul(Decode<kSShift>(d, LoadCodes(d, s_codes), kSBase), hn::Set(d, s_scale));

  const auto g = hn::Mul(hn::LoadU(d, gradient), hn::Set(d, s.gradient_scale));
  const auto m_new = hn::MulAdd(hn::Set(d, s.beta1), m_old, hn::Mul(hn::Set(d, 1.0f - s.beta1), g));
  const auto v_new = hn::MulAdd(hn::Set(d, s.beta2), hn::Mul(s_old, s_old),
                                hn::Mul(hn::Set(d, 1.0f - s.beta2), hn::Mul(g, g)));
  const auto s_new = hn::Sqrt(v_new);
  const auto denominator = hn::MulAdd(s_new, hn::Set(d, s.inverse_v), hn::Set(d, s.epsilon));
  const auto decayed = hn::Mul(hn::LoadU(d, p), hn::Set(d, 1.0f - s.decay));
  const auto step = hn::Div(hn::Mul(hn::Set(d, s.rate), m_new), denominator);
  hn::StoreU(hn::Sub(decayed, step), d, p);
  hn::StoreU(m_new, d, m);
  hn::StoreU(s_new, d, root);
}

// New moments of one block to codes.
template <class D>
HWY_INLINE void StoreLanes(D d, uint32_t place, uint32_t key, const float* m, const float* root,
                           float m_inverse, float s_inverse, uint8_t* m_codes, uint8_t* s_codes) {
  const hn::RebindToSigned<D> di;
  const hn::Rebind<uint8_t, D> du8;
  const auto one = hn::Set(d, 1.0f);
  const auto random = RandomBits(d, place, key);
  // 16 bits for each of the two.
  const auto m_random = hn::BitCast(
      di, hn::ShiftLeft<kMShift - 16>(hn::And(random, hn::Set(hn::RebindToUnsigned<D>(), 0xffff))));
  const auto s_random = hn::BitCast(di, hn::ShiftLeft<kSShift - 16>(hn::ShiftRight<16>(random)));

  const auto m_value = hn::LoadU(d, m);
  const auto m_share = hn::Min(hn::Mul(hn::Abs(m_value), hn::Set(d, m_inverse)), one);
  const auto m_size = Encode<kMShift>(d, m_share, m_random, kMBase);
  const auto negative = hn::RebindMask(di, hn::Lt(m_value, hn::Zero(d)));
  const auto sign = hn::IfThenElseZero(negative, hn::Set(di, 128));
  hn::StoreU(hn::DemoteTo(du8, hn::Or(m_size, sign)), du8, m_codes);

  const auto s_value = hn::LoadU(d, root);
  const auto s_share = hn::Min(hn::Mul(s_value, hn::Set(d, s_inverse)), one);
  const auto code = Encode<kSShift>(d, s_share, s_random, kSBase);
  const auto above_zero = hn::RebindMask(di, hn::Gt(s_value, hn::Zero(d)));
  const auto least = hn::IfThenElseZero(above_zero, hn::Set(di, 1));
  hn::StoreU(hn::DemoteTo(du8, hn::Max(code, least)), du8, s_codes);
}

// The largest |x[i]|.
float LargestOf(int64_t n, const float* x) {
  const hn::ScalableTag<float> df;
  const auto lanes = static_cast<int64_t>(hn::Lanes(df));
  HWY_ALIGN float tops[hn::MaxLanes(df)];
  auto top = hn::Zero(df);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) top = hn::Max(top, hn::Abs(hn::LoadU(df, x + i)));
  hn::Store(top, df, tops);
  float largest = *std::max_element(tops, tops + lanes);
  for (; i < n; ++i) largest = std::max(largest, x[i] < 0 ? -x[i] : x[i]);
  return largest < kSmallest ? 0.0f : largest;
}

// One block: `moments` are its own, `place` is where it lies in the array.
void AdamW8Block(const AdamWStep& step, uint32_t key, uint32_t place, int64_t n,
                 const float* gradient, float* p, const Moments8& moments) {
  const hn::ScalableTag<float> df;
  const hn::CappedTag<float, 1> d1;
  const auto lanes = static_cast<int64_t>(hn::Lanes(df));
  float m[kMomentBlock];
  float root[kMomentBlock];
  const float m_scale = *moments.m_scales;
  const float s_scale = *moments.s_scales;
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    StepLanes(df, step, gradient + i, p + i, moments.m + i, moments.s + i, m_scale, s_scale, m + i,
              root + i);
  }
  for (; i < n; ++i) {
    StepLanes(d1, step, gradient + i, p + i, moments.m + i, moments.s + i, m_scale, s_scale, m + i,
              root + i);
  }
  *moments.m_scales = LargestOf(n, m);
  *moments.s_scales = LargestOf(n, root);
  const float m_inverse = *moments.m_scales > 0 ? 1.0f / *moments.m_scales : 0.0f;
  const float s_inverse = *moments.s_scales > 0 ? 1.0f / *moments.s_scales : 0.0f;
  for (i = 0; i + lanes <= n; i += lanes) {
    StoreLanes(df, place + static_cast<uint32_t>(i), key, m + i, root + i, m_inverse, s_inverse,
               moments.m + i, moments.s + i);
  }
  for (; i < n; ++i) {
    StoreLanes(d1, place + static_cast<uint32_t>(i), key, m + i, root + i, m_inverse, s_inverse,
               moments.m + i, moments.s + i);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace masr
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace masr {

HWY_EXPORT(AdamW8Block);

static_assert(kTaskElements % kMomentBlock == 0, "a task would share a block with the next one");

int64_t Moments8Bytes(int64_t n) {
  const int64_t scales = 2 * DivideRoundUp(n, kMomentBlock) * static_cast<int64_t>(sizeof(float));
  return scales + DivideRoundUp(2 * n, 4) * 4;
}

Moments8 Moments8At(void* memory, int64_t n) {
  const int64_t blocks = DivideRoundUp(n, kMomentBlock);
  auto* scales = static_cast<float*>(memory);
  auto* codes = reinterpret_cast<uint8_t*>(scales + 2 * blocks);
  return {.m_scales = scales, .s_scales = scales + blocks, .m = codes, .s = codes + n};
}

void ApplyAdamW8(const KernelContext& context, const AdamWStep& step, uint32_t key, int64_t n,
                 const float* gradient, float* p, const Moments8& moments) {
  ParallelRows(context, n, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t at = begin; at < end; at += kMomentBlock) {
      const int64_t block = at / kMomentBlock;
      HWY_DYNAMIC_DISPATCH(AdamW8Block)
      (step, key, static_cast<uint32_t>(at), std::min(kMomentBlock, end - at), gradient + at,
       p + at,
       {.m_scales = moments.m_scales + block,
        .s_scales = moments.s_scales + block,
        .m = moments.m + at,
        .s = moments.s + at});
    }
  });
}

}  // namespace masr
#endif  // HWY_ONCE
