#include "audio/audio_file.h"

#include <sndfile.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sstream>
#include <system_error>

#include "audio/sound_memory.h"
#include "io/file.h"

namespace masr {
namespace {

constexpr int kMaxRateHz = 768000;
constexpr sf_count_t kBlockFrames = 4096;
// An hour at 192 kHz: a few bytes of FLAC can stand for hours of silence at any rate they claim.
constexpr double kMaxFrames = 3600.0 * 192000;
// A header may claim anything; no more than this is set aside before samples have come.
constexpr sf_count_t kMaxReservedFrames = 1 << 22;

// WAV counts its bytes in 32 bits; half of that leaves room for any reader's mistakes with signs.
constexpr size_t kMaxWavSamples = size_t{1} << 30;

// Speech of 16 kHz is hardly told from the original at this rate.
constexpr double kOpusBitsPerSecond = 32000;

// Why the last sf_open failed: a guess where several threads open files, as libsndfile keeps one
// number for all. sf_strerror(nullptr) would read a shared buffer besides.
std::string OpenProblem() { return sf_error_number(sf_error(nullptr)); }

tl::unexpected<Error> NotAudio() {
  return Fail(ErrorCode::kCorrupt,
              "not audio that can be read (" + OpenProblem() +
                  "); give WAV, FLAC, Ogg Vorbis, Ogg Opus, MP3 or AIFF, or convert it to WAV");
}

Status CheckFormat(const SF_INFO& info) {
  if (info.samplerate < 1 || info.samplerate > kMaxRateHz || info.channels < 1) {
    return Fail(ErrorCode::kCorrupt, "the header claims " + std::to_string(info.samplerate) +
                                         " Hz and " + std::to_string(info.channels) +
                                         " channels; convert the file to WAV anew");
  }
  return {};
}

tl::unexpected<Error> NoSamples() {
  return Fail(ErrorCode::kCorrupt, "holds no samples; record or copy it again");
}

// Appends the mean of the channels of the next frames to `samples`, of which `already` came before;
// false at the end. `block` is scratch.
Result<bool> DecodeBlock(SNDFILE* file, const SF_INFO& info, int64_t already,
                         std::vector<float>& block, std::vector<float>& samples) {
  const auto channels = static_cast<size_t>(info.channels);
  block.resize(static_cast<size_t>(kBlockFrames) * channels);
  const sf_count_t frames = sf_readf_float(file, block.data(), kBlockFrames);
  if (frames <= 0) return false;
  for (sf_count_t t = 0; t < frames; ++t) {
    float sum = 0;
    for (size_t c = 0; c < channels; ++c) sum += block[static_cast<size_t>(t) * channels + c];
    if (!std::isfinite(sum)) {
      return Fail(ErrorCode::kCorrupt, "sample " + std::to_string(already + t) +
                                           " is not a number; convert the file to 16 bit anew");
    }
    samples.push_back(std::clamp(sum / static_cast<float>(channels), -1.0f, 1.0f));
  }
  return true;
}

Result<Pcm> Decode(SNDFILE* file, const SF_INFO& info, double max_seconds) {
  MASR_RETURN_IF_ERROR(CheckFormat(info));
  const double max_frames = std::min(max_seconds * info.samplerate, kMaxFrames);
  Pcm pcm{.samples = {}, .sample_rate_hz = info.samplerate};
  pcm.samples.reserve(
      static_cast<size_t>(std::clamp<sf_count_t>(info.frames, 0, kMaxReservedFrames)));
  std::vector<float> block;
  for (;;) {
    MASR_TRY(const bool more,
             DecodeBlock(file, info, static_cast<int64_t>(pcm.samples.size()), block, pcm.samples));
    if (!more) break;
    if (static_cast<double>(pcm.samples.size()) > max_frames) {
      std::ostringstream message;
      message << "longer than the " << max_frames / info.samplerate
              << " s that are read at most; split it into shorter files";
      return Fail(ErrorCode::kUnsupported, message.str());
    }
  }
  if (pcm.samples.empty()) return NoSamples();
  return pcm;
}

// What libsndfile would only call a system error.
Status CheckReadable(const std::string& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    return Fail(ErrorCode::kNotFound, "no such file; check the path");
  }
  if (error) return Fail(ErrorCode::kIo, error.message() + "; check the path and its permissions");
  if (!std::filesystem::is_regular_file(status)) {
    return Fail(ErrorCode::kInvalidArgument, "not a file; give the path of an audio file");
  }
  const auto size = std::filesystem::file_size(path, error);
  if (error) return Fail(ErrorCode::kIo, error.message() + "; check the file's permissions");
  if (size == 0) return Fail(ErrorCode::kCorrupt, "the file is empty; record or copy it again");
  return {};
}

Result<SoundFile> OpenFile(const std::string& path, SF_INFO& info) {
  MASR_RETURN_IF_ERROR(CheckReadable(path));
  SoundFile file(sf_open(path.c_str(), SFM_READ, &info));
  if (file != nullptr) return file;
  if (sf_error(nullptr) == SF_ERR_SYSTEM) {
    return Fail(ErrorCode::kIo, "cannot be opened; check the file's permissions");
  }
  return NotAudio();
}

Status CheckMaxSeconds(double max_seconds) {
  if (max_seconds > 0) return {};
  return Fail(ErrorCode::kInvalidArgument,
              "max_seconds is " + std::to_string(max_seconds) + "; it must be above 0");
}

Result<AudioInfo> InfoOf(const SF_INFO& info) {
  MASR_RETURN_IF_ERROR(CheckFormat(info));
  if (info.frames <= 0) return NoSamples();
  return AudioInfo{.sample_rate_hz = info.samplerate,
                   .channels = info.channels,
                   .seconds = static_cast<double>(info.frames) / info.samplerate};
}

int FormatOf(AudioFormat format) {
  switch (format) {
    case AudioFormat::kFlac:
      return SF_FORMAT_FLAC | SF_FORMAT_PCM_16;
    case AudioFormat::kOpus:
      return SF_FORMAT_OGG | SF_FORMAT_OPUS;
    default:
      return SF_FORMAT_WAV | SF_FORMAT_PCM_16;
  }
}

Status WriteBytes(const std::string& path, std::string_view bytes) {
  Status written = ReplaceFile(path, bytes);
  if (written || written.error().code == ErrorCode::kNoSpace) return written;
  written.error().message += "; check that the folder exists and may be written to";
  return written;
}

}  // namespace

Result<Pcm> DecodeAudio(std::span<const uint8_t> bytes, double max_seconds) {
  const auto decode = [&]() -> Result<Pcm> {
    MASR_RETURN_IF_ERROR(CheckMaxSeconds(max_seconds));
    if (bytes.empty()) return NoSamples();
    SoundMemory memory{.bytes = bytes, .written = {}, .position = 0};
    SF_INFO info{};
    const SoundFile file = OpenMemory(memory, SFM_READ, info);
    if (file == nullptr) return NotAudio();
    return Decode(file.get(), info, max_seconds);
  };
  Result<Pcm> pcm = decode();
  if (!pcm) return Fail("audio data", std::move(pcm.error()));
  return pcm;
}

Result<Pcm> ReadAudio(const std::string& path, double max_seconds) {
  const auto read = [&]() -> Result<Pcm> {
    MASR_RETURN_IF_ERROR(CheckMaxSeconds(max_seconds));
    SF_INFO info{};
    MASR_TRY(const SoundFile file, OpenFile(path, info));
    return Decode(file.get(), info, max_seconds);
  };
  Result<Pcm> pcm = read();
  if (!pcm) return Fail(path, std::move(pcm.error()));
  return pcm;
}

struct AudioReader::State {
  std::string path;
  SF_INFO info;
  SoundFile file;
  int64_t samples = 0;  // read so far
  std::vector<float> block;
};

AudioReader::AudioReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
AudioReader::AudioReader(AudioReader&&) noexcept = default;
AudioReader& AudioReader::operator=(AudioReader&&) noexcept = default;
AudioReader::~AudioReader() = default;

int AudioReader::sample_rate_hz() const { return state_->info.samplerate; }

Result<AudioReader> AudioReader::Open(const std::string& path) {
  auto state = std::make_unique<State>();
  state->path = path;
  Result<SoundFile> file = OpenFile(path, state->info);
  if (!file) return Fail(path, std::move(file.error()));
  Status format = CheckFormat(state->info);
  if (!format) return Fail(path, std::move(format.error()));
  state->file = std::move(*file);
  return AudioReader(std::move(state));
}

Result<std::vector<float>> AudioReader::Read() {
  State& s = *state_;
  std::vector<float> samples;
  Result<bool> more = DecodeBlock(s.file.get(), s.info, s.samples, s.block, samples);
  if (more && !*more && s.samples == 0) more = NoSamples();
  if (!more) return Fail(s.path, std::move(more.error()));
  s.samples += static_cast<int64_t>(samples.size());
  return samples;
}

Result<AudioInfo> ReadAudioInfo(const std::string& path) {
  SF_INFO info{};
  const Result<SoundFile> file = OpenFile(path, info);
  if (!file) return Fail(path, file.error());
  Result<AudioInfo> result = InfoOf(info);
  if (!result) return Fail(path, std::move(result.error()));
  return result;
}

Result<Pcm> ReadAudioRange(const std::string& path, int64_t offset_bytes, int64_t size_bytes,
                           double max_seconds) {
  MASR_TRY(const std::vector<uint8_t> bytes, ReadFileRange(path, offset_bytes, size_bytes));
  Result<Pcm> pcm = DecodeAudio(bytes, max_seconds);
  if (!pcm) {
    return Fail(path + ": " + std::to_string(size_bytes) + " bytes from byte " +
                    std::to_string(offset_bytes),
                std::move(pcm.error()));
  }
  return pcm;
}

Result<std::string> EncodeAudio(const Pcm& pcm, AudioFormat format) {
  if (pcm.sample_rate_hz < 1 || pcm.sample_rate_hz > kMaxRateHz) {
    return Fail(ErrorCode::kInvalidArgument, "cannot write " + std::to_string(pcm.sample_rate_hz) +
                                                 " Hz; the sample rate must be in 1..768000");
  }
  if (pcm.samples.size() > kMaxWavSamples) {
    return Fail(
        ErrorCode::kInvalidArgument,
        std::to_string(pcm.samples.size()) + " samples are too many for one file; write several");
  }
  SF_INFO info{};
  info.samplerate = pcm.sample_rate_hz;
  info.channels = 1;
  info.format = FormatOf(format);
  SoundMemory memory;
  SoundFile file = OpenMemory(memory, SFM_WRITE, info);
  if (file == nullptr) {
    return Fail(ErrorCode::kUnsupported, "libsndfile cannot make this kind of file at " +
                                             std::to_string(pcm.sample_rate_hz) + " Hz (" +
                                             OpenProblem() + "); write WAV, or update it");
  }
  if (format == AudioFormat::kOpus) SetOpusBitrate(file.get(), kOpusBitsPerSecond);
  std::vector<short> samples(pcm.samples.size());
  std::transform(pcm.samples.begin(), pcm.samples.end(), samples.begin(), To16Bit);
  sf_writef_short(file.get(), samples.data(), static_cast<sf_count_t>(samples.size()));
  file.reset();  // completes the header
  return std::move(memory.written);
}

Status WriteAudio(const std::string& path, const Pcm& pcm, AudioFormat format) {
  const Result<std::string> bytes = EncodeAudio(pcm, format);
  if (!bytes) return Fail(path, bytes.error());
  return WriteBytes(path, *bytes);
}

Status WriteWav(const std::string& path, const Pcm& pcm) {
  return WriteAudio(path, pcm, AudioFormat::kWav);
}

}  // namespace masr
