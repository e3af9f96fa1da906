// Plain twins of kernels/elementwise.h in double; shapes and meaning as there. Linked into tests
// only.
#ifndef MOBILEASR_KERNELS_REFERENCE_ELEMENTWISE_H_
#define MOBILEASR_KERNELS_REFERENCE_ELEMENTWISE_H_

#include <cstdint>

#include "kernels/elementwise.h"

namespace masr::reference {

void ActivationForward(Activation f, int64_t n, const double* x, double* y);
void ActivationBackward(Activation f, int64_t n, const double* x, const double* dy, double* dx);
void GluForward(int64_t rows, int64_t dim, const double* x, double* y);
void GluBackward(int64_t rows, int64_t dim, const double* x, const double* dy, double* dx);
void ScaleAdd(int64_t n, double a, const double* x, double b, double* y);
void Dropout(int64_t n, float p, uint64_t key, const double* x, double* y);

}  // namespace masr::reference

#endif  // MOBILEASR_KERNELS_REFERENCE_ELEMENTWISE_H_
