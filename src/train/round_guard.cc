#include "train/round_guard.h"

#include <chrono>
#include <thread>
#include <utility>

namespace masr {

RoundGuard::RoundGuard(ResourceMonitor& monitor, RoundGuardOptions options)
    : monitor_(monitor), options_(std::move(options)), guard_(options_.policy) {
  if (!options_.wait) {
    options_.wait = [](double seconds) {
      std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    };
  }
  (void)Look();  // what is wrong with a monitor is told when it is asked
}

Result<ResourceSnapshot> RoundGuard::Look() {
  MASR_TRY(ResourceSnapshot snapshot, monitor_.Read());
  if (!began_s_) began_s_ = snapshot.time_s;
  seconds_ = snapshot.time_s - *began_s_;
  return snapshot;
}

double RoundGuard::Seconds() {
  (void)Look();
  return seconds_;
}

Result<Verdict> RoundGuard::Check(double earlier_s, const std::atomic<bool>* cancel,
                                  const std::function<void()>& pausing) {
  MASR_TRY(ResourceSnapshot snapshot, Look());
  const double seconds_used = earlier_s + seconds_ - seconds_paused_;
  Verdict verdict = guard_.Judge(snapshot, seconds_used);
  const auto look = [&] {
    if (options_.looked) options_.looked(snapshot, verdict);
  };
  look();
  const double begin_s = snapshot.time_s;
  if (verdict.decision == Decision::kPause && pausing) pausing();
  while (verdict.decision == Decision::kPause) {
    if (options_.paused) options_.paused(snapshot, verdict);
    if (cancel != nullptr && cancel->load()) break;
    options_.wait(options_.look_s);
    MASR_TRY(snapshot, Look());
    verdict = guard_.Judge(snapshot, seconds_used);
    look();
  }
  seconds_paused_ += snapshot.time_s - begin_s;
  return verdict;
}

}  // namespace masr
