// Audio files through libsndfile (WAV, FLAC, Ogg/Vorbis, Ogg/Opus, MP3, AIFF, ...) as mono PCM.
#ifndef MOBILEASR_AUDIO_AUDIO_FILE_H_
#define MOBILEASR_AUDIO_AUDIO_FILE_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace masr {

struct Pcm {
  std::vector<float> samples;  // mono, in [-1, 1]
  int sample_rate_hz = 0;
};

struct AudioInfo {
  int sample_rate_hz = 0;
  int channels = 0;
  double seconds = 0;
};

// Channels are averaged, samples beyond [-1, 1] are clipped. At most `max_seconds` are decoded:
// longer files are refused, and the message says so. Fails on what is missing, empty, truncated to
// nothing, or not audio; names the file.
Result<Pcm> ReadAudio(const std::string& path, double max_seconds = 3600);
// The same for the bytes of a file that are already in memory; messages speak of "audio data".
Result<Pcm> DecodeAudio(std::span<const uint8_t> bytes, double max_seconds = 3600);
// From the header, where there is one: `seconds` may be more than a damaged file holds.
Result<AudioInfo> ReadAudioInfo(const std::string& path);

// 16-bit mono WAV; samples are clipped to [-1, 1]. An old file at `path` is replaced only when the
// new one is whole and durable.
Status WriteWav(const std::string& path, const Pcm& pcm);

}  // namespace masr

#endif  // MOBILEASR_AUDIO_AUDIO_FILE_H_
