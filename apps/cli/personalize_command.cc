#include "train/personalize.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "command.h"
#include "progress.h"
#include "resources/process_memory.h"
#include "round_setup.h"
#include "rounds/owner_folder.h"
#include "train/round_record.h"

namespace masr::cli {
namespace {

// A set that is measured before and after.
struct Measured {
  double batch_seconds = EvaluateOptions().batch_seconds;
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
    MASR_TRY(to, Evaluate(model, *dataset, {}, threads,
                          {.cancel = &StopRequested(), .batch_seconds = batch_seconds}));
    return {};
  }
  Json ToJson(const Evaluation& evaluation) const {
    return EvaluationJson(evaluation, static_cast<int64_t>(dataset->problems().size()));
  }
};

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

Json CacheJson(const PrefixCacheCounts& counts, const std::string& trouble) {
  return {{"computed", counts.computed},
          {"found", counts.found},
          {"bytes", counts.bytes},
          {"trouble", trouble}};
}

Status Run(PersonalizeArguments& options) {
  if (options.out.empty() || options.data.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "personalize needs --data MANIFEST, and --out FILE or --state FOLDER");
  }
  GiveMemoryBack();
  MASR_RETURN_IF_ERROR(TakeShareOfCores(options.policy, options.common));
  PersonalizeOptions& round_options = options.round();
  MASR_TRY(Model model, LoadModel(options.base));
  const std::string base_fingerprint = ModelFingerprint(model);
  MASR_RETURN_IF_ERROR(SetCache(options, std::filesystem::absolute(options.out).parent_path()));
  // Where prefixes are kept, samples are wanted once.
  MASR_TRY(const int64_t cache_bytes, SpeechCacheBytes(options.plan));
  const int64_t kept_samples = round_options.candidate.cache ? 0 : cache_bytes;
  MASR_TRY(SpeechDataset data, LoadDataset(options.data, model, kept_samples));
  // Within a budget, what is measured besides takes no more than the round: an utterance at a time.
  const double batch_seconds = options.plan.ram.empty() ? EvaluateOptions().batch_seconds : 0;
  Measured test{.batch_seconds = batch_seconds};
  Measured general{.batch_seconds = batch_seconds};
  round_options.seed = options.common.seed;
  MASR_TRY(const std::unique_ptr<ResourceMonitor> monitor,
           MakeMonitor(options, std::filesystem::absolute(options.out).parent_path().string()));
  MASR_TRY(const std::optional<ChosenPlan> plan, PlanOf(model, data, options, *monitor));
  if (plan) round_options.candidate = plan->plan.best().candidate;
  MASR_TRY(const RoundMemory memory, MemoryOf(plan, model, data, options));
  round_options.arena_bytes = memory.arena;
  MASR_RETURN_IF_ERROR(test.Load(options.test, model));
  MASR_RETURN_IF_ERROR(general.Load(options.settings.general, model));
  const ThreadPool threads(ThreadCount(options.common));
  MASR_RETURN_IF_ERROR(test.Measure(model, threads, test.before));
  MASR_RETURN_IF_ERROR(general.Measure(model, threads, general.before));

  Progress progress;
  std::optional<RoundGuard> guard;
  if (!options.policy.empty() || !options.sysfs.empty() || !options.trace.empty()) {
    MASR_TRY(const ResourcePolicy policy, ReadPolicy(options.policy));
    guard.emplace(*monitor, GuardOptions(policy, progress));
  }
  MASR_TRY(const RoundResult round,
           Personalize(model, data, round_options, threads, ProgressEvents(progress),
                       &StopRequested(), guard ? &*guard : nullptr));
  progress.Clear();

  Json history = Json::array();
  for (const RoundEpoch& epoch : round.epochs) history.push_back(RoundEpochToJson(epoch));
  model.metadata[kBaseKey] = base_fingerprint;
  model.metadata["personalization.epochs"] = history.dump();
  const std::string format = !options.format.empty()    ? options.format
                             : options.plan.ram.empty() ? "bf16"
                                                        : "as-stored";
  MASR_RETURN_IF_ERROR(SaveModel(model, WeightFormatFromName(format), options.out));
  // What is measured is what was written; one model is in memory at a time.
  MASR_TRY(model, LoadModel(options.out));
  MASR_RETURN_IF_ERROR(test.Measure(model, threads, test.after));
  MASR_RETURN_IF_ERROR(general.Measure(model, threads, general.after));

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
                 {"trainable_parameters", CountTrainable(model.encoder, round_options.candidate)},
                 {"seconds", round.seconds},
                 {"peak_rss_bytes", PeakResidentBytes()},
                 {"model", options.out}};
    if (round_options.candidate.cache) {
      json["cache"] = CacheJson(round.cache, round.cache_trouble);
    }
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
  auto arguments = std::make_shared<PersonalizeArguments>();
  CLI::App* app = parent.add_subcommand("personalize", "Learn one person's voice");
  AddPersonalizeOptions(*app, *arguments);
  return {app, [arguments] {
            return arguments->state.empty() ? Run(*arguments) : PersonalizeInFolder(*arguments);
          }};
}

}  // namespace masr::cli
