// The chain of things that training does to speech, by a recipe and chance.
#ifndef MOBILEASR_TRAIN_AUGMENTATION_H_
#define MOBILEASR_TRAIN_AUGMENTATION_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audio/augment.h"
#include "audio/codec.h"
#include "audio/room.h"
#include "base/result.h"
#include "base/rng.h"
#include "io/config_reader.h"

namespace masr {

// Probabilities are per utterance; a value between two limits is drawn uniformly.
struct AugmentOptions {
  std::vector<double> speeds = {};  // one is drawn per utterance; empty: none
  double gain_db = 0;               // uniform in +- this many decibels
  double noise_probability = 0;     // of mixing in a noise, at a ratio between the two limits
  double noise_snr_low_db = 5;
  double noise_snr_high_db = 30;
  double telephone_probability = 0;  // of passing through a telephone's band
  bool spec_augment = false;
  SpecAugmentOptions spec = {};
  double pitch_probability = 0;
  double pitch_semitones = 2;  // up or down by at most this; more sounds like another being
  double room_probability = 0;
  RoomRange room = {};
  double clip_probability = 0;     // of a microphone driven too hard
  double clip_depth_low_db = 1;    // hardly heard
  double clip_depth_high_db = 12;  // words can still be made out
  double band_probability = 0;     // of a loudspeaker or microphone that lacks lows and highs
  double band_low_hz = 400;        // the high pass is drawn from 50 Hz to this
  double band_high_hz = 3000;      // the low pass from this to the Nyquist frequency
  double codec_probability = 0;
  std::vector<Codec> codecs = {};  // one is drawn; empty: any
  // What Internet calls spend on speech when the line is bad, and when it is good.
  double opus_low_bits_per_second = 6000;
  double opus_high_bits_per_second = 24000;
  // Of going straight on with the next utterance of the batch, up to so many seconds in all. The
  // one thing that is not done to samples: a batch loader does it, and only recipes name it.
  double join_probability = 0;
  double join_max_seconds = 20;
};

// Reads the fields of a stage that are an augmentation (docs/models.md); errors stay with the
// reader.
void ReadAugmentOptions(ConfigReader& reader, AugmentOptions& options);
// A JSON object of nothing but those; `where` names it in messages.
Result<AugmentOptions> AugmentOptionsFromJson(std::string_view text, const std::string& where);

// Recordings that may be mixed in. `samples` gives recording i at the rate of the speech, and may
// be called from several threads.
struct NoiseSource {
  int64_t count = 0;
  std::function<Result<std::vector<float>>(int64_t i)> samples = {};
};

// What was done to an utterance, for its provenance: ("noise", {{"index", 3}, {"snr_db", 7.5}}).
struct AppliedEffect {
  std::string name;
  std::string kind;  // the codec's name; else empty
  std::vector<std::pair<std::string, double>> values;
};

// One of the factors; 1, without a draw, where there are none.
double DrawSpeed(const std::vector<double>& speeds, Rng& rng);
// The tempo that AugmentSamples draws first from a generator made from `key`.
double DrawnSpeed(const AugmentOptions& options, uint64_t key);

// Speed, pitch, room, noise, clipping, band, telephone, codec and gain, in that order: from the
// mouth to the line. Everything but the samples follows from `key`. What is drawn for speed, noise,
// telephone and gain comes from `rng`, which the caller has made from `key` and goes on with for
// SpecAugment; each other effect has a stream of its own, so that a recipe without it gives what it
// gave before there was such an effect. `applied` may be null.
Result<std::vector<float>> AugmentSamples(std::vector<float> samples, double sample_rate_hz,
                                          const AugmentOptions& options, const NoiseSource& noise,
                                          uint64_t key, Rng& rng,
                                          std::vector<AppliedEffect>* applied);

}  // namespace masr

#endif  // MOBILEASR_TRAIN_AUGMENTATION_H_
