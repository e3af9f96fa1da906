// Any rate to any rate, through libsoxr.
#ifndef MOBILEASR_AUDIO_RESAMPLER_H_
#define MOBILEASR_AUDIO_RESAMPLER_H_

#include <memory>
#include <span>
#include <vector>

#include "base/result.h"

namespace masr {

// The whole signal at once, soxr's high quality; rates in (0, 768000]. Equal rates copy.
Result<std::vector<float>> Resample(std::span<const float> samples, double from_hz, double to_hz);

// The same of a signal that arrives in pieces: however it is cut, what comes out is the same.
// Move-only; one thread at a time.
class ResampleStream {
 public:
  // Fails on rates outside (0, 768000].
  static Result<ResampleStream> Create(double from_hz, double to_hz);
  ResampleStream(ResampleStream&&) noexcept;
  ResampleStream& operator=(ResampleStream&&) noexcept;
  ~ResampleStream();

  // What can be told of the output by now: the filter looks ahead some milliseconds.
  Result<std::vector<float>> Push(std::span<const float> samples);
  // The rest of it; the next Push begins another signal.
  Result<std::vector<float>> Finish();

 private:
  struct State;
  explicit ResampleStream(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace masr

#endif  // MOBILEASR_AUDIO_RESAMPLER_H_
