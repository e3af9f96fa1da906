// Log-mel frames of audio that arrives in pieces, and the normalisation of features.
#ifndef MOBILEASR_AUDIO_FEATURE_STREAM_H_
#define MOBILEASR_AUDIO_FEATURE_STREAM_H_

#include <cstdint>
#include <span>
#include <vector>

#include "audio/log_mel.h"

namespace masr {

// Pieces of any size in, frames out: with Finish bit-identical to LogMel::ComputeAll on the whole.
// `log_mel` must outlive the stream.
class FeatureStream {
 public:
  explicit FeatureStream(const LogMel& log_mel) : log_mel_(&log_mel) {}

  // Appends the frames that `samples` completes to `frames` ([n, mels] row-major); returns how
  // many.
  int64_t Push(std::span<const float> samples, std::vector<float>& frames);
  // Appends the frames whose windows reach over the end of the stream, and begins another.
  int64_t Finish(std::vector<float>& frames);
  void Reset() {
    pending_.clear();
    next_frame_ = heard_ = 0;
    last_ = 0;
  }

 private:
  int64_t Take(int64_t count, std::vector<float>& frames);

  const LogMel* log_mel_;
  std::vector<float> pending_;  // of the signal, what the window has not yet left behind
  int64_t next_frame_ = 0;      // whose window begins at pending_[0]
  int64_t heard_ = 0;           // samples
  float last_ = 0;              // the last of them
};

enum class Normalization : uint8_t {
  kNone,
  kPerUtterance,  // mean 0, variance 1 per mel bin over the utterance
  kRunning,       // the same over what has been heard so far, with a prior: for streaming
  // As NVIDIA NeMo's models were trained ("per_feature"): like kPerUtterance, with n - 1 for n in
  // the variance, and 1e-5 added to its root.
  kPerUtteranceUnbiased,
};
// Whether it needs the whole utterance.
constexpr bool IsPerUtterance(Normalization mode) {
  return mode == Normalization::kPerUtterance || mode == Normalization::kPerUtteranceUnbiased;
}

// In place on [frames, mels]. Running: frame t uses the statistics of frames 0..t, blended with
// `prior_frames` frames of mean `prior_mean` and standard deviation `prior_std`.
struct RunningPrior {
  double prior_frames = 100;  // one second
  double prior_mean = 10;     // of log-mel on 16-bit scale: about that of speech at usual levels
  double prior_std = 4;
};
// Running, for frames that arrive in pieces.
class RunningNormalizer {
 public:
  explicit RunningNormalizer(int64_t mels, const RunningPrior& prior = {});
  // In place on [frames, mels]: what follows the frames of the calls before.
  void Normalize(int64_t frames, float* features);

 private:
  RunningPrior prior_;
  double count_;
  // Of the distance from the prior's mean: smaller numbers than the values, so less is lost.
  std::vector<double> sums_;
  std::vector<double> squares_;
};

void NormalizeFeatures(Normalization mode, int64_t frames, int64_t mels, float* features,
                       const RunningPrior& prior = {});

}  // namespace masr

#endif  // MOBILEASR_AUDIO_FEATURE_STREAM_H_
