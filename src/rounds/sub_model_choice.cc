#include "rounds/sub_model_choice.h"

#include <algorithm>
#include <vector>

#include "plan/plan_limits.h"
#include "rounds/round_plan.h"
#include "rounds/round_settings.h"
#include "train/round_schedule.h"

namespace masr {

Result<PlanLimits> LimitsOf(const RoundBudget& budget, const ResourcePolicy& policy, bool looks,
                            ResourceMonitor& monitor, const DeviceProfile& profile) {
  const PlanLimits limits = {.ram_bytes = budget.ram_bytes, .seconds = budget.seconds};
  ResourceSnapshot now;  // tells nothing, and so limits nothing
  if (looks) {
    MASR_TRY(now, monitor.Read());
  }
  if (budget.battery_percent) {
    now.has_battery = true;
    now.charging = false;
    now.battery_percent = budget.battery_percent;
  }
  MASR_TRY(const PlanLimits of_policy, LimitsOf(policy, now, profile));
  return TightestOf(limits, of_policy);
}

int64_t SpeechCacheBytes(std::optional<int64_t> ram_bytes) {
  const int64_t bytes = RoundSettings().speech_cache_bytes;
  return ram_bytes ? std::min(bytes, *ram_bytes / 10) : bytes;
}

Result<ChosenSubModel> ChooseSubModel(const Model& model, const SpeechDataset& data,
                                      const PersonalizeOptions& round, bool named, int threads,
                                      const PlanLimits& limits, const DeviceProfile& profile,
                                      const GainTable& gains) {
  ChosenSubModel chosen = {.limits = limits};
  const RoundSpeech speech = DescribeSpeech(data, round);
  chosen.minutes = (speech.training_s + speech.held_out_s) / 60;
  std::vector<Candidate> candidates = {round.candidate};
  if (!named) candidates = EnumerateCandidates(model.encoder);
  for (Candidate& candidate : candidates) candidate.cache = round.candidate.cache;
  MASR_TRY(chosen.plan,
           MakeTrainingPlan(
               model, candidates, speech, limits, profile, gains,
               {.epochs = round.epochs,
                .state_per_parameter = MakeOptimizer(round.trainer.optimizer)->StatePerParameter(),
                .threads = threads,
                .process_bytes = std::max<int64_t>(0, ProcessBytes(model)),
                .named = named}));
  chosen.why = named ? "as its owner asked" : WhyChosen(chosen.plan);
  return chosen;
}

}  // namespace masr
