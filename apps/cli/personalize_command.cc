#include "train/personalize.h"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "command.h"
#include "io/file.h"
#include "plan_options.h"
#include "progress.h"
#include "resources/linux_monitor.h"
#include "resources/process_memory.h"
#include "resources/scripted_monitor.h"

namespace masr::cli {
namespace {

struct Options {
  CommonOptions common;
  std::string base;
  std::string data;
  std::string test;
  std::string general;
  std::string out;
  std::string format = "bf16";
  std::string policy;
  std::string sysfs;
  std::string trace;
  PersonalizeOptions round;
  PlanArguments plan;
  // Whether the user has named the sub-model: a plan then has nothing to choose.
  std::function<bool()> names_sub_model;
};

Json EpochJson(const RoundEpoch& e) {
  return {{"epoch", e.epoch},        {"train_loss", e.train_loss},
          {"mean", e.mean},          {"validation_loss", e.validation_loss},
          {"wer", e.validation_wer}, {"cer", e.validation_cer},
          {"seconds", e.seconds}};
}

// A set that is measured before and after.
struct Measured {
  std::optional<SpeechDataset> dataset;
  std::optional<Evaluation> before;
  std::optional<Evaluation> after;

  Status Load(const std::string& path, const Model& model) {
    if (path.empty()) return {};
    MASR_TRY(dataset, LoadDataset(path, model));
    return {};
  }
  Status Measure(const Model& model, const ThreadPool& threads, std::optional<Evaluation>& to) {
    if (!dataset) return {};
    MASR_TRY(to, Evaluate(model, *dataset, {}, threads, {.cancel = &StopRequested()}));
    return {};
  }
  Json ToJson(const Evaluation& evaluation) const {
    return EvaluationJson(evaluation, static_cast<int64_t>(dataset->problems().size()));
  }
};

// The guard of a round, if its owner wants one.
struct Guard {
  std::unique_ptr<ResourceMonitor> monitor;
  std::optional<RoundGuard> guard;

  Status Create(const Options& options, Progress& progress) {
    if (options.policy.empty() && options.sysfs.empty() && options.trace.empty()) return {};
    RoundGuardOptions guard_options;
    if (!options.policy.empty()) {
      MASR_TRY(const std::string text, ReadTextFile(options.policy, 1 << 20));
      MASR_TRY(guard_options.policy, ResourcePolicy::FromJson(text, options.policy));
    }
    monitor = std::make_unique<LinuxMonitor>(LinuxMonitorOptions{
        .root = options.sysfs,
        .disk_folder = std::filesystem::absolute(options.out).parent_path().string()});
    if (!options.trace.empty()) {
      MASR_TRY(const ResourceSnapshot now, monitor->Read());
      MASR_TRY(
          ScriptedMonitor script,
          ScriptedMonitor::Open(options.trace, now, [start = std::chrono::steady_clock::now()] {
            return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
          }));
      monitor = std::make_unique<ScriptedMonitor>(std::move(script));
    }
    guard_options.paused = [&progress](const ResourceSnapshot&, const Verdict& verdict) {
      progress.Line("paused: " + verdict.why);
    };
    guard.emplace(*monitor, std::move(guard_options));
    return {};
  }
};

Json MemoryJson(const RoundMemory& m) {
  return {{"process", m.process},   {"threads", m.threads},     {"weights", m.weights},
          {"trained", m.trained},   {"gradients", m.gradients}, {"optimizer", m.optimizer},
          {"averages", m.averages}, {"arena", m.arena},         {"inputs", m.inputs},
          {"speech", m.speech}};
}

// The sub-model that fits into the user's budget, if there is one.
Result<std::optional<ChosenPlan>> PlanOf(const Model& model, const SpeechDataset& data,
                                         const Options& options) {
  if (!WantsPlan(options.plan) || options.names_sub_model()) return std::nullopt;
  PlanArguments arguments = options.plan;
  arguments.policy = options.policy;
  arguments.sysfs = options.sysfs;
  MASR_TRY(ChosenPlan chosen,
           ChoosePlan(model, data, options.round, ThreadCount(options.common), arguments));
  return chosen;
}

// What the round will need in this process, whose pages of the model the fingerprint has read.
Result<RoundMemory> PlanMemoryOf(const Model& model, const SpeechDataset& data,
                                 const Options& options) {
  return PlanRoundMemory(model, options.round.candidate, DescribeSpeech(data, options.round),
                         MakeOptimizer(options.round.trainer.optimizer)->StatePerParameter(),
                         ThreadCount(options.common), ProcessBytes(model));
}

void PrintTable(const Measured& test, const Measured& general) {
  std::printf("%-22s %10s %10s\n", "", "before", "after");
  const auto row = [](const char* name, double before, double after) {
    std::printf("%-22s %9.2f%% %9.2f%%\n", name, before, after);
  };
  if (test.after) {
    row("WER, test", test.before->words.rate_percent(), test.after->words.rate_percent());
    row("CER, test", test.before->characters.rate_percent(), test.after->characters.rate_percent());
  }
  if (general.after) {
    row("WER, general", general.before->words.rate_percent(), general.after->words.rate_percent());
    row("CER, general", general.before->characters.rate_percent(),
        general.after->characters.rate_percent());
  }
}

// Sentences that changed the most, side by side.
void PrintSentences(const Measured& test) {
  if (!test.after) return;
  constexpr int kShown = 4;
  int shown = 0;
  for (size_t i = 0; i < test.after->hypotheses.size() && shown < kShown; ++i) {
    const EvaluatedUtterance& before = test.before->hypotheses[i];
    const EvaluatedUtterance& after = test.after->hypotheses[i];
    if (before.hypothesis == after.hypothesis) continue;
    std::printf("\nreference  %s\nbefore     %s\nafter      %s\n",
                test.dataset->utterance(after.utterance).text.c_str(), before.hypothesis.c_str(),
                after.hypothesis.c_str());
    ++shown;
  }
}

Status Run(Options& options) {
  MASR_TRY(Model model, LoadModel(options.base));
  const std::string base_fingerprint = ModelFingerprint(model);
  MASR_TRY(SpeechDataset data, LoadDataset(options.data, model, int64_t{256} << 20));
  Measured test;
  Measured general;
  MASR_TRY(const std::optional<ChosenPlan> plan, PlanOf(model, data, options));
  if (plan) options.round.candidate = plan->plan.best().candidate;
  MASR_TRY(const RoundMemory memory, PlanMemoryOf(model, data, options));
  options.round.arena_bytes = memory.arena;
  MASR_RETURN_IF_ERROR(test.Load(options.test, model));
  MASR_RETURN_IF_ERROR(general.Load(options.general, model));
  const ThreadPool threads(ThreadCount(options.common));
  MASR_RETURN_IF_ERROR(test.Measure(model, threads, test.before));
  MASR_RETURN_IF_ERROR(general.Measure(model, threads, general.before));

  Progress progress;
  const RoundEvents events = {
      .progress =
          [&](const RoundProgress& p) {
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
          [&](const RoundEpoch& e) {
            char line[160];
            std::snprintf(line, sizeof(line),
                          "epoch %2lld: training loss %.3f, validation loss %.3f, WER %.1f %%, CER "
                          "%.1f %%",
                          static_cast<long long>(e.epoch), e.train_loss, e.validation_loss,
                          e.validation_wer, e.validation_cer);
            progress.Line(line);
          }};
  options.round.seed = options.common.seed;
  Guard guard;
  MASR_RETURN_IF_ERROR(guard.Create(options, progress));
  MASR_TRY(const RoundResult round,
           Personalize(model, data, options.round, threads, events, &StopRequested(),
                       guard.guard ? &*guard.guard : nullptr));
  progress.Clear();

  Json history = Json::array();
  for (const RoundEpoch& epoch : round.epochs) history.push_back(EpochJson(epoch));
  model.metadata["personalization.base"] = base_fingerprint;
  model.metadata["personalization.epochs"] = history.dump();
  MASR_RETURN_IF_ERROR(SaveModel(model, WeightFormatFromName(options.format), options.out));
  // What is measured is what was written.
  MASR_TRY(const Model saved, LoadModel(options.out));
  MASR_RETURN_IF_ERROR(test.Measure(saved, threads, test.after));
  MASR_RETURN_IF_ERROR(general.Measure(saved, threads, general.after));

  if (options.common.json) {
    Json json = {{"epochs", history},
                 {"best_epoch", round.best_epoch},
                 {"accepted", round.best_epoch > 0},
                 {"stopped", round.stopped},
                 {"halted_by", round.halt.halted_by},
                 {"why", round.halt.why},
                 {"seconds_paused", round.seconds_paused},
                 {"audio_seconds", round.audio_seconds},
                 {"training_utterances", round.training_utterances},
                 {"validation_utterances", round.validation_utterances},
                 {"skipped", round.skipped + static_cast<int64_t>(data.problems().size())},
                 {"memory", MemoryJson(memory)},
                 {"planned_peak_bytes", memory.total()},
                 {"trainable_parameters", CountTrainable(model.encoder, options.round.candidate)},
                 {"seconds", round.seconds},
                 {"peak_rss_bytes", PeakResidentBytes()},
                 {"model", options.out}};
    if (plan) json["plan"] = ChosenJson(*plan);
    if (test.after) {
      json["before"] = test.ToJson(*test.before);
      json["after"] = test.ToJson(*test.after);
    }
    if (general.after) {
      json["general_before"] = general.ToJson(*general.before);
      json["general_after"] = general.ToJson(*general.after);
    }
    PrintJson(json);
    return {};
  }
  if (plan) std::printf("%s: %s.\n", plan->plan.best().name.c_str(), plan->why.c_str());
  PrintTable(test, general);
  PrintSentences(test);
  if (!round.halt.why.empty()) std::printf("\nStopped: %s\n", round.halt.why.c_str());
  std::printf(
      "\n%s after epoch %lld of %zu: %.0f s of speech learned in %.0f s, peak memory %.0f MB\n",
      round.best_epoch > 0 ? "Accepted" : "Nothing better than the base was found; kept as it was",
      static_cast<long long>(round.best_epoch), round.epochs.size() - 1, round.audio_seconds,
      round.seconds, static_cast<double>(PeakResidentBytes()) / 1e6);
  return {};
}

}  // namespace

Command AddPersonalize(CLI::App& parent) {
  auto options = std::make_shared<Options>();
  PersonalizeOptions& round = options->round;
  CLI::App* app = parent.add_subcommand("personalize", "Learn one person's voice");
  app->add_option("--base", options->base, "Model to start from")->required();
  app->add_option("--data", options->data, "Manifest of the person's transcribed speech")
      ->required();
  app->add_option("--minutes", round.minutes, "Use the first N minutes of it (default: all)")
      ->check(CLI::PositiveNumber);
  app->add_option("--test", options->test, "Manifest to measure before and after");
  app->add_option("--general", options->general, "Manifest of other people, to measure forgetting");
  app->add_option("--out", options->out, "Model file to write")->required();
  app->add_option("--epochs", round.epochs, "At most this many epochs")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  app->add_option("--learning-rate", round.learning_rate,
                  "Peak learning rate of AdamW; of LoRA 3.3 times this")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app->add_option("--batch-seconds", round.batch_seconds, "At most this much speech per update")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app->add_option("--base-share", round.base_share, "Share of the base in what is kept")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app->add_option("--patience", round.patience, "Epochs without a gain before the round stops")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  app->add_option("--freeze-blocks", round.candidate.first_block,
                  "Blocks to leave as they are, from the input up")
      ->capture_default_str();
  app->add_option("--tune", round.candidate.tuning,
                  "What learns in the others: full, vectors (biases, norms, filters), or lora "
                  "(these, and a low-rank pair beside each matrix)")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Tuning>{
          {"full", Tuning::kFull}, {"vectors", Tuning::kVectors}, {"lora", Tuning::kLora}}))
      ->default_str("full");
  app->add_option("--lora-rank", round.candidate.lora_rank, "Of the pairs of --tune lora")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app->add_option("--optimizer-bits", round.candidate.optimizer_bits,
                  "Of each number that AdamW remembers: 32 or 8")
      ->check(CLI::IsMember({32, 8}))
      ->capture_default_str();
  app->add_option("--parts", round.candidate.parts,
                  "Compute what learns in this many parts: less memory, more time, same result")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  app->add_option("--micro-batch-seconds", round.candidate.micro_batch_seconds,
                  "Speech to compute at a time (default: all of an update)")
      ->check(CLI::PositiveNumber);
  app->add_option("--validation-batch-seconds", round.validation_batch_seconds,
                  "Speech to validate at a time")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  AddPlanOptions(*app, options->plan);
  options->names_sub_model = [app] {
    return app->count("--freeze-blocks") + app->count("--tune") + app->count("--lora-rank") +
               app->count("--optimizer-bits") + app->count("--parts") +
               app->count("--micro-batch-seconds") >
           0;
  };
  app->add_option("--policy", options->policy,
                  "When to pause and to stop (JSON, docs/resources.md); asked before every update");
  auto* sysfs = app->add_option("--sysfs", options->sysfs,
                                "Folder in whose proc/ and sys/ to look for what the device has");
  app->add_option("--trace", options->trace, "What the device has, by time (CSV), instead")
      ->excludes(sysfs);
  app->add_option("--format", options->format, "Weights in the file: f32, bf16 or int8")
      ->check(CLI::IsMember({"f32", "bf16", "int8"}))
      ->capture_default_str();
  AddCommonOptions(*app, options->common);
  return {app, [options] { return Run(*options); }};
}

}  // namespace masr::cli
