// The only file of the library with exceptions: SoundTouch throws, and goes no further than here.
#include <soundtouch/SoundTouch.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <string>
#include <type_traits>

#include "audio/channel.h"

namespace masr {

static_assert(std::is_same_v<soundtouch::SAMPLETYPE, float>, "SoundTouch must be built for floats");

Result<std::vector<float>> ShiftPitch(std::span<const float> samples, double sample_rate_hz,
                                      double semitones) {
  // Written so that NaN fails too.
  if (!(semitones >= -12 && semitones <= 12)) {
    return Fail(
        ErrorCode::kInvalidArgument,
        "cannot move the pitch by " + std::to_string(semitones) + " semitones: give -12 to 12");
  }
  if (!(sample_rate_hz >= 4000 && sample_rate_hz <= 192000)) {
    return Fail(ErrorCode::kInvalidArgument, "cannot move the pitch at " +
                                                 std::to_string(sample_rate_hz) +
                                                 " Hz: give a rate of 4000 to 192000 Hz");
  }
  std::vector<float> shifted(samples.begin(), samples.end());
  if (semitones == 0 || samples.empty()) return shifted;
  try {
    soundtouch::SoundTouch stretcher;
    stretcher.setSampleRate(static_cast<unsigned>(std::lround(sample_rate_hz)));
    stretcher.setChannels(1);
    stretcher.setPitchSemiTones(semitones);
    // For speech, as SoundTouch's manual has it.
    stretcher.setSetting(SETTING_SEQUENCE_MS, 40);
    stretcher.setSetting(SETTING_SEEKWINDOW_MS, 15);
    stretcher.setSetting(SETTING_OVERLAP_MS, 8);
    stretcher.putSamples(samples.data(), static_cast<unsigned>(samples.size()));
    stretcher.flush();
    const unsigned got =
        stretcher.receiveSamples(shifted.data(), static_cast<unsigned>(shifted.size()));
    std::fill(shifted.begin() + got, shifted.end(), 0.0f);
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kUnsupported,
                std::string("cannot move the pitch: ") + error.what() + "; leave it out");
  }
  return shifted;
}

}  // namespace masr
