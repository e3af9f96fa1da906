// Any bytes as an audio file: decoding may refuse them, and must neither crash nor give samples
// that break its contract.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "audio/audio_file.h"

// libsndfile 1.2.0 itself leaks 5.8 kB when a cut-off Ogg Vorbis file cannot be opened; everything
// else that LeakSanitizer finds is ours.
extern "C" const char* __lsan_default_suppressions() { return "leak:vorbis_info_init\n"; }

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr double kMaxSeconds = 10;
  const masr::Result<masr::Pcm> pcm =
      masr::DecodeAudio(std::span<const uint8_t>(data, size), kMaxSeconds);
  if (!pcm) {
    if (pcm.error().message.empty()) std::abort();
    return 0;
  }
  if (pcm->samples.empty() || pcm->sample_rate_hz <= 0) std::abort();
  if (static_cast<double>(pcm->samples.size()) > kMaxSeconds * pcm->sample_rate_hz) std::abort();
  for (const float x : pcm->samples) {
    if (!(x >= -1.0f && x <= 1.0f)) std::abort();
  }
  return 0;
}
