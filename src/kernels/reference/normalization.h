// Plain twins of kernels/normalization.h in double; shapes and meaning as there. Linked into tests
// only.
#ifndef MOBILEASR_KERNELS_REFERENCE_NORMALIZATION_H_
#define MOBILEASR_KERNELS_REFERENCE_NORMALIZATION_H_

#include <cstdint>

#include "kernels/normalization.h"

namespace masr::reference {

void LayerNormForward(int64_t rows, int64_t dim, double epsilon, const double* x,
                      const double* gamma, const double* beta, double* y, double* mean,
                      double* inv_std);
void LayerNormBackward(int64_t rows, int64_t dim, const double* x, const double* gamma,
                       const double* mean, const double* inv_std, const double* dy, double* dx,
                       double* dgamma, double* dbeta);
void BatchNormForward(int64_t rows, int64_t dim, double epsilon, const double* x,
                      const double* mean, const double* variance, const double* gamma,
                      const double* beta, double* y);
void BatchNormBackward(int64_t rows, int64_t dim, double epsilon, const double* x,
                       const double* mean, const double* variance, const double* gamma,
                       const double* dy, double* dx, double* dgamma, double* dbeta);
void SoftmaxForward(int64_t rows, int64_t dim, const double* x, double* y);
void SoftmaxBackward(int64_t rows, int64_t dim, const double* y, const double* dy, double* dx);
void LogSoftmaxForward(int64_t rows, int64_t dim, const double* x, double* y);

}  // namespace masr::reference

#endif  // MOBILEASR_KERNELS_REFERENCE_NORMALIZATION_H_
