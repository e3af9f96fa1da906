#include "round_setup.h"

#include <chrono>
#include <cstdio>
#include <map>

#include "io/byte_size.h"
#include "io/file.h"
#include "resources/linux_monitor.h"
#include "resources/scripted_monitor.h"
#include "rounds/round_plan.h"
#include "train/round_schedule.h"

namespace masr::cli {

namespace {

std::map<std::string, Tuning> TuningsByName() {
  std::map<std::string, Tuning> by_name;
  const std::vector<std::string>& names = TuningNames();
  for (size_t i = 0; i < names.size(); ++i) by_name[names[i]] = static_cast<Tuning>(i);
  return by_name;
}

}  // namespace

void AddPersonalizeOptions(CLI::App& app, PersonalizeArguments& arguments) {
  PersonalizeOptions& round = arguments.round();
  app.add_option("--base", arguments.base, "Model to start from")->required();
  app.add_option("--data", arguments.data, "Manifest of the person's transcribed speech");
  app.add_option("--minutes", round.minutes, "Use the first N minutes of it (default: all)")
      ->check(CLI::PositiveNumber);
  app.add_option("--test", arguments.test, "Manifest to measure before and after");
  app.add_option(
      "--general", arguments.settings.general,
      "Manifest of other people, to measure forgetting; with --state, what forgets more "
      "than is allowed is refused (default there: the folder 'general' beside the base)");
  auto* out = app.add_option("--out", arguments.out, "Model file to write");
  auto* state =
      app.add_option("--state", arguments.state,
                     "Folder of this person's rounds: the accepted model, the history, and what is "
                     "needed to go on after a crash")
          ->excludes(out);
  app.add_flag("--resume", arguments.resume,
               "Go on with the round that was interrupted, if there is one")
      ->needs(state);
  app.add_flag("--restart", arguments.restart, "Give up the round that was interrupted")
      ->needs(state)
      ->excludes("--resume");
  app.add_option("--replay-share", arguments.settings.replay_share,
                 "Seconds of earlier rounds' speech for each second of new, with --state")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--max-general-cer-rise", arguments.settings.max_general_cer_rise,
                 "Points that the CER on other people may rise above the base's, with --state")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_flag("!--no-transcript-check", arguments.settings.check_transcripts,
               "With --state, learn even where the texts do not seem to belong to the speech");
  app.add_option("--checkpoint-seconds", round.checkpoint.every_s,
                 "Time between two checkpoints, with --state")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--epochs", round.epochs, "At most this many epochs")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  app.add_option("--learning-rate", round.learning_rate,
                 "Peak learning rate of AdamW; of LoRA 3.3 times this")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--batch-seconds", round.batch_seconds, "At most this much speech per update")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--base-share", round.base_share, "Share of the base in what is kept")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--patience", round.patience, "Epochs without a gain before the round stops")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  app.add_option("--freeze-blocks", round.candidate.first_block,
                 "Blocks to leave as they are, from the input up")
      ->capture_default_str();
  app.add_option("--tune", round.candidate.tuning,
                 "What learns in the others: full, vectors (biases, norms, filters), lora "
                 "(these, and a low-rank pair beside each matrix), or adapters (these, and a "
                 "bottleneck behind each block, which the model keeps)")
      ->transform(CLI::CheckedTransformer(TuningsByName()))
      ->default_str("full");
  app.add_option("--lora-rank", round.candidate.lora_rank, "Of the pairs of --tune lora")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--adapter-width", round.candidate.adapter_width,
                 "Of the bottlenecks of --tune adapters")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--optimizer-bits", round.candidate.optimizer_bits,
                 "Of each number that AdamW remembers: 32 or 8")
      ->check(CLI::IsMember({32, 8}))
      ->capture_default_str();
  app.add_option("--parts", round.candidate.parts,
                 "Compute what learns in this many parts: less memory, more time, same result")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  app.add_option("--micro-batch-seconds", round.candidate.micro_batch_seconds,
                 "Speech to compute at a time (default: all of an update)")
      ->check(CLI::PositiveNumber);
  app.add_option("--longest", round.candidate.longest_s,
                 "Leave out utterances that are longer, in seconds: the longest decides how much "
                 "memory is needed")
      ->check(CLI::PositiveNumber);
  app.add_option("--validation-batch-seconds", round.validation_batch_seconds,
                 "Speech to validate at a time")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--cache", round.cache.place,
                 "Where to keep what the frozen blocks make of the speech: none, ram or disk")
      ->transform(CLI::CheckedTransformer(std::map<std::string, CachePlace>{
          {"none", CachePlace::kNone}, {"ram", CachePlace::kRam}, {"disk", CachePlace::kDisk}}))
      ->default_str("none");
  app.add_option("--cache-budget", arguments.cache_budget,
                 "How much of it to keep: 64MB, 64MiB, or bytes; the rest is computed again")
      ->check(IsByteSize);
  app.add_option("--cache-folder", round.cache.folder,
                 "Where 'disk' is (default: the folder of --out, or --state)");
  AddPlanOptions(app, arguments.plan);
  arguments.names_sub_model = [&app] {
    return app.count("--freeze-blocks") + app.count("--tune") + app.count("--lora-rank") +
               app.count("--adapter-width") + app.count("--optimizer-bits") + app.count("--parts") +
               app.count("--micro-batch-seconds") >
           0;
  };
  arguments.given = [&app](const std::string& option) {
    const CLI::Option* known = app.get_option_no_throw(option);
    return known != nullptr && known->count() > 0;
  };
  app.add_option("--policy", arguments.policy,
                 "When to pause and to stop (JSON, docs/resources.md); asked before every update");
  auto* sysfs = app.add_option("--sysfs", arguments.sysfs,
                               "Folder in whose proc/ and sys/ to look for what the device has");
  app.add_option("--trace", arguments.trace, "What the device has, by time (CSV), instead")
      ->excludes(sysfs);
  app.add_option("--format", arguments.format,
                 "Weights in the file: f32, bf16, int8, or as-stored, where only what was learned "
                 "becomes bf16 (default: bf16; with --state or --ram as-stored)")
      ->check(CLI::IsMember({"f32", "bf16", "int8", "as-stored"}));
  AddCommonOptions(app, arguments.common);
}

Status SetCache(PersonalizeArguments& arguments, const std::string& folder) {
  PrefixCacheOptions& cache = arguments.round().cache;
  arguments.round().candidate.cache = cache.place != CachePlace::kNone;
  if (!arguments.cache_budget.empty()) {
    MASR_TRY(cache.budget_bytes, ParseByteSize(arguments.cache_budget));
  }
  if (cache.folder.empty()) cache.folder = folder;
  return {};
}

Result<std::unique_ptr<ResourceMonitor>> MakeMonitor(const PersonalizeArguments& arguments,
                                                     const std::string& disk_folder) {
  std::unique_ptr<ResourceMonitor> monitor = std::make_unique<LinuxMonitor>(
      LinuxMonitorOptions{.root = arguments.sysfs, .disk_folder = disk_folder});
  if (arguments.trace.empty()) return monitor;
  MASR_TRY(const ResourceSnapshot now, monitor->Read());
  MASR_TRY(ScriptedMonitor script,
           ScriptedMonitor::Open(arguments.trace, now, [start = std::chrono::steady_clock::now()] {
             return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
           }));
  return std::make_unique<ScriptedMonitor>(std::move(script));
}

Result<ResourcePolicy> ReadPolicy(const std::string& path) {
  if (path.empty()) return ResourcePolicy();
  MASR_TRY(const std::string text, ReadTextFile(path, 1 << 20));
  return ResourcePolicy::FromJson(text, path);
}

Status TakeShareOfCores(const std::string& policy, CommonOptions& options) {
  if (policy.empty() || options.threads > 0) return {};
  MASR_TRY(const ResourcePolicy read, ReadPolicy(policy));
  options.threads = AllowedCores(read, {.cores = ThreadCount(options)});
  return {};
}

RoundGuardOptions GuardOptions(const ResourcePolicy& policy, Progress& progress) {
  return {.policy = policy, .paused = [&progress](const ResourceSnapshot&, const Verdict& verdict) {
            progress.Line("paused: " + verdict.why);
          }};
}

RoundEvents ProgressEvents(Progress& progress) {
  return {.progress =
              [&progress](const RoundProgress& p) {
                char line[160];
                std::snprintf(
                    line, sizeof(line), "epoch %lld, update %lld/%lld, loss %.3f, at most %s left",
                    static_cast<long long>(p.epoch), static_cast<long long>(p.update),
                    static_cast<long long>(p.updates), p.loss, ClockText(p.seconds_left).c_str());
                const double done = static_cast<double>(p.epoch - 1) +
                                    static_cast<double>(p.update) / static_cast<double>(p.updates);
                progress.Update(done / static_cast<double>(p.epochs), line);
              },
          .epoch =
              [&progress](const RoundEpoch& e) {
                char line[160];
                std::snprintf(line, sizeof(line),
                              "epoch %2lld: training loss %.3f, validation loss %.3f, WER %.1f %%, "
                              "CER %.1f %%",
                              static_cast<long long>(e.epoch), e.train_loss, e.validation_loss,
                              e.validation_wer, e.validation_cer);
                progress.Line(line);
              }};
}

Result<std::optional<ChosenPlan>> PlanOf(const Model& model, const SpeechDataset& data,
                                         const PersonalizeArguments& arguments,
                                         ResourceMonitor& monitor) {
  if (!WantsPlan(arguments.plan)) return std::nullopt;
  PlanArguments plan = arguments.plan;
  plan.policy = arguments.policy;
  plan.device = arguments.device;
  MASR_TRY(ChosenPlan chosen,
           ChoosePlan(model, data, arguments.round(), arguments.names_sub_model(),
                      ThreadCount(arguments.common), plan, monitor));
  return chosen;
}

Result<RoundMemory> MemoryOf(const std::optional<ChosenPlan>& plan, const Model& model,
                             const SpeechDataset& data, const PersonalizeArguments& arguments) {
  if (plan) return plan->plan.best().memory;
  const PersonalizeOptions& round = arguments.round();
  return PlanRoundMemory(model, round.candidate, DescribeSpeech(data, round),
                         MakeOptimizer(round.trainer.optimizer)->StatePerParameter(),
                         ThreadCount(arguments.common), ProcessBytes(model));
}

Json MemoryJson(const RoundMemory& memory) {
  Json json;
  for (const auto& [item, bytes] : memory.items()) json[item] = bytes;
  return json;
}

}  // namespace masr::cli
