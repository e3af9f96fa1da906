// In place of audio_file.cc, codec.cc and pitch.cc in a build without libsndfile and SoundTouch
// (MASR_AUDIO_FILES=OFF): samples come from the app, and files say why they cannot be read.
#include <string>

#include "audio/audio_file.h"
#include "audio/channel.h"
#include "audio/codec.h"

namespace masr {
namespace {

tl::unexpected<Error> NotHere(const std::string& what) {
  return Fail(ErrorCode::kUnsupported,
              what +
                  ": this build has no audio files; give samples, or build with "
                  "-DMASR_AUDIO_FILES=ON");
}

}  // namespace

struct AudioReader::State {};

Result<Pcm> ReadAudio(const std::string& path, double) { return NotHere(path); }
Result<Pcm> DecodeAudio(std::span<const uint8_t>, double) { return NotHere("audio in memory"); }
Result<Pcm> ReadAudioRange(const std::string& path, int64_t, int64_t, double) {
  return NotHere(path);
}
Result<AudioInfo> ReadAudioInfo(const std::string& path) { return NotHere(path); }

Result<AudioReader> AudioReader::Open(const std::string& path) { return NotHere(path); }
AudioReader::AudioReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
AudioReader::AudioReader(AudioReader&&) noexcept = default;
AudioReader& AudioReader::operator=(AudioReader&&) noexcept = default;
AudioReader::~AudioReader() = default;
int AudioReader::sample_rate_hz() const { return 0; }
Result<std::vector<float>> AudioReader::Read() { return NotHere("audio"); }

Result<std::string> EncodeAudio(const Pcm&, AudioFormat) { return NotHere("audio"); }
Status WriteAudio(const std::string& path, const Pcm&, AudioFormat) { return NotHere(path); }
Status WriteWav(const std::string& path, const Pcm&) { return NotHere(path); }

Result<std::vector<float>> ThroughCodec(std::span<const float>, double, Codec codec, double) {
  return NotHere("codec " + std::string(kCodecNames[static_cast<size_t>(codec)]));
}
Result<std::vector<float>> ShiftPitch(std::span<const float>, double, double) {
  return NotHere("moving the pitch");
}

}  // namespace masr
