// Instance norm over time: each channel of each utterance by its own mean and variance.
#ifndef MOBILEASR_KERNELS_INSTANCE_NORM_H_
#define MOBILEASR_KERNELS_INSTANCE_NORM_H_

#include <cstdint>

#include "kernels/context.h"

namespace masr {

// Ulyanov et al. (2016); group norm with as many groups as channels (Wu and He, 2018), which is
// what wav2vec 2.0 has after its first convolution. Per utterance u and channel c:
//   y = (x - mean[u, c]) * inv_std[u, c] * gamma[c] + beta[c],
//   inv_std = 1 / sqrt(variance + epsilon), biased variance over the utterance's frames.
// x, y [rows, channels], y may be x; gamma, beta [channels]; mean, inv_std [utterances, channels]
// are written. An utterance without frames gets mean 0 and inv_std 0.
void InstanceNormForward(const KernelContext& context, Offsets offsets, int64_t channels,
                         float epsilon, const float* x, const float* gamma, const float* beta,
                         float* y, float* mean, float* inv_std);

// mean and inv_std are the forward's. dx [rows, channels] (may be dy; null: not wanted); dgamma,
// dbeta [channels] accumulate, or are null.
void InstanceNormBackward(const KernelContext& context, Offsets offsets, int64_t channels,
                          const float* x, const float* gamma, const float* mean,
                          const float* inv_std, const float* dy, float* dx, float* dgamma,
                          float* dbeta);

}  // namespace masr

#endif  // MOBILEASR_KERNELS_INSTANCE_NORM_H_
