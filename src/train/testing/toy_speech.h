// A language that is learned in seconds: the letters a, b, c are tones, and a word is a few of them
// with pauses between.
#ifndef MOBILEASR_TRAIN_TESTING_TOY_SPEECH_H_
#define MOBILEASR_TRAIN_TESTING_TOY_SPEECH_H_

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "audio/audio_file.h"
#include "base/rng.h"
#include "data/manifest.h"
#include "data/speech_dataset.h"
#include "io/file.h"
#include "model/testing/tiny_model.h"

namespace masr::testing {

constexpr int kToyRateHz = 8000;

inline const char* ToyModelConfig() {
  return R"({"name": "toy", "features": {"sample_rate_hz": 8000, "mels": 12},
             "characters": ["a", "b", "c"],
             "encoder": [{"layer": "conv1d", "channels": 16, "kernel": 5, "stride": 3},
                         {"layer": "layer_norm"},
                         {"layer": "activation", "function": "silu"},
                         {"layer": "dropout", "probability": 0.1},
                         {"layer": "conv1d", "channels": 16, "kernel": 3},
                         {"layer": "activation", "function": "relu"}]})";
}

// `shift` raises all tones: another voice.
inline std::vector<float> Say(const std::string& word, double shift, Rng& rng) {
  std::vector<float> samples;
  const auto add = [&](double frequency_hz, double seconds) {
    const auto count = static_cast<int>(seconds * kToyRateHz);
    for (int i = 0; i < count; ++i) {
      const double tone = frequency_hz > 0
                              ? 0.3 * std::sin(2 * std::numbers::pi * frequency_hz * i / kToyRateHz)
                              : 0.0;
      samples.push_back(static_cast<float>(tone + 0.005 * rng.Normal()));
    }
  };
  add(0, 0.06);
  for (char letter : word) {
    add(shift * 400 * std::pow(2.0, letter - 'a'), rng.Uniform(0.08, 0.12));
    add(0, 0.06);
  }
  return samples;
}

inline std::string RandomWord(Rng& rng) {
  std::string word;
  for (uint64_t letters = 2 + rng.Below(3); letters > 0; --letters) {
    word += static_cast<char>('a' + rng.Below(3));
  }
  return word;
}

// Writes `count` utterances and a manifest of them into `folder`; gives the manifest's path.
inline std::string WriteToySpeech(const TemporaryFolder& folder, const std::string& name, int count,
                                  double shift, uint64_t seed) {
  Rng rng(seed);
  std::string lines;
  for (int i = 0; i < count; ++i) {
    const std::string word = RandomWord(rng);
    const std::vector<float> samples = Say(word, shift, rng);
    const std::string file = name + std::to_string(i) + ".wav";
    EXPECT_TRUE(WriteWav(folder / file, {samples, kToyRateHz}).has_value());
    lines += R"({"audio_filepath": ")" + file + R"(", "duration": )" +
             std::to_string(static_cast<double>(samples.size()) / kToyRateHz) + R"(, "text": ")" +
             word + "\"}\n";
  }
  const std::string path = folder / (name + ".jsonl");
  EXPECT_TRUE(ReplaceFile(path, lines).has_value());
  return path;
}

inline SpeechDataset LoadToySpeech(const std::string& manifest, const Model& model,
                                   int64_t cache_bytes = 1 << 24) {
  auto read = ReadManifest(manifest);
  EXPECT_TRUE(read.has_value()) << read.error().message;
  std::vector<Manifest> manifests;
  manifests.push_back(std::move(*read));
  return SpeechDataset::Create(std::move(manifests), model.vocabulary,
                               {.sample_rate_hz = kToyRateHz, .cache_bytes = cache_bytes});
}

}  // namespace masr::testing

#endif  // MOBILEASR_TRAIN_TESTING_TOY_SPEECH_H_
