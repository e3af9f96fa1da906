// Audio files through libsndfile (WAV, FLAC, Ogg/Vorbis, Ogg/Opus, MP3, AIFF, ...) as mono PCM.
#ifndef MOBILEASR_AUDIO_AUDIO_FILE_H_
#define MOBILEASR_AUDIO_AUDIO_FILE_H_

#include <cstdint>
#include <memory>
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
// The same for a file that lies inside another, as in an uncompressed tar; messages name `path` and
// the place in it. Refused where the other file ends before it.
Result<Pcm> ReadAudioRange(const std::string& path, int64_t offset_bytes, int64_t size_bytes,
                           double max_seconds = 3600);
// From the header, where there is one: `seconds` may be more than a damaged file holds.
Result<AudioInfo> ReadAudioInfo(const std::string& path);

// The samples of a file from first to last, a little at a time: a long recording needs no more
// memory than a short one. Move-only; one thread at a time.
class AudioReader {
 public:
  // Fails as ReadAudio does.
  static Result<AudioReader> Open(const std::string& path);
  AudioReader(AudioReader&&) noexcept;
  AudioReader& operator=(AudioReader&&) noexcept;
  ~AudioReader();

  int sample_rate_hz() const;
  // The next samples, mono in [-1, 1]; none at the end. Fails on a sample that is not a number, and
  // at the end of a file that held none; names the file.
  Result<std::vector<float>> Read();

 private:
  struct State;
  explicit AudioReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

enum class AudioFormat {
  kWav,   // 16 bit
  kFlac,  // 16 bit, the same samples in half the space
  kOpus,  // in Ogg, 32 kbit/s; only at 8, 12, 16, 24 and 48 kHz
};

// The bytes of a mono file; samples are clipped to [-1, 1].
Result<std::string> EncodeAudio(const Pcm& pcm, AudioFormat format);
// An old file at `path` is replaced only when the new one is whole and durable.
Status WriteAudio(const std::string& path, const Pcm& pcm, AudioFormat format);
// WriteAudio as WAV.
Status WriteWav(const std::string& path, const Pcm& pcm);

}  // namespace masr

#endif  // MOBILEASR_AUDIO_AUDIO_FILE_H_
