// Sums over the frames of an utterance, on vectors of channels, once per instruction set; included
// after foreach_target.h.

// Include guard, toggled once per target.
#if defined(MOBILEASR_KERNELS_SIMD_FRAME_SUM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MOBILEASR_KERNELS_SIMD_FRAME_SUM_INL_H_
#undef MOBILEASR_KERNELS_SIMD_FRAME_SUM_INL_H_
#else
#define MOBILEASR_KERNELS_SIMD_FRAME_SUM_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// term(frame) summed over all frames; `d` is the vector's tag. In pieces of 256 frames, then over
// the pieces: a wave of a minute has 10^5 frames, and one running f32 sum of them would lose half
// its digits.
template <class D, class Term>
HWY_INLINE hn::Vec<D> SumOverFrames(D d, int64_t frames, const Term& term) {
  constexpr int64_t kPiece = 256;
  hn::Vec<D> sum = hn::Zero(d);
  for (int64_t begin = 0; begin < frames; begin += kPiece) {
    const int64_t end = std::min(frames, begin + kPiece);
    hn::Vec<D> piece = hn::Zero(d);
    for (int64_t t = begin; t < end; ++t) piece = hn::Add(piece, term(t));
    sum = hn::Add(sum, piece);
  }
  return sum;
}

}  // namespace HWY_NAMESPACE
}  // namespace masr
HWY_AFTER_NAMESPACE();

#endif  // MOBILEASR_KERNELS_SIMD_FRAME_SUM_INL_H_
