// What all commands share: the options that each takes, Ctrl-C, errors, JSON on standard output.
#ifndef MOBILEASR_APPS_CLI_COMMAND_H_
#define MOBILEASR_APPS_CLI_COMMAND_H_

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/manifest.h"
#include "train/evaluate.h"

namespace masr::cli {

using Json = nlohmann::ordered_json;

struct CommonOptions {
  int threads = 0;  // 0: as many as there are cores
  uint64_t seed = 1;
  bool json = false;
};

// A command: its options are bound to the parser when it is added; `run` is called if it was
// chosen.
struct Command {
  CLI::App* app;
  std::function<Status()> run;
};

// A command with subcommands, of which exactly one is given.
Command OneOf(CLI::App* app, std::vector<Command> commands);

Command AddAverage(CLI::App& parent);
Command AddConvert(CLI::App& parent);
Command AddData(CLI::App& parent);
Command AddEvaluate(CLI::App& parent);
Command AddExport(CLI::App& parent);
Command AddInfo(CLI::App& parent);
Command AddLanguageModel(CLI::App& parent);
Command AddPersonalize(CLI::App& parent);
Command AddPlan(CLI::App& parent);
Command AddPretrain(CLI::App& parent);
Command AddReport(CLI::App& parent);
Command AddRollback(CLI::App& parent);
Command AddSimulate(CLI::App& parent);
Command AddTranscribe(CLI::App& parent);

void AddCommonOptions(CLI::App& app, CommonOptions& options);
// Cores are shared with as many such processes of one job on this machine.
int ThreadCount(const CommonOptions& options, int processes_here = 1);

// True after Ctrl-C (SIGINT) or SIGTERM; a second one ends the program at once.
const std::atomic<bool>& StopRequested();
void InstallStopHandler();

// "f32", "bf16", "int8" or "as-stored", as the parser has checked.
WeightFormat WeightFormatFromName(const std::string& name);

// Of "KEY=VALUE" options.
Result<std::map<std::string, std::string>> ParseMetadata(const std::vector<std::string>& pairs);

// What was wrong, on standard error, and the exit code that says it: 0 done, 1 failed, or stopped
// by its owner. An empty message was told by another process.
inline constexpr int kStoppedByOwner = 130;
int Report(const Status& status);

// One line of JSON on standard output.
void PrintJson(const Json& json);

// Warnings on standard error: the first few in full, then a count.
void PrintProblems(const std::vector<ManifestProblem>& problems);

// A dataset from one manifest, its problems printed. Fails if nothing usable is left.
Result<SpeechDataset> LoadDataset(const std::string& manifest, const Model& model,
                                  int64_t cache_bytes = 0);

// The fields that every evaluation reports.
Json EvaluationJson(const Evaluation& evaluation, int64_t skipped);

}  // namespace masr::cli

#endif  // MOBILEASR_APPS_CLI_COMMAND_H_
