// Pointwise functions and their derivatives.
#ifndef MOBILEASR_KERNELS_ELEMENTWISE_H_
#define MOBILEASR_KERNELS_ELEMENTWISE_H_

#include <cstdint>

#include "kernels/activation.h"
#include "kernels/context.h"

namespace masr {

// y[n] = f(x[n]); y may be x.
void ActivationForward(const KernelContext& context, Activation f, int64_t n, const float* x,
                       float* y);

// dx[n] = dy[n] * f'(x[n]); x is the forward's input; dx may be dy.
void ActivationBackward(const KernelContext& context, Activation f, int64_t n, const float* x,
                        const float* dy, float* dx);

// Gated linear unit (Dauphin et al., 2017): y[rows, dim] = x[:, :dim] * sigmoid(x[:, dim:]), where
// x is [rows, 2 * dim].
void GluForward(const KernelContext& context, int64_t rows, int64_t dim, const float* x, float* y);

// dx[rows, 2 * dim] from x[rows, 2 * dim] and dy[rows, dim].
void GluBackward(const KernelContext& context, int64_t rows, int64_t dim, const float* x,
                 const float* dy, float* dx);

// y[n] = a * x[n] + b * y[n]. With b = 0, y is not read. y may be x.
void ScaleAdd(const KernelContext& context, int64_t n, float a, const float* x, float b, float* y);

// Inverted dropout: y[i] = x[i] / (1 - p) where h(i) / 2^32 >= p (compared in 24 bits), else 0. The
// mask is a function of `key`, so the backward pass is the same call on dy. y may be x; 0 <= p < 1;
// n <= 2^32.
//
// h(i) = mix(mix(i ^ low) ^ high), where low and high are the halves of SplitMix64(key), and mix is
// the 32-bit hash "lowbias32" (C. Wellons, "Prospecting for Hash Functions", 2018, public domain):
// 32-bit products, unlike those of 64 bits, are vector instructions everywhere.
void Dropout(const KernelContext& context, int64_t n, float p, uint64_t key, const float* x,
             float* y);

}  // namespace masr

#endif  // MOBILEASR_KERNELS_ELEMENTWISE_H_
