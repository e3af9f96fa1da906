// Whether a round may go on, asked between its updates.
#ifndef MOBILEASR_TRAIN_ROUND_GUARD_H_
#define MOBILEASR_TRAIN_ROUND_GUARD_H_

#include <atomic>
#include <functional>

#include "base/result.h"
#include "resources/resource_monitor.h"
#include "resources/resource_policy.h"

namespace masr {

struct RoundGuardOptions {
  ResourcePolicy policy;
  // Between two looks while a round pauses: heat and load change in seconds.
  double look_s = 1;
  // Waits that long; empty: sleeps.
  std::function<void(double seconds)> wait = {};
  // Told of every look, and of those that pause, if not empty.
  std::function<void(const ResourceSnapshot& snapshot, const Verdict& verdict)> looked = {};
  std::function<void(const ResourceSnapshot& snapshot, const Verdict& verdict)> paused = {};
};

// The monitor must outlive it. One thread at a time.
class RoundGuard {
 public:
  RoundGuard(ResourceMonitor& monitor, RoundGuardOptions options);

  // Returns at once where the policy lets the round go on, or after the pause that it asks for.
  // kContinue; kStop with the reason; or kPause where `cancel` became true meanwhile. `pausing`, if
  // any, is called when a pause begins. An error is the monitor's own.
  Result<Verdict> Check(double seconds_used, const std::atomic<bool>* cancel,
                        const std::function<void()>& pausing = {});

  // As the monitor's clock tells it.
  double seconds_paused() const { return seconds_paused_; }

 private:
  ResourceMonitor& monitor_;
  RoundGuardOptions options_;
  PolicyGuard guard_;
  double seconds_paused_ = 0;
};

}  // namespace masr

#endif  // MOBILEASR_TRAIN_ROUND_GUARD_H_
