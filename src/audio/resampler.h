// Any rate to any rate, through libsoxr.
#ifndef MOBILEASR_AUDIO_RESAMPLER_H_
#define MOBILEASR_AUDIO_RESAMPLER_H_

#include <span>
#include <vector>

#include "base/result.h"

namespace masr {

// The whole signal at once, soxr's high quality; rates in (0, 768000]. Equal rates copy.
Result<std::vector<float>> Resample(std::span<const float> samples, double from_hz, double to_hz);

}  // namespace masr

#endif  // MOBILEASR_AUDIO_RESAMPLER_H_
