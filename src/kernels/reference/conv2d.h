// Plain twins of kernels/conv2d.h in double, by the definition: a loop over every pair of output
// and tap. Shapes and meaning as there; in the backward functions dx is written, dw and dbias
// accumulate, none is null. Linked into tests only.
#ifndef MOBILEASR_KERNELS_REFERENCE_CONV2D_H_
#define MOBILEASR_KERNELS_REFERENCE_CONV2D_H_

#include "kernels/conv2d.h"

namespace masr::reference {

void Conv2dForward(Offsets in_offsets, Offsets out_offsets, const Conv2dShape& shape,
                   const double* x, const double* w, const double* bias, double* y);
void Conv2dBackward(Offsets in_offsets, Offsets out_offsets, const Conv2dShape& shape,
                    const double* x, const double* w, const double* dy, double* dx, double* dw,
                    double* dbias);
void DepthwiseConv2dForward(Offsets in_offsets, Offsets out_offsets, const Conv2dShape& shape,
                            const double* x, const double* w, const double* bias, double* y);
void DepthwiseConv2dBackward(Offsets in_offsets, Offsets out_offsets, const Conv2dShape& shape,
                             const double* x, const double* w, const double* dy, double* dx,
                             double* dw, double* dbias);

}  // namespace masr::reference

#endif  // MOBILEASR_KERNELS_REFERENCE_CONV2D_H_
