#include "command.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "train/model_speech.h"

namespace masr::cli {
namespace {

std::atomic<bool> stop_requested{false};  // a signal handler can reach nothing else

void OnSignal(int) {
  if (stop_requested.exchange(true)) std::_Exit(130);
}

}  // namespace

void AddCommonOptions(CLI::App& app, CommonOptions& options) {
  app.add_option("--threads", options.threads, "Threads to compute with (default: all cores)")
      ->check(CLI::Range(0, 256));
  app.add_option("--seed", options.seed, "Seed of everything random")->capture_default_str();
  app.add_flag("--json", options.json, "Print one JSON object on standard output");
}

Command OneOf(CLI::App* app, std::vector<Command> commands) {
  app->require_subcommand(1);
  return {app, [commands = std::move(commands)]() -> Status {
            for (const Command& command : commands) {
              if (command.app->parsed()) return command.run();
            }
            return {};
          }};
}

int ThreadCount(const CommonOptions& options, int processes_here) {
  if (options.threads > 0) return options.threads;
  // Those that this process may use: mpirun may have given it fewer than its share.
  const auto usable = static_cast<int>(std::thread::hardware_concurrency());
  const auto share = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)) / std::max(processes_here, 1);
  return std::max(1, processes_here > 1 ? std::min(usable, share) : usable);
}

const std::atomic<bool>& StopRequested() { return stop_requested; }

void InstallStopHandler() {
  std::signal(SIGINT, OnSignal);
  std::signal(SIGTERM, OnSignal);
}

WeightFormat WeightFormatFromName(const std::string& name) {
  if (name == "int8") return WeightFormat::kInt8;
  if (name == "as-stored") return WeightFormat::kAsStored;
  return name == "bf16" ? WeightFormat::kBf16 : WeightFormat::kF32;
}

Result<std::map<std::string, std::string>> ParseMetadata(const std::vector<std::string>& pairs) {
  std::map<std::string, std::string> metadata;
  for (const std::string& pair : pairs) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Fail(ErrorCode::kInvalidArgument, "--metadata needs KEY=VALUE, not '" + pair + "'");
    }
    if (pair.starts_with("mobileasr.")) {
      return Fail(ErrorCode::kInvalidArgument, "--metadata '" + pair +
                                                   "': keys that begin with \"mobileasr.\" are the "
                                                   "format's own");
    }
    metadata[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return metadata;
}

int Report(const Status& status) {
  if (status.has_value()) return 0;
  if (!status.error().message.empty()) {
    std::fprintf(stderr, "mobileasr: %s\n", status.error().message.c_str());
  }
  return status.error().code == ErrorCode::kCancelled ? kStoppedByOwner : 1;
}

void PrintJson(const Json& json) {
  // A hypothesis or a path may hold bytes that are not UTF-8: replace them rather than fail.
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::printf("%s\n", text.c_str());
  std::fflush(stdout);
}

void PrintProblems(const std::vector<ManifestProblem>& problems) {
  constexpr size_t kShown = 5;
  for (size_t i = 0; i < problems.size() && i < kShown; ++i) {
    std::fprintf(stderr, "warning: %s: %s (skipped)\n", problems[i].where.c_str(),
                 problems[i].message.c_str());
  }
  if (problems.size() > kShown) {
    std::fprintf(stderr, "warning: and %zu more skipped\n", problems.size() - kShown);
  }
}

Result<SpeechDataset> LoadDataset(const std::string& path, const Model& model,
                                  int64_t cache_bytes) {
  MASR_TRY(Manifest manifest, ReadManifest(path));
  std::vector<Manifest> manifests;
  manifests.push_back(std::move(manifest));
  SpeechDataset dataset = SpeechFor(model, std::move(manifests), cache_bytes);
  PrintProblems(dataset.problems());
  if (dataset.size() == 0) {
    return Fail(ErrorCode::kInvalidArgument,
                path + ": no usable utterance; see the warnings above");
  }
  return dataset;
}

Json EvaluationJson(const Evaluation& e, int64_t skipped) {
  return {{"wer", e.words.rate_percent()},     {"cer", e.characters.rate_percent()},
          {"words", e.words.reference_tokens}, {"substitutions", e.words.substitutions},
          {"insertions", e.words.insertions},  {"deletions", e.words.deletions},
          {"utterances", e.utterances},        {"skipped", skipped + e.skipped},
          {"audio_seconds", e.audio_seconds},  {"seconds", e.seconds}};
}

}  // namespace masr::cli
