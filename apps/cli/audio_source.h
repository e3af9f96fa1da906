// Samples at a model's rate, from a file or from raw PCM on standard input, a little at a time.
#ifndef MOBILEASR_APPS_CLI_AUDIO_SOURCE_H_
#define MOBILEASR_APPS_CLI_AUDIO_SOURCE_H_

#include <optional>
#include <string>
#include <vector>

#include "audio/audio_file.h"
#include "audio/resampler.h"
#include "base/result.h"

namespace masr::cli {

// "-": standard input.
inline bool IsStandardInput(const std::string& path) { return path == "-"; }

class AudioSource {
 public:
  // `raw_rate_hz` is that of standard input: 16-bit little-endian mono without a header.
  static Result<AudioSource> Open(const std::string& path, int raw_rate_hz, int rate_hz);

  // The next samples: what is there, tens of milliseconds at most of standard input; nothing once
  // `done()`. Fails on input that breaks off within a sample.
  Result<std::vector<float>> Read();
  bool done() const { return done_; }

 private:
  AudioSource(std::optional<AudioReader> file, ResampleStream resampler, size_t raw_bytes)
      : file_(std::move(file)), resampler_(std::move(resampler)), raw_bytes_(raw_bytes) {}
  Result<std::vector<float>> ReadRaw();

  std::optional<AudioReader> file_;  // none: standard input
  ResampleStream resampler_;
  size_t raw_bytes_;  // to ask standard input for
  bool done_ = false;
  bool broken_ = false;  // within a sample
};

}  // namespace masr::cli

#endif  // MOBILEASR_APPS_CLI_AUDIO_SOURCE_H_
