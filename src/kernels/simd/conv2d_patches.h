// What conv2d.cc leaves to vectors.
#ifndef MOBILEASR_KERNELS_SIMD_CONV2D_PATCHES_H_
#define MOBILEASR_KERNELS_SIMD_CONV2D_PATCHES_H_

#include <cstdint>

#include "kernels/conv2d.h"

namespace masr {

// dx [in_bins, in_channels] of one frame += what out frames [begin, end) of its utterance saw of
// it; patches [end - begin, out_bins, taps * in_channels] begins with out frame `begin`.
void AddPatchesToFrame(const Conv2dShape& shape, int64_t frame, int64_t begin, int64_t end,
                       const float* patches, float* dx);

}  // namespace masr

#endif  // MOBILEASR_KERNELS_SIMD_CONV2D_PATCHES_H_
