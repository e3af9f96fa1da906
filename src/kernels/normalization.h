// Layer norm, batch norm with frozen statistics, softmax.
#ifndef MOBILEASR_KERNELS_NORMALIZATION_H_
#define MOBILEASR_KERNELS_NORMALIZATION_H_

#include <cstdint>

#include "kernels/context.h"

namespace masr {

// Layer norm over the last dimension (Ba et al., 2016): y = (x - mean) * inv_std * gamma + beta,
// inv_std = 1 / sqrt(variance + epsilon), biased variance. x, y [rows, dim]; gamma, beta [dim];
// mean, inv_std [rows] are saved for the backward pass, or null.
void LayerNormForward(const KernelContext& context, int64_t rows, int64_t dim, float epsilon,
                      const float* x, const float* gamma, const float* beta, float* y, float* mean,
                      float* inv_std);

// dx [rows, dim] (may be dy; null: not wanted); dgamma, dbeta [dim] accumulate, or are null.
void LayerNormBackward(const KernelContext& context, int64_t rows, int64_t dim, const float* x,
                       const float* gamma, const float* mean, const float* inv_std, const float* dy,
                       float* dx, float* dgamma, float* dbeta);

// Batch norm with frozen statistics (Ioffe and Szegedy, 2015, at inference): per channel
// y = (x - mean) / sqrt(variance + epsilon) * gamma + beta. All of mean, variance, gamma, beta
// [dim]. y may be x.
void BatchNormForward(const KernelContext& context, int64_t rows, int64_t dim, float epsilon,
                      const float* x, const float* mean, const float* variance, const float* gamma,
                      const float* beta, float* y);

// dx may be dy, or null; dgamma, dbeta [dim] accumulate, or are null. The statistics get no
// gradient.
void BatchNormBackward(const KernelContext& context, int64_t rows, int64_t dim, float epsilon,
                       const float* x, const float* mean, const float* variance, const float* gamma,
                       const float* dy, float* dx, float* dgamma, float* dbeta);

// y[rows, dim] = softmax of each row; y may be x.
void SoftmaxForward(const KernelContext& context, int64_t rows, int64_t dim, const float* x,
                    float* y);

// dx = y * (dy - sum(y * dy)) per row, from the forward's output y; dx may be dy.
void SoftmaxBackward(const KernelContext& context, int64_t rows, int64_t dim, const float* y,
                     const float* dy, float* dx);

// y[rows, dim] = log softmax of each row; y may be x.
void LogSoftmaxForward(const KernelContext& context, int64_t rows, int64_t dim, const float* x,
                       float* y);

}  // namespace masr

#endif  // MOBILEASR_KERNELS_NORMALIZATION_H_
