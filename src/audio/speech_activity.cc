#include "audio/speech_activity.h"

#include <numeric>

namespace masr {
namespace {

constexpr double kPauseMs = 500;
constexpr double kHangMs = 200;
// Mean log power over the bins, nats above the floor. With half of the bins empty (a telephone),
// speech still lifts the mean by more than 1.
constexpr double kThreshold = 1.0;
constexpr double kFall = 0.1;           // share of the way down per frame: noise has dips too
constexpr double kRisePerSecond = 0.3;  // nats: a pause between words pulls it down again

}  // namespace

SpeechActivity::SpeechActivity(double hop_ms)
    : pause_frames_(static_cast<int64_t>(kPauseMs / hop_ms)),
      hang_frames_(static_cast<int64_t>(kHangMs / hop_ms) + 1),
      rise_(kRisePerSecond * hop_ms / 1000) {}

void SpeechActivity::Push(std::span<const float> frame) {
  const double level =
      std::accumulate(frame.begin(), frame.end(), 0.0) / static_cast<double>(frame.size());
  if (frames_ == 0) floor_ = level;
  floor_ = level < floor_ ? floor_ + kFall * (level - floor_) : floor_ + rise_;
  ++frames_;
  if (level < floor_ + kThreshold) return;
  if (last_loud_ == 0 || frames_ - last_loud_ > pause_frames_) onset_ = frames_ - 1;
  last_loud_ = frames_;
}

}  // namespace masr
