// Utterances with their targets and their samples at one rate.
#ifndef MOBILEASR_DATA_SPEECH_DATASET_H_
#define MOBILEASR_DATA_SPEECH_DATASET_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "audio/audio_file.h"
#include "base/result.h"
#include "data/manifest.h"
#include "text/vocabulary.h"

namespace masr {

// The audio of an utterance, from its own file or from its place in a shard. The error names the
// file, and in a shard the place.
Result<Pcm> ReadUtteranceAudio(const Utterance& utterance);
// As the manifest has it; else from the audio, of which only the header is read where it is a file
// of its own.
Result<double> UtteranceSeconds(const Utterance& utterance);

struct DatasetOptions {
  int sample_rate_hz = 16000;
  // Longer utterances are left out, and counted as problems; 0: no limit.
  double max_seconds = 0;
  // Decoded samples are kept as 16-bit values up to this many bytes, so that later epochs do not
  // decode. Where the recording's rate is below the dataset's, they are kept at the recording's:
  // rounded after resampling, the empty upper band would hold a noise that nobody else's telephone
  // speech has, and a model that only ever heard it minds when it is missing.
  int64_t cache_bytes = 0;
};

// Thread-safety: Samples may be called from several threads for different indices.
class SpeechDataset {
 public:
  // Utterances with text that the vocabulary cannot spell, or whose audio cannot be opened, become
  // problems; what is left may be empty.
  static SpeechDataset Create(std::vector<Manifest> manifests, const Vocabulary& vocabulary,
                              const DatasetOptions& options);

  int64_t size() const { return static_cast<int64_t>(utterances_.size()); }
  const Utterance& utterance(int64_t i) const { return utterances_[i]; }
  std::span<const int32_t> target(int64_t i) const { return targets_[i]; }
  // Which of the manifests utterance i came from.
  int source(int64_t i) const { return sources_[i]; }
  std::vector<double> durations_s() const;
  std::vector<double> durations_s(std::span<const int64_t> indices) const;
  // Of the samples of utterance i that are kept once they have been decoded; 0: they are not.
  int64_t CachedBytes(int64_t i) const;
  // Of durations, sources and targets: differs where other speech or other texts were listed.
  uint64_t Fingerprint() const;
  const std::vector<ManifestProblem>& problems() const { return problems_; }

  // Mono samples at the dataset's rate. The error names the utterance's line.
  Result<std::vector<float>> Samples(int64_t i);

 private:
  Result<std::vector<float>> Kept(int64_t i);

  DatasetOptions options_;
  std::vector<Utterance> utterances_;
  std::vector<std::vector<int32_t>> targets_;
  std::vector<int> sources_;
  std::vector<ManifestProblem> problems_;
  // What is kept of an utterance, at kept_rates_hz_; a rate of 0: it is not kept.
  std::vector<std::vector<int16_t>> cache_;
  std::vector<int> kept_rates_hz_;
};

// Recordings to mix in: of the manifest's lines only the audio is used, and a text may be missing.
// Fails if none can be opened.
Result<SpeechDataset> LoadNoise(const std::string& manifest, const DatasetOptions& options);

}  // namespace masr

#endif  // MOBILEASR_DATA_SPEECH_DATASET_H_
