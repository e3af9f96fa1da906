#include "audio/codec.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "audio/resampler.h"
#include "audio/sound_memory.h"

namespace masr {
namespace {

int FormatOf(Codec codec) {
  switch (codec) {
    case Codec::kMuLaw:
      return SF_FORMAT_WAV | SF_FORMAT_ULAW;
    case Codec::kALaw:
      return SF_FORMAT_WAV | SF_FORMAT_ALAW;
    case Codec::kGsm:
      return SF_FORMAT_WAV | SF_FORMAT_GSM610;
    case Codec::kG726:
      return SF_FORMAT_AU | SF_FORMAT_G721_32;
    case Codec::kImaAdpcm:
      return SF_FORMAT_WAV | SF_FORMAT_IMA_ADPCM;
    case Codec::kOpus:
      return SF_FORMAT_OGG | SF_FORMAT_OPUS;
  }
  return 0;
}

int CodedRateHz(Codec codec, double sample_rate_hz) {
  return codec == Codec::kOpus && sample_rate_hz >= 16000 ? 16000 : 8000;
}

// Coded into memory and decoded; the length may differ by a frame.
Result<std::vector<short>> CodeAndDecode(const std::vector<short>& samples, int rate_hz,
                                         Codec codec, double opus_bits_per_second) {
  const auto unsupported = [&] {
    const auto name = std::string(kCodecNames[static_cast<size_t>(codec)]);
    return Fail(ErrorCode::kUnsupported,
                "this libsndfile cannot code " + name + "; update it, or leave " + name + " out");
  };
  SF_INFO info{};
  info.samplerate = rate_hz;
  info.channels = 1;
  info.format = FormatOf(codec);
  SoundMemory coded;
  {
    const SoundFile file = OpenMemory(coded, SFM_WRITE, info);
    if (file == nullptr) return unsupported();
    if (codec == Codec::kOpus) SetOpusBitrate(file.get(), opus_bits_per_second);
    sf_writef_short(file.get(), samples.data(), static_cast<sf_count_t>(samples.size()));
  }
  SoundMemory memory{
      .bytes = {reinterpret_cast<const uint8_t*>(coded.written.data()), coded.written.size()},
      .written = {}};
  SF_INFO decoded_info{};
  const SoundFile file = OpenMemory(memory, SFM_READ, decoded_info);
  if (file == nullptr) return unsupported();
  std::vector<short> decoded(samples.size());
  size_t used = 0;
  while (used < decoded.size()) {
    const sf_count_t got = sf_readf_short(file.get(), decoded.data() + used,
                                          static_cast<sf_count_t>(decoded.size() - used));
    if (got <= 0) break;
    used += static_cast<size_t>(got);
  }
  return decoded;
}

}  // namespace

Result<std::vector<float>> ThroughCodec(std::span<const float> samples, double sample_rate_hz,
                                        Codec codec, double opus_bits_per_second) {
  const int rate_hz = CodedRateHz(codec, sample_rate_hz);
  MASR_TRY(const std::vector<float> narrow, Resample(samples, sample_rate_hz, rate_hz));
  if (narrow.empty()) return std::vector<float>(samples.size());
  std::vector<short> plain(narrow.size());
  std::transform(narrow.begin(), narrow.end(), plain.begin(), To16Bit);
  MASR_TRY(const std::vector<short> decoded,
           CodeAndDecode(plain, rate_hz, codec, opus_bits_per_second));
  std::vector<float> heard(decoded.size());
  std::transform(decoded.begin(), decoded.end(), heard.begin(),
                 [](short x) { return static_cast<float>(x) / 32768.0f; });
  MASR_TRY(std::vector<float> result, Resample(heard, rate_hz, sample_rate_hz));
  result.resize(samples.size());  // rounding twice may have cost or added a few samples
  return result;
}

}  // namespace masr
