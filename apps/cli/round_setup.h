// What the two ways to run a round share: its options, its guard, its plan and its progress.
#ifndef MOBILEASR_APPS_CLI_ROUND_SETUP_H_
#define MOBILEASR_APPS_CLI_ROUND_SETUP_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "command.h"
#include "plan_options.h"
#include "progress.h"
#include "resources/simulated_device.h"
#include "rounds/round_settings.h"
#include "train/round_guard.h"

namespace masr::cli {

struct PersonalizeArguments {
  CommonOptions common;
  std::string base;
  std::string data;
  std::string test;
  std::string out;
  std::string state;  // folder; empty: one round without one
  bool resume = false;
  bool restart = false;
  std::string format;  // empty: bf16, or as stored with a state folder
  std::string policy;
  std::string sysfs;
  std::string trace;
  // Of `simulate`: what the guard asks, and the kernel's limit that holds.
  SimulatedDevice* device = nullptr;
  std::string memory_limit;
  std::string cache_budget;  // ParseByteSize; empty: as the library has it
  RoundSettings settings;
  PlanArguments plan;
  // Whether the user has named the sub-model: a plan then has nothing to choose.
  std::function<bool()> names_sub_model;

  PersonalizeOptions& round() { return settings.personalize; }
  const PersonalizeOptions& round() const { return settings.personalize; }
};

void AddPersonalizeOptions(CLI::App& app, PersonalizeArguments& arguments);

// Options of the cache that need more than parsing; `folder` is where 'disk' is by default.
Status SetCache(PersonalizeArguments& arguments, const std::string& folder);

// The monitor that --sysfs or --trace names, or this device's.
Result<std::unique_ptr<ResourceMonitor>> MakeMonitor(const PersonalizeArguments& arguments,
                                                     const std::string& disk_folder);
Result<ResourcePolicy> ReadPolicy(const std::string& path);  // the defaults if it is empty
// Where the user has named a policy and no number of threads: its share of this machine's cores.
Status TakeShareOfCores(const std::string& policy, CommonOptions& options);
// Guard options that say on `progress` why a round waits.
RoundGuardOptions GuardOptions(const ResourcePolicy& policy, Progress& progress);

RoundEvents ProgressEvents(Progress& progress);

// The sub-model that fits into the user's budget, if there is a budget; one that the user has named
// has to.
Result<std::optional<ChosenPlan>> PlanOf(const Model& model, const SpeechDataset& data,
                                         const PersonalizeArguments& arguments,
                                         ResourceMonitor& monitor);
// What the round will need in this process, whose pages of the model the fingerprint has read: as
// planned, if there is a plan.
Result<RoundMemory> MemoryOf(const std::optional<ChosenPlan>& plan, const Model& model,
                             const SpeechDataset& data, const PersonalizeArguments& arguments);

Json MemoryJson(const RoundMemory& memory);

// The round in `arguments.state`.
Status PersonalizeInFolder(PersonalizeArguments& arguments);

}  // namespace masr::cli

#endif  // MOBILEASR_APPS_CLI_ROUND_SETUP_H_
