#include "audio/resampler.h"

#include <soxr.h>

#include <cmath>
#include <cstddef>
#include <string>

namespace masr {
namespace {

constexpr double kMaxRateHz = 768000;
constexpr double kMaxSamples = 1u << 31;  // 8 GiB; more is a mistaken rate

}  // namespace

Result<std::vector<float>> Resample(std::span<const float> samples, double from_hz, double to_hz) {
  // Written so that NaN fails too.
  if (!(from_hz > 0 && from_hz <= kMaxRateHz && to_hz > 0 && to_hz <= kMaxRateHz)) {
    return Fail(ErrorCode::kInvalidArgument, "cannot resample from " + std::to_string(from_hz) +
                                                 " Hz to " + std::to_string(to_hz) +
                                                 " Hz: give rates above 0 and up to 768000 Hz");
  }
  if (from_hz == to_hz || samples.empty()) return std::vector(samples.begin(), samples.end());
  const double ideal_length = static_cast<double>(samples.size()) * (to_hz / from_hz);
  if (ideal_length > kMaxSamples) {
    return Fail(ErrorCode::kInvalidArgument,
                "resampling from " + std::to_string(from_hz) + " Hz to " + std::to_string(to_hz) +
                    " Hz would give more than 2^31 samples: check the rates or split the signal");
  }
  std::vector<float> resampled(static_cast<size_t>(std::ceil(ideal_length)));
  const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
  size_t produced = 0;
  const soxr_error_t error =
      soxr_oneshot(from_hz, to_hz, 1, samples.data(), samples.size(), nullptr, resampled.data(),
                   resampled.size(), &produced, nullptr, &quality, nullptr);
  if (error != nullptr) {
    return Fail(ErrorCode::kUnsupported, "cannot resample from " + std::to_string(from_hz) +
                                             " Hz to " + std::to_string(to_hz) + " Hz: " + error +
                                             "; try rates that are closer");
  }
  resampled.resize(produced);
  return resampled;
}

}  // namespace masr
