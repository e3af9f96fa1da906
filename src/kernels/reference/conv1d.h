// Plain twins of kernels/conv1d.h and grouped_conv1d.h in double, by the definition. Shapes and
// meaning as there; in the backward functions dx is written, dw and dbias accumulate, none is null.
// Linked into tests only.
#ifndef MOBILEASR_KERNELS_REFERENCE_CONV1D_H_
#define MOBILEASR_KERNELS_REFERENCE_CONV1D_H_

#include "kernels/conv1d.h"

namespace masr::reference {

void DepthwiseConv1dForward(Offsets in_offsets, Offsets out_offsets, int64_t channels,
                            const Conv1dShape& shape, const double* x, const double* w,
                            const double* bias, double* y);
void DepthwiseConv1dBackward(Offsets in_offsets, Offsets out_offsets, int64_t channels,
                             const Conv1dShape& shape, const double* x, const double* w,
                             const double* dy, double* dx, double* dw, double* dbias);
void Conv1dForward(Offsets in_offsets, Offsets out_offsets, int64_t in_channels,
                   int64_t out_channels, const Conv1dShape& shape, const double* x, const double* w,
                   const double* bias, double* y);
void Conv1dBackward(Offsets in_offsets, Offsets out_offsets, int64_t in_channels,
                    int64_t out_channels, const Conv1dShape& shape, const double* x,
                    const double* w, const double* dy, double* dx, double* dw, double* dbias);
void GroupedConv1dForward(Offsets in_offsets, Offsets out_offsets, int64_t in_channels,
                          int64_t out_channels, int64_t groups, const Conv1dShape& shape,
                          const double* x, const double* w, const double* bias, double* y);
void GroupedConv1dBackward(Offsets in_offsets, Offsets out_offsets, int64_t in_channels,
                           int64_t out_channels, int64_t groups, const Conv1dShape& shape,
                           const double* x, const double* w, const double* dy, double* dx,
                           double* dw, double* dbias);

}  // namespace masr::reference

#endif  // MOBILEASR_KERNELS_REFERENCE_CONV1D_H_
