#include "train/augmentation.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "audio/channel.h"

namespace masr {
namespace {

constexpr double kLowestBandHz = 50;

// Streams of the effects that have their own; only append.
enum class Stream : uint64_t { kPitch = 1, kRoom, kClip, kBand, kCodec };

// One utterance on its way through the chain.
class Chain {
 public:
  Chain(std::vector<float> samples, double sample_rate_hz, const AugmentOptions& options,
        uint64_t key, Rng& rng, std::vector<AppliedEffect>* applied)
      : samples_(std::move(samples)),
        rate_hz_(sample_rate_hz),
        options_(options),
        key_(key),
        rng_(rng),
        applied_(applied) {}

  Result<std::vector<float>> Run(const NoiseSource& noise) {
    MASR_RETURN_IF_ERROR(Speed());
    MASR_RETURN_IF_ERROR(Pitch());
    MASR_RETURN_IF_ERROR(Reverberation());
    MASR_RETURN_IF_ERROR(Noise(noise));
    Clipping();
    Band();
    MASR_RETURN_IF_ERROR(Telephone());
    MASR_RETURN_IF_ERROR(Coding());
    Gain();
    return std::move(samples_);
  }

 private:
  void Note(std::string name, std::vector<std::pair<std::string, double>> values,
            std::string_view kind = {}) {
    if (applied_ == nullptr) return;
    applied_->push_back({std::move(name), std::string(kind), std::move(values)});
  }

  // Whether an effect with its own stream happens, and that stream for what it draws.
  bool Happens(Stream stream, double probability, Rng& draws) const {
    if (probability <= 0) return false;
    draws = Rng(MixKeys(key_, static_cast<uint64_t>(stream)));
    return draws.Uniform() < probability;
  }

  Status Speed() {
    const double speed = DrawSpeed(options_.speeds, rng_);
    if (speed == 1.0) return {};
    MASR_TRY(samples_, PerturbSpeed(samples_, rate_hz_, speed));
    Note("speed", {{"factor", speed}});
    return {};
  }

  Status Pitch() {
    Rng draws(0);
    if (!Happens(Stream::kPitch, options_.pitch_probability, draws)) return {};
    const double semitones = draws.Uniform(-options_.pitch_semitones, options_.pitch_semitones);
    MASR_TRY(samples_, ShiftPitch(samples_, rate_hz_, semitones));
    Note("pitch", {{"semitones", semitones}});
    return {};
  }

  Status Reverberation() {
    Rng draws(0);
    if (!Happens(Stream::kRoom, options_.room_probability, draws)) return {};
    const Room room = DrawRoom(options_.room, draws);
    MASR_TRY(samples_, Reverberate(samples_, room, rate_hz_));
    Note("room", {{"t60_s", room.t60_s},
                  {"length_m", room.size_m[0]},
                  {"width_m", room.size_m[1]},
                  {"height_m", room.size_m[2]},
                  {"source_x_m", room.source_m[0]},
                  {"source_y_m", room.source_m[1]},
                  {"source_z_m", room.source_m[2]},
                  {"microphone_x_m", room.microphone_m[0]},
                  {"microphone_y_m", room.microphone_m[1]},
                  {"microphone_z_m", room.microphone_m[2]}});
    return {};
  }

  Status Noise(const NoiseSource& noise) {
    if (noise.count <= 0 || !(rng_.Uniform() < options_.noise_probability)) return {};
    const auto which = static_cast<int64_t>(rng_.Below(static_cast<uint64_t>(noise.count)));
    MASR_TRY(const std::vector<float> recording, noise.samples(which));
    if (recording.empty()) return {};
    const size_t start = rng_.Below(recording.size());
    const double snr_db = rng_.Uniform(options_.noise_snr_low_db, options_.noise_snr_high_db);
    AddNoise(samples_, recording, start, snr_db);
    Note("noise", {{"index", static_cast<double>(which)},
                   {"start_s", static_cast<double>(start) / rate_hz_},
                   {"snr_db", snr_db}});
    return {};
  }

  void Clipping() {
    Rng draws(0);
    if (!Happens(Stream::kClip, options_.clip_probability, draws)) return;
    const double depth_db = draws.Uniform(options_.clip_depth_low_db, options_.clip_depth_high_db);
    Clip(samples_, depth_db);
    Note("clip", {{"depth_db", depth_db}});
  }

  void Band() {
    Rng draws(0);
    if (!Happens(Stream::kBand, options_.band_probability, draws)) return;
    const double low_hz =
        draws.Uniform(kLowestBandHz, std::max(kLowestBandHz, options_.band_low_hz));
    const double nyquist_hz = rate_hz_ / 2;
    const double high_hz = draws.Uniform(std::min(options_.band_high_hz, nyquist_hz), nyquist_hz);
    BandLimit(samples_, rate_hz_, low_hz, high_hz);
    Note("band", {{"low_hz", low_hz}, {"high_hz", high_hz}});
  }

  Status Telephone() {
    if (!(rng_.Uniform() < options_.telephone_probability)) return {};
    MASR_TRY(samples_, TelephoneBand(samples_, rate_hz_));
    Note("telephone", {});
    return {};
  }

  Status Coding() {
    Rng draws(0);
    if (!Happens(Stream::kCodec, options_.codec_probability, draws)) return {};
    const auto codec = options_.codecs.empty()
                           ? static_cast<Codec>(draws.Below(kCodecNames.size()))
                           : options_.codecs[draws.Below(options_.codecs.size())];
    const double bits_per_second =
        draws.Uniform(options_.opus_low_bits_per_second, options_.opus_high_bits_per_second);
    MASR_TRY(samples_, ThroughCodec(samples_, rate_hz_, codec, bits_per_second));
    std::vector<std::pair<std::string, double>> values;
    if (codec == Codec::kOpus) values.emplace_back("bits_per_second", bits_per_second);
    Note("codec", std::move(values), kCodecNames[static_cast<size_t>(codec)]);
    return {};
  }

  void Gain() {
    if (!(options_.gain_db > 0)) return;
    const double gain_db = rng_.Uniform(-options_.gain_db, options_.gain_db);
    const auto gain = static_cast<float>(std::pow(10.0, gain_db / 20));
    for (float& s : samples_) s *= gain;
    Note("gain", {{"db", gain_db}});
  }

  std::vector<float> samples_;
  double rate_hz_;
  const AugmentOptions& options_;
  uint64_t key_;
  Rng& rng_;
  std::vector<AppliedEffect>* applied_;
};

void ReadSpecAugment(const nlohmann::json& json, ConfigReader& parent, SpecAugmentOptions& spec) {
  ConfigReader reader(json, "spec_augment");
  spec.frequency_masks =
      static_cast<int>(reader.Int("frequency_masks", spec.frequency_masks, 0, 64));
  spec.frequency_width =
      static_cast<int>(reader.Int("frequency_width", spec.frequency_width, 0, 512));
  spec.time_masks = static_cast<int>(reader.Int("time_masks", spec.time_masks, 0, 64));
  spec.time_width = static_cast<int>(reader.Int("time_width", spec.time_width, 0, 100000));
  spec.time_fraction = reader.Number("time_fraction", spec.time_fraction, 0, 1);
  if (const Status status = reader.Finish(); !status.has_value()) {
    parent.Refuse(status.error().message);
  }
}

// Two limits of one range; the lower may not be above the other.
void ReadRange(ConfigReader& reader, const std::string& low_key, double& low,
               const std::string& high_key, double& high, double least, double most) {
  low = reader.Number(low_key, low, least, most);
  high = reader.Number(high_key, high, least, most);
  if (low > high) reader.Refuse("'" + low_key + "' is above '" + high_key + "'; exchange them");
}

}  // namespace

void ReadAugmentOptions(ConfigReader& reader, AugmentOptions& o) {
  o.speeds = reader.NumberList("speeds");
  for (double speed : o.speeds) {
    if (speed < 0.5 || speed > 2) reader.Refuse("'speeds' must lie between 0.5 and 2");
  }
  o.gain_db = reader.Number("gain_db", o.gain_db, 0, 40);
  o.noise_probability = reader.Number("noise_probability", o.noise_probability, 0, 1);
  o.noise_snr_low_db = reader.Number("noise_snr_low_db", o.noise_snr_low_db, -20, 60);
  o.noise_snr_high_db = reader.Number("noise_snr_high_db", o.noise_snr_high_db, -20, 60);
  o.telephone_probability = reader.Number("telephone_probability", o.telephone_probability, 0, 1);
  if (const nlohmann::json* spec = reader.Child("spec_augment"); spec != nullptr) {
    o.spec_augment = true;
    ReadSpecAugment(*spec, reader, o.spec);
  }
  o.pitch_probability = reader.Number("pitch_probability", o.pitch_probability, 0, 1);
  o.pitch_semitones = reader.Number("pitch_semitones", o.pitch_semitones, 0, 12);
  o.room_probability = reader.Number("room_probability", o.room_probability, 0, 1);
  ReadRange(reader, "room_t60_low_s", o.room.t60_low_s, "room_t60_high_s", o.room.t60_high_s, 0.05,
            2);
  ReadRange(reader, "room_distance_low_m", o.room.distance_low_m, "room_distance_high_m",
            o.room.distance_high_m, 0.1, 10);
  o.clip_probability = reader.Number("clip_probability", o.clip_probability, 0, 1);
  ReadRange(reader, "clip_depth_low_db", o.clip_depth_low_db, "clip_depth_high_db",
            o.clip_depth_high_db, 0, 40);
  o.band_probability = reader.Number("band_probability", o.band_probability, 0, 1);
  o.band_low_hz = reader.Number("band_low_hz", o.band_low_hz, kLowestBandHz, 2000);
  o.band_high_hz = reader.Number("band_high_hz", o.band_high_hz, 2000, 96000);
  o.codec_probability = reader.Number("codec_probability", o.codec_probability, 0, 1);
  const bool has_codecs = reader.Child("codecs") != nullptr;
  for (const std::string& name :
       has_codecs ? reader.TextList("codecs") : std::vector<std::string>()) {
    const auto found = std::find(kCodecNames.begin(), kCodecNames.end(), name);
    if (found == kCodecNames.end()) {
      std::string known;
      for (const std::string_view codec : kCodecNames) known += " " + std::string(codec);
      reader.Refuse("'codecs' knows no '" + name + "'; choose of:" + known);
      continue;
    }
    o.codecs.push_back(static_cast<Codec>(found - kCodecNames.begin()));
  }
  ReadRange(reader, "opus_low_bits_per_second", o.opus_low_bits_per_second,
            "opus_high_bits_per_second", o.opus_high_bits_per_second, 6000, 256000);
}

Result<AugmentOptions> AugmentOptionsFromJson(std::string_view text, const std::string& where) {
  MASR_TRY(const nlohmann::json json, ParseConfig(text, where));
  ConfigReader reader(json, where);
  AugmentOptions options;
  ReadAugmentOptions(reader, options);
  MASR_RETURN_IF_ERROR(reader.Finish());
  return options;
}

double DrawSpeed(const std::vector<double>& speeds, Rng& rng) {
  return speeds.empty() ? 1.0 : speeds[rng.Below(speeds.size())];
}

double DrawnSpeed(const AugmentOptions& options, uint64_t key) {
  Rng rng(key);
  return DrawSpeed(options.speeds, rng);
}

Result<std::vector<float>> AugmentSamples(std::vector<float> samples, double sample_rate_hz,
                                          const AugmentOptions& options, const NoiseSource& noise,
                                          uint64_t key, Rng& rng,
                                          std::vector<AppliedEffect>* applied) {
  return Chain(std::move(samples), sample_rate_hz, options, key, rng, applied).Run(noise);
}

}  // namespace masr
