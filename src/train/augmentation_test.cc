#include "train/augmentation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace masr {
namespace {

constexpr double kRateHz = 16000;

// Harmonics that come and go.
std::vector<float> Speech() {
  std::vector<float> samples(12000);
  for (size_t i = 0; i < samples.size(); ++i) {
    const double t = static_cast<double>(i) / kRateHz;
    double sum = 0;
    for (int h = 1; h < 15; ++h) sum += std::sin(2 * M_PI * 150 * h * t + h * h) / h;
    samples[i] = static_cast<float>(0.2 * sum * (0.5 + 0.5 * std::sin(2 * M_PI * 4 * t)));
  }
  return samples;
}

std::vector<float> Recording(int64_t i) {
  Rng rng(static_cast<uint64_t>(100 + i));
  std::vector<float> noise(5000 + 100 * static_cast<size_t>(i));
  for (float& x : noise) x = static_cast<float>(0.1 * rng.Normal());
  return noise;
}

const NoiseSource kNoise = {.count = 3, .samples = [](int64_t i) { return Recording(i); }};

std::vector<float> Augment(const AugmentOptions& options, uint64_t key,
                           std::vector<AppliedEffect>* applied = nullptr) {
  Rng rng(key);
  auto result = AugmentSamples(Speech(), kRateHz, options, kNoise, key, rng, applied);
  EXPECT_TRUE(result.has_value()) << result.error().message;
  return result.value_or(std::vector<float>());
}

const AugmentOptions kFirstEffects = {.speeds = {0.9, 1.0, 1.1},
                                      .gain_db = 6,
                                      .noise_probability = 0.7,
                                      .telephone_probability = 0.3};

// The chain as it was before there were other effects, draw by draw.
std::vector<float> FirstChain(const AugmentOptions& o, Rng& rng) {
  std::vector<float> samples = Speech();
  const double speed = o.speeds[rng.Below(o.speeds.size())];
  if (speed != 1.0) samples = *PerturbSpeed(samples, kRateHz, speed);
  if (rng.Uniform() < o.noise_probability) {
    const std::vector<float> noise = Recording(static_cast<int64_t>(rng.Below(3)));
    const size_t start = rng.Below(noise.size());
    AddNoise(samples, noise, start, rng.Uniform(o.noise_snr_low_db, o.noise_snr_high_db));
  }
  if (rng.Uniform() < o.telephone_probability) samples = *TelephoneBand(samples, kRateHz);
  const auto gain = static_cast<float>(std::pow(10.0, rng.Uniform(-o.gain_db, o.gain_db) / 20));
  for (float& s : samples) s *= gain;
  return samples;
}

TEST(Augmentation, OldRecipesGiveTheSameBits) {
  for (uint64_t key = 0; key < 20; ++key) {
    Rng rng(key), first(key);
    const auto samples =
        AugmentSamples(Speech(), kRateHz, kFirstEffects, kNoise, key, rng, nullptr);
    ASSERT_TRUE(samples.has_value());
    EXPECT_EQ(*samples, FirstChain(kFirstEffects, first)) << key;
    EXPECT_EQ(rng.state(), first.state()) << key;  // what SpecAugment goes on with
  }
}

AugmentOptions WithEverything() {
  AugmentOptions options = kFirstEffects;
  options.pitch_probability = options.room_probability = options.clip_probability = 0.5;
  options.band_probability = options.codec_probability = 0.5;
  options.room = {.t60_low_s = 0.1, .t60_high_s = 0.2};
  return options;
}

// So that a recipe that gets a room keeps its noises, and the reverse.
TEST(Augmentation, EffectsDoNotDisturbEachOthersDraws) {
  const auto value = [](const std::vector<AppliedEffect>& applied, const std::string& name) {
    for (const AppliedEffect& e : applied) {
      if (e.name == name) return e.values;
    }
    return std::vector<std::pair<std::string, double>>();
  };
  for (uint64_t key = 0; key < 20; ++key) {
    std::vector<AppliedEffect> few, many, most;
    Augment(kFirstEffects, key, &few);
    Augment(WithEverything(), key, &many);
    AugmentOptions options = WithEverything();
    options.pitch_probability = 0;
    options.noise_probability = 0;
    Augment(options, key, &most);
    for (const char* name : {"speed", "gain"}) EXPECT_EQ(value(few, name), value(many, name));
    const auto noise = value(few, "noise"), noise_then = value(many, "noise");
    EXPECT_EQ(noise.empty(), noise_then.empty());
    if (!noise.empty()) {
      EXPECT_EQ(noise[2], noise_then[2]);
    }
    for (const char* name : {"room", "clip", "band", "codec"}) {
      EXPECT_EQ(value(many, name), value(most, name)) << name;
    }
  }
}

TEST(Augmentation, EachEffectHappensAsOftenAsAskedAndIsNoted) {
  const std::vector<float> plain = Speech();
  const struct {
    const char* name;
    double AugmentOptions::*probability;
  } effects[] = {{"pitch", &AugmentOptions::pitch_probability},
                 {"room", &AugmentOptions::room_probability},
                 {"clip", &AugmentOptions::clip_probability},
                 {"band", &AugmentOptions::band_probability},
                 {"codec", &AugmentOptions::codec_probability},
                 {"noise", &AugmentOptions::noise_probability},
                 {"telephone", &AugmentOptions::telephone_probability}};
  for (const auto& effect : effects) {
    AugmentOptions options;
    options.room = {.t60_low_s = 0.1, .t60_high_s = 0.2};
    options.*effect.probability = 0.5;
    int happened = 0;
    constexpr int kRounds = 60;
    for (uint64_t key = 0; key < kRounds; ++key) {
      std::vector<AppliedEffect> applied;
      const std::vector<float> samples = Augment(options, key, &applied);
      EXPECT_EQ(samples.size(), plain.size()) << effect.name;
      EXPECT_EQ(samples == plain, applied.empty()) << effect.name;
      if (applied.empty()) continue;
      EXPECT_EQ(applied.size(), 1u);
      EXPECT_EQ(applied[0].name, effect.name);
      ++happened;
    }
    EXPECT_NEAR(happened, kRounds / 2, 15) << effect.name;  // four standard errors
  }
}

TEST(Augmentation, DrawsStayWithinTheirLimits) {
  AugmentOptions options;
  options.pitch_probability = options.clip_probability = options.codec_probability = 1;
  options.pitch_semitones = 1.5;
  options.clip_depth_low_db = 3;
  options.clip_depth_high_db = 4;
  options.codecs = {Codec::kGsm, Codec::kOpus};
  options.opus_low_bits_per_second = 8000;
  options.opus_high_bits_per_second = 9000;
  std::set<std::string> codecs;
  for (uint64_t key = 0; key < 20; ++key) {
    std::vector<AppliedEffect> applied;
    Augment(options, key, &applied);
    ASSERT_EQ(applied.size(), 3u);
    EXPECT_LE(std::abs(applied[0].values[0].second), 1.5);
    EXPECT_GE(applied[1].values[0].second, 3);
    EXPECT_LE(applied[1].values[0].second, 4);
    codecs.insert(applied[2].kind);
    if (applied[2].kind != "opus") continue;
    EXPECT_GE(applied[2].values[0].second, 8000);
    EXPECT_LE(applied[2].values[0].second, 9000);
  }
  EXPECT_EQ(codecs, (std::set<std::string>{"gsm", "opus"}));
}

TEST(Augmentation, KeysDecideEverything) {
  EXPECT_EQ(Augment(WithEverything(), 5), Augment(WithEverything(), 5));
  EXPECT_NE(Augment(WithEverything(), 5), Augment(WithEverything(), 6));
  EXPECT_EQ(Augment({}, 5), Speech());
}

TEST(Augmentation, RecipesOfNothingElse) {
  const auto options = AugmentOptionsFromJson(
      R"({"noise_probability": 1, "noise_snr_low_db": 0, "room_probability": 0.4,
          "codecs": ["a-law"]})",
      "recipe.json");
  ASSERT_TRUE(options.has_value()) << options.error().message;
  EXPECT_EQ(options->noise_snr_low_db, 0);
  EXPECT_EQ(options->room_probability, 0.4);
  EXPECT_EQ(options->codecs, std::vector<Codec>{Codec::kALaw});
  const auto bad = AugmentOptionsFromJson(R"({"echo": 1})", "recipe.json");
  ASSERT_FALSE(bad.has_value());
  EXPECT_NE(bad.error().message.find("recipe.json: unknown option 'echo'"), std::string::npos)
      << bad.error().message;
}

}  // namespace
}  // namespace masr
