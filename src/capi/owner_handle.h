// What a masr_owner is, and how it runs rounds.
#ifndef MOBILEASR_CAPI_OWNER_HANDLE_H_
#define MOBILEASR_CAPI_OWNER_HANDLE_H_

#include <memory>
#include <optional>
#include <string>

#include "base/thread_pool.h"
#include "capi/handle.h"
#include "mobileasr/mobileasr.h"
#include "resources/callback_monitor.h"
#include "resources/resource_monitor.h"
#include "resources/resource_policy.h"
#include "rounds/owner_folder.h"
#include "rounds/owner_round.h"
#include "rounds/sub_model_choice.h"

struct masr_owner : masr::capi::Handle {
  masr_owner(const masr_owner_options& given, int threads) : options(given), pool(threads) {}

  masr_owner_options options;
  masr::ThreadPool pool;
  std::optional<masr::OwnerFolder> folder;
  // What the results of the last call point to.
  std::string plan_name;
  std::string plan_why;
  masr::RoundRecord record;
};

namespace masr::capi {

// What the app knows of its device, and the system's files for the rest.
class DeviceMonitor : public ResourceMonitor {
 public:
  DeviceMonitor(const masr_owner& owner, const std::string& disk_folder);
  Result<ResourceSnapshot> Read() override { return monitor_->Read(); }

 private:
  static int32_t Ask(void* self, ResourceReading* reading);
  const masr_owner* owner_;
  std::unique_ptr<ResourceMonitor> system_;
  std::unique_ptr<ResourceMonitor> asked_;  // null where the app tells nothing
  ResourceMonitor* monitor_;
};

// Settings of a new round.
Result<RoundSettings> SettingsFrom(const masr_round_options& options);

// Within the limits that the options and the policy name.
Result<ChosenSubModel> ChooseFor(masr_owner& owner, OwnerRound& round,
                                 const masr_round_options& options, const ResourcePolicy& policy,
                                 ResourceMonitor& monitor);

// The folder's device profile, device.json: where it is kept; measured anew; what the app gives in
// its place (NULL: none); its text.
std::string ProfilePath(const masr_owner& owner);
Result<DeviceProfile> MeasureForOwner(const masr_owner& owner, const Model& model,
                                      ResourceMonitor& monitor);
Status MeasureOwner(masr_owner& owner);
Status SetProfile(masr_owner& owner, const char* json);
Result<std::string> GetProfile(const masr_owner& owner);

struct RoundEnd {
  bool resumed = false;
  bool unfinished = false;
};
// From the options to the decision; owner.record says how it went.
Result<RoundEnd> RunRound(masr_owner& owner, const masr_round_options& options);
Result<masr_plan> PlanRound(masr_owner& owner, const masr_round_options& options);

}  // namespace masr::capi

#endif  // MOBILEASR_CAPI_OWNER_HANDLE_H_
