#include "data/speech_dataset.h"

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <numbers>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "audio/audio_file.h"
#include "io/testing/temporary_folder.h"

namespace masr {
namespace {

namespace fs = std::filesystem;

class SpeechDatasetTest : public ::testing::Test {
 protected:
  // A tone; gives the path.
  std::string WriteTone(const std::string& name, double seconds, int sample_rate_hz = 16000) const {
    Pcm pcm{.samples = {}, .sample_rate_hz = sample_rate_hz};
    for (int i = 0; i < static_cast<int>(seconds * sample_rate_hz + 0.5); ++i) {
      const double phase = 2 * std::numbers::pi * 440 * i / sample_rate_hz;
      pcm.samples.push_back(static_cast<float>(0.7 * std::sin(phase)));
    }
    const std::string path = folder_ / name;
    const Status status = WriteWav(path, pcm);
    EXPECT_TRUE(status.has_value()) << status.error().message;
    return path;
  }

  static Utterance MakeUtterance(std::string audio_path, std::string text, double duration_s = 0) {
    Utterance utterance;
    utterance.where = "list.jsonl: " + text;
    utterance.audio_path = std::move(audio_path);
    utterance.text = std::move(text);
    utterance.duration_s = duration_s;
    return utterance;
  }

  static SpeechDataset Make(std::vector<Utterance> utterances, const DatasetOptions& options = {}) {
    Manifest manifest;
    manifest.utterances = std::move(utterances);
    return SpeechDataset::Create({std::move(manifest)}, Vocabulary::English(), options);
  }

  static std::vector<float> Samples(SpeechDataset& dataset, int64_t i) {
    auto samples = dataset.Samples(i);
    EXPECT_TRUE(samples.has_value()) << samples.error().message;
    return samples.value_or(std::vector<float>());
  }

  testing::TemporaryFolder folder_;
};

TEST_F(SpeechDatasetTest, TargetsSourcesAndDurations) {
  const std::string one = WriteTone("one.wav", 0.5), two = WriteTone("two.wav", 0.25);
  Manifest first, second;
  first.utterances = {MakeUtterance(one, "ab")};
  first.problems = {{"first: line 2", "broken"}};
  second.utterances = {MakeUtterance(two, "it's b", 0.3)};
  second.problems = {{"second: line 9", "broken too"}};
  const SpeechDataset dataset = SpeechDataset::Create({first, second}, Vocabulary::English(), {});
  ASSERT_EQ(dataset.size(), 2);
  EXPECT_EQ(dataset.source(0), 0);
  EXPECT_EQ(dataset.source(1), 1);
  EXPECT_EQ(dataset.utterance(1).text, "it's b");
  const auto target = dataset.target(1);
  EXPECT_EQ(Vocabulary::English().Decode(target), "it's b");
  EXPECT_EQ(dataset.target(0).size(), 2u);
  // From the file where the manifest does not say.
  ASSERT_EQ(dataset.durations_s().size(), 2u);
  EXPECT_NEAR(dataset.durations_s()[0], 0.5, 1e-9);
  EXPECT_EQ(dataset.durations_s()[1], 0.3);
  // The manifests' own problems come along.
  ASSERT_EQ(dataset.problems().size(), 2u);
  EXPECT_EQ(dataset.problems()[0].where, "first: line 2");
  EXPECT_EQ(dataset.problems()[1].where, "second: line 9");
}

TEST_F(SpeechDatasetTest, WhatCannotBeUsedIsAProblemAndTheRestStays) {
  const std::string good = WriteTone("good.wav", 0.2), slow = WriteTone("slow.wav", 1.5);
  const SpeechDataset dataset =
      Make({MakeUtterance(good, "call 7"), MakeUtterance(folder_ / "none.wav", "missing"),
            MakeUtterance(slow, "too long"), MakeUtterance(good, "stated too long", 1.01),
            MakeUtterance(good, "good"), MakeUtterance(good, "as long as allowed", 1.0)},
           {.max_seconds = 1});
  ASSERT_EQ(dataset.size(), 2);
  EXPECT_EQ(dataset.utterance(0).text, "good");
  EXPECT_EQ(dataset.utterance(1).text, "as long as allowed");
  EXPECT_EQ(dataset.target(1).size(), 18u);
  const std::pair<const char*, const char*> expected[] = {{"call 7", "7"},
                                                          {"missing", "none.wav"},
                                                          {"too long", "longer than 1 "},
                                                          {"stated too long", "longer than 1 "}};
  ASSERT_EQ(dataset.problems().size(), std::size(expected));
  for (size_t i = 0; i < std::size(expected); ++i) {
    const ManifestProblem& problem = dataset.problems()[i];
    EXPECT_EQ(problem.where, std::string("list.jsonl: ") + expected[i].first);
    EXPECT_NE(problem.message.find(expected[i].second), std::string::npos) << problem.message;
  }
}

TEST_F(SpeechDatasetTest, NothingLeftIsAnEmptyDataset) {
  const SpeechDataset dataset = Make({MakeUtterance(folder_ / "none.wav", "missing")});
  EXPECT_EQ(dataset.size(), 0);
  EXPECT_TRUE(dataset.durations_s().empty());
  EXPECT_EQ(dataset.problems().size(), 1u);
}

TEST_F(SpeechDatasetTest, SamplesComeAtTheDatasetsRate) {
  const std::string path = WriteTone("fast.wav", 0.5, 44100);
  SpeechDataset dataset = Make({MakeUtterance(path, "a")}, {.sample_rate_hz = 8000});
  EXPECT_NEAR(dataset.durations_s()[0], 0.5, 1e-9);
  const std::vector<float> samples = Samples(dataset, 0);
  ASSERT_NEAR(static_cast<double>(samples.size()), 4000, 1);
  // Away from the ends it is the same tone.
  for (size_t i = 500; i < 3500; ++i) {
    const double phase = 2 * std::numbers::pi * 440 * static_cast<double>(i) / 8000;
    ASSERT_NEAR(samples[i], 0.7 * std::sin(phase), 2e-3) << i;
  }
}

TEST_F(SpeechDatasetTest, CachedSamplesAreTheSameAsTheFirstOnes) {
  const std::string path = WriteTone("tone.wav", 0.5, 22050);
  SpeechDataset dataset = Make({MakeUtterance(path, "a")}, {.cache_bytes = 1 << 20});
  SpeechDataset uncached = Make({MakeUtterance(path, "a")});
  const std::vector<float> first = Samples(dataset, 0);
  const std::vector<float> decoded = Samples(uncached, 0);
  ASSERT_EQ(first.size(), decoded.size());
  for (size_t i = 0; i < first.size(); ++i) ASSERT_NEAR(first[i], decoded[i], 0.5 / 32768 + 1e-9);
  fs::remove(path);
  EXPECT_EQ(Samples(dataset, 0), first);
  EXPECT_EQ(Samples(dataset, 0), first);
  EXPECT_FALSE(uncached.Samples(0).has_value());
}

// Between two frequencies, by the DFT of the signal under a Hann window.
double BandEnergy(const std::vector<float>& samples, double low_hz, double high_hz, int rate_hz) {
  const auto n = static_cast<double>(samples.size());
  double energy = 0;
  for (double hz = low_hz; hz < high_hz; hz += 40 * rate_hz / n) {
    std::complex<double> sum = 0;
    for (size_t i = 0; i < samples.size(); ++i) {
      const auto t = static_cast<double>(i);
      const double window = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * t / n);
      sum += std::polar(window * samples[i], -2 * std::numbers::pi * hz * t / rate_hz);
    }
    energy += std::norm(sum) / n;
  }
  return energy;
}

TEST_F(SpeechDatasetTest, KeptTelephoneSpeechHasNoMoreInItsUpperBandThanDecodedSpeech) {
  const std::string path = WriteTone("telephone.wav", 0.5, 8000);
  SpeechDataset kept = Make({MakeUtterance(path, "a")}, {.cache_bytes = 1 << 20});
  SpeechDataset decoded = Make({MakeUtterance(path, "a")});
  EXPECT_EQ(kept.CachedBytes(0), 8000);  // 4000 samples of two bytes
  Samples(kept, 0);
  const std::vector<float> samples = Samples(kept, 0);
  ASSERT_EQ(samples.size(), 8000u);
  const double floor = BandEnergy(Samples(decoded, 0), 5000, 7900, 16000);
  EXPECT_LT(BandEnergy(samples, 5000, 7900, 16000), 1.1 * floor);
  // What rounding after resampling would have left there.
  std::vector<float> rounded = samples;
  for (float& sample : rounded) sample = std::round(sample * 32768) / 32768;
  EXPECT_GT(BandEnergy(rounded, 5000, 7900, 16000), 10 * floor);
}

// 0.5 s at 16 kHz are 16000 bytes.
TEST_F(SpeechDatasetTest, TheCacheIsBounded) {
  const std::string path = WriteTone("tone.wav", 0.5);
  const std::vector<Utterance> utterances(3, MakeUtterance(path, "a"));
  SpeechDataset dataset = Make(utterances, {.cache_bytes = 40'000});
  for (int64_t i = 0; i < 3; ++i) Samples(dataset, i);
  fs::remove(path);
  EXPECT_TRUE(dataset.Samples(0).has_value());
  EXPECT_TRUE(dataset.Samples(1).has_value());
  EXPECT_FALSE(dataset.Samples(2).has_value());
}

TEST_F(SpeechDatasetTest, AFileThatWentAwayIsAnErrorThatNamesTheLine) {
  const std::string path = WriteTone("tone.wav", 0.5);
  SpeechDataset dataset = Make({MakeUtterance(path, "a")});
  fs::remove(path);
  const auto samples = dataset.Samples(0);
  ASSERT_FALSE(samples.has_value());
  EXPECT_TRUE(samples.error().message.starts_with("list.jsonl: a: ")) << samples.error().message;
}

TEST_F(SpeechDatasetTest, ThreadsMayAskForDifferentUtterances) {
  std::vector<Utterance> utterances;
  for (int i = 0; i < 8; ++i) {
    utterances.push_back(MakeUtterance(WriteTone(std::to_string(i) + ".wav", 0.1 * (i + 1)), "a"));
  }
  SpeechDataset dataset = Make(utterances, {.cache_bytes = 1 << 20});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&dataset, t] {
      for (int64_t i = t; i < 8; i += 4) {
        for (int pass = 0; pass < 2; ++pass) {
          const auto samples = dataset.Samples(i);
          EXPECT_TRUE(samples.has_value());
          if (samples.has_value()) {
            EXPECT_EQ(samples->size(), 1600u * static_cast<size_t>(i + 1));
          }
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(SpeechDatasetTest, ReadsAManifestFromDisk) {
  WriteTone("a.wav", 0.3);
  std::FILE* list = std::fopen((folder_ / "list.jsonl").c_str(), "wb");
  ASSERT_NE(list, nullptr);
  std::fputs("{\"audio_filepath\": \"a.wav\", \"text\": \"Yes!\"}\n", list);
  std::fclose(list);
  auto manifest = ReadManifest(folder_ / "list.jsonl");
  ASSERT_TRUE(manifest.has_value()) << manifest.error().message;
  SpeechDataset dataset = SpeechDataset::Create({std::move(*manifest)}, Vocabulary::English(), {});
  ASSERT_EQ(dataset.size(), 1);
  EXPECT_EQ(Vocabulary::English().Decode(dataset.target(0)), "yes");
  EXPECT_EQ(Samples(dataset, 0).size(), 4800u);
}

}  // namespace
}  // namespace masr
