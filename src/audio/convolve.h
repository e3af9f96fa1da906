// Linear convolution by FFT.
#ifndef MOBILEASR_AUDIO_CONVOLVE_H_
#define MOBILEASR_AUDIO_CONVOLVE_H_

#include <span>
#include <vector>

#include "base/result.h"

namespace masr {

// sum over k of kernel[k] * signal[n - k]: signal.size() + kernel.size() - 1 samples, or none if
// either is empty. Overlap-add in blocks of about four kernels (Stockham, 1966), so memory beyond
// the result is in proportion to the kernel. Fails only without memory.
Result<std::vector<float>> Convolve(std::span<const float> signal, std::span<const float> kernel);

}  // namespace masr

#endif  // MOBILEASR_AUDIO_CONVOLVE_H_
