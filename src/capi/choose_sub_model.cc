// Which sub-model an owner's round trains.
#include <algorithm>
#include <chrono>

#include "capi/owner_handle.h"
#include "io/file.h"
#include "plan/gain_table.h"
#include "plan/measure_device.h"
#include "plan/plan_limits.h"
#include "rounds/round_plan.h"
#include "train/round_schedule.h"

namespace masr::capi {
namespace {

double NowS() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Result<DeviceProfile> ReadProfile(const std::string& path, const Model& model, int threads) {
  MASR_TRY(const std::string text, ReadTextFile(path, 1 << 20));
  MASR_TRY(DeviceProfile profile, ReadDeviceProfile(text, path));
  MASR_RETURN_IF_ERROR(CheckProfile(profile, model.config.encoder_json, threads));
  return profile;
}

// The folder's own, as long as it is of this model and of so many threads; else measured anew.
Result<DeviceProfile> ProfileOf(const masr_owner& owner, const Model& model,
                                ResourceMonitor& monitor) {
  const std::string path = owner.folder->path() + "/device.json";
  if (auto own = ReadProfile(path, model, owner.pool.threads()); own.has_value()) return own;
  MASR_TRY(DeviceProfile profile, MeasureDevice(model, owner.pool, NowS, {.name = "this device"}));
  MASR_TRY(const ResourceSnapshot now, monitor.Read());
  if (!now.charging && now.power_w.value_or(0) > 0) profile.training_power_w = now.power_w;
  MASR_TRY(const std::string text, WriteDeviceProfile(profile));
  MASR_RETURN_IF_ERROR(ReplaceFile(path, text + "\n"));
  return profile;
}

Result<PlanLimits> LimitsFrom(const masr_round_options& options, const ResourcePolicy& policy,
                              const DeviceProfile& profile, ResourceMonitor& monitor) {
  PlanLimits limits;
  if (options.ram_bytes > 0) limits.ram_bytes = options.ram_bytes;
  if (options.seconds > 0) limits.seconds = options.seconds;
  ResourceSnapshot now;  // tells nothing, and so limits nothing
  if (options.policy != nullptr) {
    MASR_TRY(now, monitor.Read());
  }
  if (options.battery_percent > 0) {
    now.has_battery = true;
    now.charging = false;
    now.battery_percent = options.battery_percent;
  }
  MASR_TRY(const PlanLimits of_policy, LimitsOf(policy, now, profile));
  return TightestOf(limits, of_policy);
}

}  // namespace

Result<ChosenSubModel> ChooseSubModel(masr_owner& owner, OwnerRound& round,
                                      const masr_round_options& options,
                                      const ResourcePolicy& policy, ResourceMonitor& monitor) {
  const Model& model = round.model();
  const PersonalizeOptions& personalize = round.settings().personalize;
  const bool named = options.training != nullptr;
  MASR_TRY(const DeviceProfile profile, ProfileOf(owner, model, monitor));
  MASR_TRY(const GainTable table, DefaultGainTable());
  const GainTable gains = UpdateGain(table, ObservedGains(owner.folder->history()));
  ChosenSubModel chosen;
  MASR_TRY(chosen.limits, LimitsFrom(options, policy, profile, monitor));
  std::vector<Candidate> candidates = {personalize.candidate};
  if (!named) candidates = EnumerateCandidates(model.encoder);
  const int64_t state = MakeOptimizer(personalize.trainer.optimizer)->StatePerParameter();
  MASR_TRY(chosen.plan,
           MakeTrainingPlan(model, candidates, DescribeSpeech(round.data(), personalize),
                            chosen.limits, profile, gains,
                            {.epochs = personalize.epochs,
                             .state_per_parameter = state,
                             .threads = owner.pool.threads(),
                             .process_bytes = std::max<int64_t>(0, ProcessBytes(model)),
                             .named = named}));
  chosen.why = named ? "as its owner asked" : WhyChosen(chosen.plan);
  return chosen;
}

}  // namespace masr::capi
