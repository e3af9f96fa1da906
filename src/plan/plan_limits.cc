#include "plan/plan_limits.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace masr {
namespace {

constexpr double kJoulesPerWh = 3600;

template <class T>
std::optional<T> Smaller(const std::optional<T>& a, const std::optional<T>& b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

Result<double> JoulesAbove(double least_percent, double percent, double battery_wh) {
  if (percent < least_percent) {
    char text[160];
    std::snprintf(text, sizeof(text),
                  "the battery is at %g %%, and the policy's min_battery_percent is %g: charge the "
                  "device first",
                  percent, least_percent);
    return Fail(ErrorCode::kNoSpace, text);
  }
  return (percent - least_percent) / 100 * battery_wh * kJoulesPerWh;
}

}  // namespace

Result<PlanLimits> LimitsOf(const ResourcePolicy& policy, const ResourceSnapshot& snapshot,
                            const DeviceProfile& profile) {
  PlanLimits limits;
  if (snapshot.available_bytes != kUnknownBytes) {
    const int64_t held = std::max<int64_t>(snapshot.process_bytes, 0);
    limits.ram_bytes =
        std::max<int64_t>(0, snapshot.available_bytes - policy.min_available_bytes + held);
  }
  if (std::isfinite(policy.max_seconds)) limits.seconds = policy.max_seconds;
  if (snapshot.charging) return limits;
  if (policy.only_when_charging) {
    return Fail(ErrorCode::kNoSpace,
                "the policy has only_when_charging, and the device is on its battery: connect its "
                "charger first");
  }
  if (snapshot.battery_percent) {
    MASR_TRY(limits.joules, JoulesAbove(policy.min_battery_percent, *snapshot.battery_percent,
                                        BatteryWh(profile)));
  }
  return limits;
}

PlanLimits TightestOf(const PlanLimits& a, const PlanLimits& b) {
  return {.ram_bytes = Smaller(a.ram_bytes, b.ram_bytes),
          .seconds = Smaller(a.seconds, b.seconds),
          .joules = Smaller(a.joules, b.joules)};
}

}  // namespace masr
