// The plain twin of kernels/instance_norm.h, in double.
#ifndef MOBILEASR_KERNELS_REFERENCE_INSTANCE_NORM_H_
#define MOBILEASR_KERNELS_REFERENCE_INSTANCE_NORM_H_

#include <cstdint>

#include "kernels/context.h"

namespace masr::reference {

void InstanceNormForward(Offsets offsets, int64_t channels, double epsilon, const double* x,
                         const double* gamma, const double* beta, double* y);
void InstanceNormBackward(Offsets offsets, int64_t channels, double epsilon, const double* x,
                          const double* gamma, const double* dy, double* dx, double* dgamma,
                          double* dbeta);

}  // namespace masr::reference

#endif  // MOBILEASR_KERNELS_REFERENCE_INSTANCE_NORM_H_
