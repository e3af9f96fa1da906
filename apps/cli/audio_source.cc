#include "audio_source.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace masr::cli {

Result<AudioSource> AudioSource::Open(const std::string& path, int raw_rate_hz, int rate_hz) {
  std::optional<AudioReader> file;
  if (!IsStandardInput(path)) {
    MASR_TRY(file, AudioReader::Open(path));
  } else if (isatty(STDIN_FILENO) != 0) {
    return Fail(ErrorCode::kInvalidArgument,
                "standard input is a terminal; pipe raw 16-bit PCM into it, as arecord -t raw -f "
                "S16_LE -r 16000 gives it");
  }
  MASR_TRY(ResampleStream resampler,
           ResampleStream::Create(file ? file->sample_rate_hz() : raw_rate_hz, rate_hz));
  constexpr int kPiecesPerSecond = 50;
  const auto raw_bytes = 2 * static_cast<size_t>(std::max(1, raw_rate_hz / kPiecesPerSecond));
  return AudioSource(std::move(file), std::move(resampler), raw_bytes);
}

Result<std::vector<float>> AudioSource::ReadRaw() {
  if (broken_) {
    return Fail(ErrorCode::kCorrupt,
                "standard input: ends in the middle of a sample; give raw 16-bit PCM, two bytes a "
                "sample");
  }
  std::vector<uint8_t> bytes(raw_bytes_);
  size_t used = 0;
  while (used < bytes.size()) {
    const ssize_t got = read(STDIN_FILENO, bytes.data() + used, bytes.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return Fail(ErrorCode::kIo,
                  "standard input: cannot read: " + std::generic_category().message(errno));
    }
    if (got == 0) break;
    used += static_cast<size_t>(got);
  }
  broken_ = used % 2 != 0;
  std::vector<float> samples(used / 2);
  for (size_t i = 0; i < samples.size(); ++i) {
    const auto bits = static_cast<uint16_t>(bytes[2 * i] | bytes[2 * i + 1] << 8);
    samples[i] = static_cast<float>(static_cast<int16_t>(bits)) / 32768.0f;
  }
  return samples;
}

Result<std::vector<float>> AudioSource::Read() {
  if (done_) return std::vector<float>();
  MASR_TRY(const std::vector<float> samples, file_ ? file_->Read() : ReadRaw());
  if (!samples.empty() || broken_) return resampler_.Push(samples);
  done_ = true;
  return resampler_.Finish();
}

}  // namespace masr::cli
