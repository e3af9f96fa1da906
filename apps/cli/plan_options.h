// What `plan` and `personalize` share: the budget that a user names, and the sub-model that fits
// into it.
#ifndef MOBILEASR_APPS_CLI_PLAN_OPTIONS_H_
#define MOBILEASR_APPS_CLI_PLAN_OPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "command.h"
#include "resources/simulated_device.h"
#include "rounds/sub_model_choice.h"
#include "train/personalize.h"

namespace masr::cli {

struct PlanArguments {
  std::string ram;                        // ParseByteSize; empty: no limit of the user's
  std::optional<double> battery_percent;  // without a charger
  std::optional<double> seconds;          // of training
  std::string profile;                    // device profile; measured, and written if named
  bool own_profile = false;               // the program's own file: measured again if it is stale
  std::string gain_table;                 // empty: the one that is built in
  std::string policy;                     // whose limits count too, on the device as it is now
  SimulatedDevice* device = nullptr;      // planned for that one, and what it has, instead
  std::vector<GainObservation> observed;  // of this owner's earlier rounds
};

// For the parser: empty, or what is wrong.
std::string IsByteSize(const std::string& text);

// All but the policy's: that is a guard's matter too.
void AddPlanOptions(CLI::App& app, PlanArguments& arguments);
// Whether the user has named a budget, or a profile.
bool WantsPlan(const PlanArguments& arguments);

// Large blocks go back to the system when they are freed, so that one phase of a round does not
// hold what another one took. Called before any.
void GiveMemoryBack();

// Of decoded speech to keep in memory: a tenth of the user's budget, or as a round has it.
Result<int64_t> SpeechCacheBytes(const PlanArguments& arguments);

struct ChosenPlan : ChosenSubModel {
  DeviceProfile profile;
};

// Reads or measures the device profile, and plans. `round` says all of the round but what learns,
// and that too where its owner has `named` it: then that has to fit.
Result<ChosenPlan> ChoosePlan(const Model& model, const SpeechDataset& data,
                              const PersonalizeOptions& round, bool named, int threads,
                              const PlanArguments& arguments, ResourceMonitor& monitor);

// Options of `personalize` that mean the candidate.
std::vector<std::string> CandidateOptions(const Candidate& candidate);

Json PlannedJson(const PlannedCandidate& planned);
// Of what was chosen, for `personalize`.
Json ChosenJson(const ChosenPlan& chosen);

}  // namespace masr::cli

#endif  // MOBILEASR_APPS_CLI_PLAN_OPTIONS_H_
