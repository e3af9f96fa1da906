// Whether somebody may be speaking: a coarse answer from the level of log-mel frames, good enough
// to decide when looking again is worth its cost. It must never decide what is recognised.
#ifndef MOBILEASR_AUDIO_SPEECH_ACTIVITY_H_
#define MOBILEASR_AUDIO_SPEECH_ACTIVITY_H_

#include <cstdint>
#include <span>

namespace masr {

class SpeechActivity {
 public:
  explicit SpeechActivity(double hop_ms);

  // One frame of log-mel, not normalised, [mels].
  void Push(std::span<const float> frame);

  // The last frame was well above the quiet ones.
  bool loud() const { return last_loud_ > 0 && quiet_frames() == 0; }
  // Some frame of the last 0.2 s was.
  bool active() const { return last_loud_ > 0 && quiet_frames() < hang_frames_; }
  // Frames since the last loud one, or since the stream began.
  int64_t quiet_frames() const { return frames_ - last_loud_; }
  // Frames since speech began after a pause, or since the stream began.
  int64_t frames_since_onset() const { return frames_ - onset_; }

 private:
  int64_t pause_frames_;
  int64_t hang_frames_;
  double rise_;  // of the floor, per frame
  int64_t frames_ = 0;
  int64_t last_loud_ = 0;  // number of frames up to the last loud one
  int64_t onset_ = 0;
  double floor_ = 0;
};

}  // namespace masr

#endif  // MOBILEASR_AUDIO_SPEECH_ACTIVITY_H_
