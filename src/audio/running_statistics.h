// What per-utterance normalisation becomes while the utterance is still being heard: mean and
// variance of each mel bin over what was heard so far.
#ifndef MOBILEASR_AUDIO_RUNNING_STATISTICS_H_
#define MOBILEASR_AUDIO_RUNNING_STATISTICS_H_

#include <cstdint>
#include <vector>

namespace masr {

struct RunningStatisticsOptions {
  // Older frames fade: a caller may hand the telephone on, or go outside.
  double memory_frames = 6000;
  // A stream begins quiet, and quiet alone would be normalised to the level of speech. So until
  // this many frames of speech were heard, as many as are missing are imagined: `speech_lift` above
  // the mean of the quiet ones, with a standard deviation of `speech_std` (log-mel, nats).
  double speech_frames = 100;
  double speech_lift = 4;
  double speech_std = 2;
};

class RunningStatistics {
 public:
  RunningStatistics(int64_t mels, const RunningStatisticsOptions& options);

  // Counts one frame, [mels], in which somebody may be speaking or not.
  void Add(const float* frame, bool speech);
  // In place on [frames, mels], all with the statistics of now.
  void Normalize(int64_t frames, float* features) const;
  void Reset();

 private:
  RunningStatisticsOptions options_;
  double count_ = 0;
  double speech_count_ = 0;
  double quiet_count_ = 0;
  std::vector<double> means_;
  std::vector<double> variances_;
  std::vector<double> quiet_means_;
};

}  // namespace masr

#endif  // MOBILEASR_AUDIO_RUNNING_STATISTICS_H_
