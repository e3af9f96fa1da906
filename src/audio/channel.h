// What microphones and lines do to speech besides coding it, and a change of pitch.
#ifndef MOBILEASR_AUDIO_CHANNEL_H_
#define MOBILEASR_AUDIO_CHANNEL_H_

#include <span>
#include <vector>

#include "base/result.h"

namespace masr {

// A microphone that is driven too hard: what is above a level `depth_db` decibels below the peak is
// cut off. 0 or less changes nothing.
void Clip(std::span<float> samples, double depth_db);

// Fourth-order Butterworth filters, in place: a high pass at `low_hz` (none if 0) and a low pass at
// `high_hz` (none from the Nyquist frequency up). Each is two of the biquads of Bristow-Johnson's
// "Audio EQ cookbook".
void BandLimit(std::span<float> samples, double sample_rate_hz, double low_hz, double high_hz);

// Pitch and formants moved by -12 to 12 semitones at constant duration, by SoundTouch's overlapping
// of similar pieces. As long as `samples`; rates of 4000 to 192000 Hz.
Result<std::vector<float>> ShiftPitch(std::span<const float> samples, double sample_rate_hz,
                                      double semitones);

}  // namespace masr

#endif  // MOBILEASR_AUDIO_CHANNEL_H_
