// Which sub-model a round trains within what its owner names and what the device has to spare: the
// same for everybody who runs rounds.
#ifndef MOBILEASR_ROUNDS_SUB_MODEL_CHOICE_H_
#define MOBILEASR_ROUNDS_SUB_MODEL_CHOICE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "data/speech_dataset.h"
#include "model/model.h"
#include "plan/training_plan.h"
#include "resources/resource_monitor.h"
#include "resources/resource_policy.h"
#include "train/personalize.h"

namespace masr {

// What an owner gives a round; nullopt: no limit by it.
struct RoundBudget {
  std::optional<int64_t> ram_bytes;       // of the whole process, at its peak
  std::optional<double> seconds;          // of training
  std::optional<double> battery_percent;  // in the battery, without a charger
};

// The tightest of the budget and of what the policy leaves of the device: as it is now where
// `looks`, else of nothing but the budget's battery.
Result<PlanLimits> LimitsOf(const RoundBudget& budget, const ResourcePolicy& policy, bool looks,
                            ResourceMonitor& monitor, const DeviceProfile& profile);

// Of decoded speech to keep in memory: a tenth of the budget, or as a round has it.
int64_t SpeechCacheBytes(std::optional<int64_t> ram_bytes);

struct ChosenSubModel {
  TrainingPlan plan;
  PlanLimits limits;
  std::string why;     // this one, a sentence
  double minutes = 0;  // of speech
};

// `round` says all of it but what learns, and that too where its owner has `named` it: then that
// has to fit. Where nothing fits otherwise, the longest utterances are left out
// (Candidate::longest_s): a tenth of them, a quarter, or half.
Result<ChosenSubModel> ChooseSubModel(const Model& model, const SpeechDataset& data,
                                      const PersonalizeOptions& round, bool named, int threads,
                                      const PlanLimits& limits, const DeviceProfile& profile,
                                      const GainTable& gains);

}  // namespace masr

#endif  // MOBILEASR_ROUNDS_SUB_MODEL_CHOICE_H_
