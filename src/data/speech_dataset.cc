#include "data/speech_dataset.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "audio/resampler.h"
#include "base/bit_cast.h"
#include "base/hash.h"

namespace masr {

Result<Pcm> ReadUtteranceAudio(const Utterance& utterance) {
  if (utterance.size_bytes == 0) return ReadAudio(utterance.audio_path);
  return ReadAudioRange(utterance.audio_path, utterance.offset_bytes, utterance.size_bytes);
}

Result<double> UtteranceSeconds(const Utterance& utterance) {
  if (utterance.duration_s > 0) return utterance.duration_s;
  if (utterance.size_bytes == 0) {
    MASR_TRY(const AudioInfo info, ReadAudioInfo(utterance.audio_path));
    return info.seconds;
  }
  MASR_TRY(const Pcm pcm, ReadUtteranceAudio(utterance));
  return static_cast<double>(pcm.samples.size()) / pcm.sample_rate_hz;
}

namespace {

constexpr double kMaxSeconds = 3600;

// The lower of the recording's rate and the dataset's; of a recording in a shard, which would have
// to be decoded to know, and of one that cannot be opened, the dataset's.
int KeptRate(const Utterance& utterance, int dataset_rate_hz) {
  if (utterance.size_bytes != 0) return dataset_rate_hz;
  const auto info = ReadAudioInfo(utterance.audio_path);
  return info ? std::min(info->sample_rate_hz, dataset_rate_hz) : dataset_rate_hz;
}

// A little at a time: a recording at 48 kHz takes no more memory than what is made of it. What lies
// in a shard is there at once.
Result<std::vector<float>> Decode(const Utterance& utterance, int sample_rate_hz) {
  if (utterance.size_bytes != 0) {
    MASR_TRY(const Pcm pcm, ReadUtteranceAudio(utterance));
    return Resample(pcm.samples, pcm.sample_rate_hz, sample_rate_hz);
  }
  MASR_TRY(AudioReader reader, AudioReader::Open(utterance.audio_path));
  MASR_TRY(ResampleStream stream, ResampleStream::Create(reader.sample_rate_hz(), sample_rate_hz));
  std::vector<float> samples;
  const double expected = std::clamp(utterance.duration_s, 0.0, kMaxSeconds) * sample_rate_hz;
  samples.reserve(static_cast<size_t>(expected) + 1);
  for (bool more = true; more;) {
    MASR_TRY(const std::vector<float> block, reader.Read());
    more = !block.empty();
    MASR_TRY(const std::vector<float> part, more ? stream.Push(block) : stream.Finish());
    samples.insert(samples.end(), part.begin(), part.end());
    if (static_cast<double>(samples.size()) > kMaxSeconds * sample_rate_hz) {
      return Fail(ErrorCode::kUnsupported,
                  utterance.audio_path +
                      ": longer than the hour that is read at most; split it into utterances");
    }
  }
  return samples;
}

}  // namespace

SpeechDataset SpeechDataset::Create(std::vector<Manifest> manifests, const Vocabulary& vocabulary,
                                    const DatasetOptions& options) {
  SpeechDataset dataset;
  dataset.options_ = options;
  for (size_t source = 0; source < manifests.size(); ++source) {
    Manifest& manifest = manifests[source];
    auto& problems = dataset.problems_;
    problems.insert(problems.end(), manifest.problems.begin(), manifest.problems.end());
    for (Utterance& utterance : manifest.utterances) {
      auto target = vocabulary.Encode(utterance.text);
      if (!target.has_value()) {
        problems.push_back({utterance.where, target.error().message});
        continue;
      }
      const auto seconds = UtteranceSeconds(utterance);
      if (!seconds.has_value()) {
        problems.push_back({utterance.where, seconds.error().message});
        continue;
      }
      utterance.duration_s = *seconds;
      if (options.max_seconds > 0 && utterance.duration_s > options.max_seconds) {
        char limit[32];
        std::snprintf(limit, sizeof(limit), "%g", options.max_seconds);
        problems.push_back({utterance.where, std::string("longer than ") + limit +
                                                 " seconds; cut it into shorter utterances"});
        continue;
      }
      dataset.utterances_.push_back(std::move(utterance));
      dataset.targets_.push_back(std::move(*target));
      dataset.sources_.push_back(static_cast<int>(source));
    }
  }
  dataset.cache_.resize(dataset.utterances_.size());
  dataset.kept_rates_hz_.resize(dataset.utterances_.size());
  double room = static_cast<double>(options.cache_bytes);
  for (size_t i = 0; i < dataset.utterances_.size() && room > 0; ++i) {
    const int rate_hz = KeptRate(dataset.utterances_[i], options.sample_rate_hz);
    room -= dataset.utterances_[i].duration_s * rate_hz * sizeof(int16_t);
    if (room > 0) dataset.kept_rates_hz_[i] = rate_hz;
  }
  return dataset;
}

std::vector<double> SpeechDataset::durations_s() const {
  std::vector<double> durations;
  durations.reserve(utterances_.size());
  for (const Utterance& utterance : utterances_) durations.push_back(utterance.duration_s);
  return durations;
}

std::vector<double> SpeechDataset::durations_s(std::span<const int64_t> indices) const {
  std::vector<double> durations;
  durations.reserve(indices.size());
  for (const int64_t i : indices) durations.push_back(utterances_[i].duration_s);
  return durations;
}

int64_t SpeechDataset::CachedBytes(int64_t i) const {
  const double samples = utterances_[i].duration_s * kept_rates_hz_[i];
  return static_cast<int64_t>(samples) * static_cast<int64_t>(sizeof(int16_t));
}

Result<std::vector<float>> SpeechDataset::Samples(int64_t i) {
  auto samples = kept_rates_hz_[i] == 0 ? Decode(utterances_[i], options_.sample_rate_hz) : Kept(i);
  if (!samples) return Fail(utterances_[i].where, std::move(samples.error()));
  return samples;
}

uint64_t SpeechDataset::Fingerprint() const {
  Fnv1a hash;
  hash.AddUnit(static_cast<uint64_t>(size()));
  for (int64_t i = 0; i < size(); ++i) {
    hash.AddUnit(BitCast<uint64_t>(utterances_[i].duration_s));
    hash.AddUnit(static_cast<uint64_t>(sources_[i]));
    for (int32_t token : targets_[i]) hash.AddUnit(static_cast<uint64_t>(token));
  }
  return hash.value();
}

// The first time no different from any later one.
Result<std::vector<float>> SpeechDataset::Kept(int64_t i) {
  std::vector<int16_t>& kept = cache_[i];
  if (kept.empty()) {
    MASR_TRY(const std::vector<float> samples, Decode(utterances_[i], kept_rates_hz_[i]));
    kept.resize(samples.size());
    for (size_t s = 0; s < kept.size(); ++s) {
      const float scaled = std::clamp(samples[s] * 32768.0f, -32768.0f, 32767.0f);
      kept[s] = static_cast<int16_t>(std::lrint(scaled));
    }
  }
  std::vector<float> samples(kept.size());
  for (size_t s = 0; s < kept.size(); ++s) samples[s] = static_cast<float>(kept[s]) / 32768.0f;
  if (kept_rates_hz_[i] == options_.sample_rate_hz) return samples;
  return Resample(samples, kept_rates_hz_[i], options_.sample_rate_hz);
}

Result<SpeechDataset> LoadNoise(const std::string& path, const DatasetOptions& options) {
  MASR_TRY(Manifest manifest, ReadManifest(path, /*needs_text=*/false));
  for (Utterance& utterance : manifest.utterances) utterance.text.clear();
  std::vector<Manifest> manifests;
  manifests.push_back(std::move(manifest));
  SpeechDataset noise = SpeechDataset::Create(std::move(manifests), Vocabulary::English(), options);
  if (noise.size() == 0) return Fail(ErrorCode::kInvalidArgument, path + ": no usable noise");
  return noise;
}

}  // namespace masr
