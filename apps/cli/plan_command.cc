#include <algorithm>
#include <cstdio>
#include <memory>

#include "command.h"
#include "plan_options.h"
#include "resources/linux_monitor.h"
#include "round_setup.h"

namespace masr::cli {
namespace {

struct Options {
  CommonOptions common;
  std::string base;
  std::string data;
  bool all = false;
  PersonalizeOptions round;
  PlanArguments plan;
  std::string sysfs;  // LinuxMonitorOptions::root
};

Json LimitsJson(const PlanLimits& limits) {
  Json json = Json::object();
  if (limits.ram_bytes) json["ram_bytes"] = *limits.ram_bytes;
  if (limits.seconds) json["seconds"] = *limits.seconds;
  if (limits.joules) json["joules"] = *limits.joules;
  return json;
}

void PrintPlanJson(const ChosenPlan& chosen) {
  Json candidates = Json::array();
  for (const PlannedCandidate& planned : chosen.plan.candidates) {
    candidates.push_back(PlannedJson(planned));
  }
  const DeviceProfile& profile = chosen.profile;
  PrintJson({{"candidates", candidates},
             {"chosen", chosen.plan.best().name},
             {"why", chosen.why},
             {"options", CandidateOptions(chosen.plan.best().candidate)},
             {"limits", LimitsJson(chosen.limits)},
             {"minutes", chosen.minutes},
             {"device",
              {{"name", profile.name},
               {"threads", profile.threads},
               {"training_power_w", TrainingPowerW(profile)},
               {"power_measured", profile.training_power_w.has_value()},
               {"battery_wh", BatteryWh(profile)}}}});
}

// One variant speaks for a sub-model: the chosen one, or the quickest that fits, or, where none
// does, the smallest.
std::vector<size_t> OnePerSubModel(const TrainingPlan& plan) {
  const auto better = [&](size_t i, size_t than) {
    const PlannedCandidate& a = plan.candidates[i];
    const PlannedCandidate& b = plan.candidates[than];
    if (than == plan.chosen || i == plan.chosen) return i == plan.chosen;
    if (a.fits != b.fits) return a.fits;
    return a.fits ? a.seconds < b.seconds : a.peak_bytes < b.peak_bytes;
  };
  std::vector<size_t> rows;
  for (size_t i = 0; i < plan.candidates.size(); ++i) {
    const Candidate& mine = plan.candidates[i].candidate;
    const auto same = std::ranges::find_if(rows, [&](size_t row) {
      const Candidate& other = plan.candidates[row].candidate;
      return other.first_block == mine.first_block && TuningName(other) == TuningName(mine);
    });
    if (same == rows.end()) {
      rows.push_back(i);
    } else if (better(i, *same)) {
      *same = i;
    }
  }
  return rows;
}

void PrintTable(const ChosenPlan& chosen, bool all) {
  const TrainingPlan& plan = chosen.plan;
  std::vector<size_t> rows = OnePerSubModel(plan);
  if (all) {
    rows.clear();
    for (size_t i = 0; i < plan.candidates.size(); ++i) rows.push_back(i);
  }
  size_t width = 0;
  for (const size_t row : rows) width = std::max(width, plan.candidates[row].name.size());
  std::printf("  %-*s %10s %8s %8s %8s %7s\n", static_cast<int>(width), "sub-model", "learns",
              "peak MB", "s/epoch", "J/epoch", "gain");
  for (const size_t row : rows) {
    const PlannedCandidate& c = plan.candidates[row];
    std::printf("%s %-*s %10lld %8.1f %8.2f %8.1f %6.1f%%  %s\n", row == plan.chosen ? ">" : " ",
                static_cast<int>(width), c.name.c_str(),
                static_cast<long long>(c.trainable_parameters),
                static_cast<double>(c.peak_bytes) / 1e6, c.seconds_per_epoch, c.joules_per_epoch,
                100 * c.expected_gain, c.refused_because.c_str());
  }
  std::printf("\n%s: %s.\nmobileasr personalize", plan.best().name.c_str(), chosen.why.c_str());
  for (const std::string& option : CandidateOptions(plan.best().candidate)) {
    std::printf(" %s", option.c_str());
  }
  std::printf(" ...\n");
  if (!chosen.profile.training_power_w) {
    std::printf("The device has not told its power: joules are those of a phone at %.1f W.\n",
                kPhonePowerW);
  }
}

Status Run(Options& options) {
  GiveMemoryBack();
  MASR_RETURN_IF_ERROR(TakeShareOfCores(options.plan.policy, options.common));
  MASR_TRY(const Model model, LoadModel(options.base));
  // Reads every page, as a round does: what the process holds is then told from the model.
  (void)ModelFingerprint(model);
  MASR_TRY(const int64_t cache_bytes, SpeechCacheBytes(options.plan));
  MASR_TRY(const SpeechDataset data, LoadDataset(options.data, model, cache_bytes));
  LinuxMonitor monitor({.root = options.sysfs});
  MASR_TRY(const ChosenPlan chosen, ChoosePlan(model, data, options.round, /*named=*/false,
                                               ThreadCount(options.common), options.plan, monitor));
  if (options.common.json) {
    PrintPlanJson(chosen);
  } else {
    PrintTable(chosen, options.all);
  }
  return {};
}

}  // namespace

Command AddPlan(CLI::App& parent) {
  auto options = std::make_shared<Options>();
  CLI::App* app = parent.add_subcommand(
      "plan", "What a round would take, and which sub-model fits into a budget");
  app->add_option("--base", options->base, "Model to start from")->required();
  app->add_option("--data", options->data, "Manifest of the person's transcribed speech")
      ->required();
  app->add_option("--minutes", options->round.minutes,
                  "Use the first N minutes of it (default: all)")
      ->check(CLI::PositiveNumber);
  app->add_option("--epochs", options->round.epochs, "At most this many epochs")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  AddPlanOptions(*app, options->plan);
  app->add_option("--policy", options->plan.policy,
                  "Its limits count too, on the device as it is now (JSON, docs/resources.md)");
  app->add_option("--sysfs", options->sysfs,
                  "Folder in whose proc/ and sys/ to look for what the device has");
  app->add_flag("--all", options->all, "Show every variant of a sub-model");
  AddCommonOptions(*app, options->common);
  return {app, [options] { return Run(*options); }};
}

}  // namespace masr::cli
