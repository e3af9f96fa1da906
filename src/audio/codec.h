// Speech coders that telephone and Internet lines use, through libsndfile.
#ifndef MOBILEASR_AUDIO_CODEC_H_
#define MOBILEASR_AUDIO_CODEC_H_

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace masr {

enum class Codec {
  kMuLaw,     // G.711, 64 kbit/s, American and Japanese lines
  kALaw,      // G.711, 64 kbit/s, lines elsewhere
  kGsm,       // GSM 06.10 full rate, 13 kbit/s
  kG726,      // G.721 = G.726 ADPCM at 32 kbit/s, cordless telephones
  kImaAdpcm,  // 32 kbit/s, cheap recorders
  kOpus,      // Internet telephony, at the bit rate given
};
constexpr std::array<std::string_view, 6> kCodecNames = {"mu-law", "a-law",     "gsm",
                                                         "g726",   "ima-adpcm", "opus"};

// Speech that was coded and decoded again: Opus at 16 kHz (8 kHz for rates below), the others at
// 8 kHz; then back at `sample_rate_hz` and as long as it was. `opus_bits_per_second`, 6000 to
// 256000, only counts for Opus. Fails on a libsndfile that was built without the codec, and on
// rates that Resample refuses.
Result<std::vector<float>> ThroughCodec(std::span<const float> samples, double sample_rate_hz,
                                        Codec codec, double opus_bits_per_second = 16000);

}  // namespace masr

#endif  // MOBILEASR_AUDIO_CODEC_H_
