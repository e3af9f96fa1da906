// AdamW whose moments are kept in a byte each: a quarter of the memory.
//
// The numbers are cut into blocks of 256 with a scale of their own, so that one large gradient does
// not take the others' digits (Dettmers et al., "8-bit Optimizers via Block-wise Quantization",
// 2022). Within a block a byte is a small floating-point number, largest |value| = 1:
//
//   m        sign, 4 bits of exponent, 3 of mantissa
//   sqrt(v)  4 bits of exponent, 4 of mantissa; the root, because 16 octaves of it are 32 of v
//
// Byte c > 0 is the float whose bits are (c + 889) << 20, of m without its sign, or (c + 1777) <<
// 19, of sqrt(v): the largest, 127 or 255, is 1. A value of m below 2^-16 of the largest is zero; a
// v above zero stays above zero, so that no step is divided by a v that was lost. Rounding is
// stochastic (up with the probability of the part cut off), because v moves by less in a step than
// its digits can tell: rounded to nearest, it would never move. The random bits are a hash of `key`
// and a number's place, so that a step gives the same bits whatever the number of threads.
#ifndef MOBILEASR_KERNELS_OPTIMIZER_STEP_8BIT_H_
#define MOBILEASR_KERNELS_OPTIMIZER_STEP_8BIT_H_

#include <cstdint>

#include "kernels/context.h"
#include "kernels/optimizer_step.h"

namespace masr {

constexpr int64_t kMomentBlock = 256;

// The moments of n numbers; all zero before the first step.
struct Moments8 {
  float* m_scales;  // [ceil(n / 256)], the largest |m| of each block
  float* s_scales;  // [ceil(n / 256)], the largest sqrt(v)
  uint8_t* m;       // [n]
  uint8_t* s;       // [n], of sqrt(v)
};
// In one piece of memory, aligned for floats: bytes of it, a multiple of 4, and where each lies.
int64_t Moments8Bytes(int64_t n);
Moments8 Moments8At(void* memory, int64_t n);

// ApplyAdamW with these moments. `key` should be another one for each step.
void ApplyAdamW8(const KernelContext& context, const AdamWStep& step, uint32_t key, int64_t n,
                 const float* gradient, float* p, const Moments8& moments);

}  // namespace masr

#endif  // MOBILEASR_KERNELS_OPTIMIZER_STEP_8BIT_H_
