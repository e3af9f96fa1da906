// Whether a round may go on, asked between its updates.
#ifndef MOBILEASR_TRAIN_ROUND_GUARD_H_
#define MOBILEASR_TRAIN_ROUND_GUARD_H_

#include <atomic>
#include <functional>
#include <optional>

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
  // Of training, `earlier_s` came before this guard; less than none where it began after it.
  Result<Verdict> Check(double earlier_s, const std::atomic<bool>* cancel,
                        const std::function<void()>& pausing = {});

  // Since the guard was made, as the monitor's clock tells it: now, pauses among them, and of them.
  // On a device that is only simulated, those are not the seconds of this machine.
  double Seconds();
  double seconds_paused() const { return seconds_paused_; }

 private:
  Result<ResourceSnapshot> Look();

  ResourceMonitor& monitor_;
  RoundGuardOptions options_;
  PolicyGuard guard_;
  std::optional<double> began_s_;  // of the monitor's clock
  double seconds_ = 0;             // until the last look
  double seconds_paused_ = 0;
};

}  // namespace masr

#endif  // MOBILEASR_TRAIN_ROUND_GUARD_H_
