// Whether a training may go on: what its owner asks, held against what the device has.
#ifndef MOBILEASR_RESOURCES_RESOURCE_POLICY_H_
#define MOBILEASR_RESOURCES_RESOURCE_POLICY_H_

#include <cstdint>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "resources/resource_monitor.h"

namespace masr {

// What a snapshot does not tell is not judged. A value that equals its limit is within it, except
// max_seconds.
struct ResourcePolicy {
  // A round takes minutes; min_battery_percent keeps it from spoiling the day.
  bool only_when_charging = false;
  // The cores' share and pressure keep the device usable; waiting for an idle one can take for
  // ever.
  bool only_when_idle = false;
  // With only_when_idle: what others may keep busy, for each core. What runs in the background of a
  // device that nobody holds stays below.
  double max_load_per_core = 0.3;
  // Without a charger. Devices warn at 15 to 20 %: a training leaves room above that.
  double min_battery_percent = 30;
  // For zones that tell no limit of their own; chips slow down at 95 to 105.
  double max_temperature_c = 90;
  // Below the point where the device slows itself down: what others do needs some of the margin.
  double min_temperature_margin_c = 5;
  // Batteries age fast above 40, and many do not charge above 45.
  double max_battery_temperature_c = 40;
  // Left for others besides what the training holds: about where Android begins to end
  // applications on a device of 4 GB.
  int64_t min_available_bytes = int64_t{256} << 20;
  // A tenth of the time waiting for memory is felt; Android's low-memory killer wakes at 7.
  double max_memory_pressure_percent = 10;
  // Of training. A round ends by itself; who wants it shorter says so.
  double max_seconds = std::numeric_limits<double>::infinity();
  // The other half is for whoever holds the device.
  double max_cores_share = 0.5;
  // A checkpoint of all of the shipped model takes 125 MB and is written beside the old one; the
  // rest is for models, and for others.
  int64_t min_free_disk_bytes = 400'000'000;
  // Local hours between which training may run, 22.5 to 6 over midnight; equal: all day, since a
  // device that may only be used at night is somebody's decision.
  double begin_hour = 0;
  double end_hour = 0;
  // The longest wait for heat, load, pressure or the hour to pass; then the training stops, and its
  // memory is free until it is resumed. Heat passes within minutes. 0: it never waits.
  double pause_seconds_limit = 1800;

  // A JSON object with the names above, all optional. `where` names it in messages.
  static Result<ResourcePolicy> FromJson(std::string_view text, const std::string& where);
  static Result<ResourcePolicy> FromObject(const nlohmann::json& object, const std::string& where);
};

// How many threads a training may have: at least one.
int AllowedCores(const ResourcePolicy& policy, const ResourceSnapshot& snapshot);

enum class Decision {
  kContinue,
  kPause,  // keep everything in memory and ask again: it passes by itself
  kStop,   // write a checkpoint and end; resume another time
};

struct Verdict {
  Decision decision = Decision::kContinue;
  // Empty, or what halted it. Stop: "time", "charging", "battery", "ram", "disk"; pause: "heat",
  // "pressure", "idle", "hours" (and stop, after too long a pause).
  std::string halted_by;
  std::string why;  // a sentence with what was measured and the limit
};

// Pure. Reasons to stop come before reasons to pause. `seconds_used` is what max_seconds limits:
// time spent training, pauses left out. While `resuming` from a pause the limits are tighter, so
// that a training does not flicker: 2 degrees cooler, half the pressure, four fifths of the load.
Verdict JudgeResources(const ResourcePolicy& policy, const ResourceSnapshot& snapshot,
                       double seconds_used, bool resuming = false);

// Remembers that it has said pause: tightens the limits until the training goes on, and says stop
// once the pause has taken pause_seconds_limit on the snapshots' clock.
class PolicyGuard {
 public:
  explicit PolicyGuard(const ResourcePolicy& policy) : policy_(policy) {}

  Verdict Judge(const ResourceSnapshot& snapshot, double seconds_used);

  const ResourcePolicy& policy() const { return policy_; }

 private:
  ResourcePolicy policy_;
  std::optional<double> paused_since_s_;
};

}  // namespace masr

#endif  // MOBILEASR_RESOURCES_RESOURCE_POLICY_H_
