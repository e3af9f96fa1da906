// What a policy leaves to a round, of what the device has now.
#ifndef MOBILEASR_PLAN_PLAN_LIMITS_H_
#define MOBILEASR_PLAN_PLAN_LIMITS_H_

#include "base/result.h"
#include "plan/device_profile.h"
#include "plan/training_plan.h"
#include "resources/resource_monitor.h"
#include "resources/resource_policy.h"

namespace masr {

// RAM: what is available above min_available_bytes, and what this process holds already. Time:
// max_seconds. Battery: what is in it above min_battery_percent, unless the device is charging; an
// error (kNoSpace) where it is below that, or where the policy wants a charger and there is none.
// What the device does not tell is no limit.
Result<PlanLimits> LimitsOf(const ResourcePolicy& policy, const ResourceSnapshot& snapshot,
                            const DeviceProfile& profile);

// The smaller of each.
PlanLimits TightestOf(const PlanLimits& a, const PlanLimits& b);

}  // namespace masr

#endif  // MOBILEASR_PLAN_PLAN_LIMITS_H_
