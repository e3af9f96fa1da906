// What an owner's round is planned with: limits, and the profile of the device.
#include "capi/owner_handle.h"
#include "io/file.h"
#include "model/model.h"
#include "plan/gain_table.h"
#include "rounds/own_device.h"

namespace masr::capi {
namespace {

// The folder's own, as long as it is of this model and of so many threads; else measured anew.
Result<DeviceProfile> ProfileOf(const masr_owner& owner, const Model& model,
                                ResourceMonitor& monitor) {
  auto own = LoadProfileOf(model, owner.pool.threads(), ProfilePath(owner));
  return own.has_value() ? std::move(own) : MeasureForOwner(owner, model, monitor);
}

template <class T>
std::optional<T> AboveZero(T value) {
  return value > 0 ? std::optional(value) : std::nullopt;
}

}  // namespace

std::string ProfilePath(const masr_owner& owner) { return owner.folder->path() + "/device.json"; }

Result<DeviceProfile> MeasureForOwner(const masr_owner& owner, const Model& model,
                                      ResourceMonitor& monitor) {
  MASR_TRY(DeviceProfile profile, MeasureOwnDevice(model, owner.pool, monitor));
  MASR_RETURN_IF_ERROR(SaveProfile(ProfilePath(owner), profile));
  return profile;
}

Result<ChosenSubModel> ChooseFor(masr_owner& owner, OwnerRound& round,
                                 const masr_round_options& options, const ResourcePolicy& policy,
                                 ResourceMonitor& monitor) {
  const Model& model = round.model();
  MASR_TRY(const DeviceProfile profile, ProfileOf(owner, model, monitor));
  MASR_TRY(const GainTable table, DefaultGainTable());
  const GainTable gains = UpdateGain(table, ObservedGains(owner.folder->history()));
  const RoundBudget budget = {.ram_bytes = AboveZero(options.ram_bytes),
                              .seconds = AboveZero(options.seconds),
                              .battery_percent = AboveZero(options.battery_percent)};
  MASR_TRY(const PlanLimits limits,
           LimitsOf(budget, policy, /*looks=*/options.policy != nullptr, monitor, profile));
  return ChooseSubModel(model, round.data(), round.settings().personalize,
                        /*named=*/options.training != nullptr, owner.pool.threads(), limits,
                        profile, gains);
}

Status MeasureOwner(masr_owner& owner) {
  MASR_TRY(const Model model, LoadModel(owner.folder->accepted()));
  DeviceMonitor monitor(owner, owner.folder->path());
  MASR_RETURN_IF_ERROR(MeasureForOwner(owner, model, monitor));
  return {};
}

Status SetProfile(masr_owner& owner, const char* json) {
  const std::string path = ProfilePath(owner);
  if (json == nullptr) return FileExists(path) ? RemoveFile(path) : Status();
  MASR_TRY(const Model model, LoadModel(owner.folder->accepted()));
  MASR_TRY(const DeviceProfile profile,
           ReadProfileOf(model, owner.pool.threads(), json, "the device profile"));
  return SaveProfile(path, profile);
}

Result<std::string> GetProfile(const masr_owner& owner) {
  MASR_TRY(const Model model, LoadModel(owner.folder->accepted()));
  const int threads = owner.pool.threads();
  const auto profile = LoadProfileOf(model, threads, ProfilePath(owner));
  if (!profile.has_value()) {
    return Fail(ErrorCode::kNotFound, "there is no device profile of this model and of " +
                                          std::to_string(threads) +
                                          " threads; masr_owner_measure makes one");
  }
  return WriteDeviceProfile(*profile);
}

}  // namespace masr::capi
