// What training does to speech so that little of it goes further.
#ifndef MOBILEASR_AUDIO_AUGMENT_H_
#define MOBILEASR_AUDIO_AUGMENT_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/rng.h"

namespace masr {

// SpecAugment (Park et al., 2019) without time warping, in place on [frames, mels]. Masked cells
// take the value 0 (the mean after normalisation).
struct SpecAugmentOptions {
  int frequency_masks = 2;
  int frequency_width = 27;  // at most this many bins each
  int time_masks = 2;
  double time_fraction = 0.05;  // each at most this share of the utterance
  int time_width = 100;         // and at most this many frames
};
void SpecAugment(const SpecAugmentOptions& options, int64_t frames, int64_t mels, float* features,
                 Rng& rng);

// Speed perturbation (Ko et al., 2015): 1.1 makes speech shorter and higher.
Result<std::vector<float>> PerturbSpeed(std::span<const float> samples, double sample_rate_hz,
                                        double speed);

// Adds `noise`, from `noise_start` on and repeated as needed, so that the ratio of mean powers is
// `snr_db`. Silence in either leaves `samples` as they are.
void AddNoise(std::span<float> samples, std::span<const float> noise, size_t noise_start,
              double snr_db);

// As if heard over a telephone: down to 8 kHz and back.
Result<std::vector<float>> TelephoneBand(std::span<const float> samples, double sample_rate_hz);

}  // namespace masr

#endif  // MOBILEASR_AUDIO_AUGMENT_H_
