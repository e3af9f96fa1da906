#include "train/pretrain.h"

#include <cstdio>
#include <memory>
#include <optional>

#include "command.h"
#include "io/file.h"
#include "process_group.h"
#include "progress.h"
#include "resources/process_memory.h"
#include "train/learning_rate_finder.h"
#include "update_log.h"

namespace masr::cli {
namespace {

struct Options {
  CommonOptions common;
  std::string config;
  std::vector<std::string> provenance;
  std::string format = "int8";
  std::string log;
  bool find = false;
  LearningRateRange range;
  PretrainOptions pretrain;
};

std::string Describe(const PretrainProgress& p) {
  char text[256];
  std::snprintf(text, sizeof(text),
                "%s epoch %lld/%lld, update %lld/%lld, loss %.3f, rate %.1e, norm %.2f, %.0fx real "
                "time, %s left",
                p.stage.c_str(), static_cast<long long>(p.epoch), static_cast<long long>(p.epochs),
                static_cast<long long>(p.update), static_cast<long long>(p.updates), p.loss,
                p.learning_rate, p.gradient_norm, p.speed, ClockText(p.seconds_left).c_str());
  return text;
}

Json EpochJson(const PretrainEpoch& e) {
  return {{"stage", e.stage},     {"epoch", e.epoch},     {"train_loss", e.train_loss},
          {"dev_wer", e.dev_wer}, {"dev_cer", e.dev_cer}, {"seconds", e.seconds}};
}

// The learning rate range test instead of a training.
Status Find(const Options& options, const PretrainConfig& config, const ThreadPool& threads,
            bool speaks) {
  Progress progress;
  PretrainEvents events = {
      .progress =
          [&](const PretrainProgress& p) {
            progress.Update(static_cast<double>(p.update) / static_cast<double>(p.updates),
                            Describe(p));
          },
      .warning =
          [&](const std::string& message) { progress.Line("warning: " + message + " (skipped)"); }};
  if (!speaks) events = {};
  MASR_TRY(const LearningRateCurve curve, FindLearningRate(config, options.pretrain, options.range,
                                                           threads, events, &StopRequested()));
  if (!speaks) return {};
  progress.Clear();
  if (options.common.json) {
    Json json = {{"suggested", curve.suggested},   {"rule", curve.rule},
                 {"at_minimum", curve.at_minimum}, {"steepest", curve.steepest},
                 {"diverged", curve.diverged},     {"curve", Json::array()}};
    for (const LearningRatePoint& p : curve.points) {
      json["curve"].push_back({{"learning_rate", p.learning_rate},
                               {"loss", p.loss},
                               {"smoothed", p.smoothed},
                               {"gradient_norm", p.gradient_norm}});
    }
    PrintJson(json);
    return {};
  }
  std::printf("%13s %9s %9s %9s\n", "learning rate", "loss", "smoothed", "gradient");
  for (const LearningRatePoint& p : curve.points) {
    std::printf("%13.2e %9.4f %9.4f %9.3f\n", p.learning_rate, p.loss, p.smoothed, p.gradient_norm);
  }
  std::printf("smallest smoothed loss at %.2e, steepest fall at %.2e\n", curve.at_minimum,
              curve.steepest);
  std::printf("suggested: %.2e (%s)\n", curve.suggested, curve.rule.c_str());
  return {};
}

// Only one process of a job speaks.
Status Train(const Options& options, const PretrainConfig& config, const ThreadPool& threads,
             bool speaks) {
  const PretrainOptions& pretrain = options.pretrain;
  std::optional<UpdateLog> log;
  if (speaks && !options.log.empty()) {
    MASR_TRY(log, UpdateLog::Open(options.log, /*append=*/pretrain.resume));
  }
  Progress progress;
  int64_t warnings = 0;
  PretrainEvents events = {
      .progress =
          [&](const PretrainProgress& p) {
            progress.Update(static_cast<double>(p.update) / static_cast<double>(p.updates),
                            Describe(p));
            if (!log) return;
            if (const Status logged = log->Add(p); !logged.has_value()) {
              progress.Line("warning: " + logged.error().message + "; the log ends here");
              log.reset();
            }
          },
      .epoch =
          [&](const PretrainEpoch& e) {
            char line[200];
            std::snprintf(
                line, sizeof(line),
                "stage %lld epoch %lld: training loss %.3f, dev WER %.2f %%, CER %.2f %%, %s",
                static_cast<long long>(e.stage), static_cast<long long>(e.epoch), e.train_loss,
                e.dev_wer, e.dev_cer, ClockText(e.seconds).c_str());
            progress.Line(line);
          },
      .warning =
          [&](const std::string& message) {
            if (++warnings <= 5) progress.Line("warning: " + message + " (skipped)");
          }};
  if (!speaks) events = {};
  MASR_TRY(const PretrainResult result,
           Pretrain(config, pretrain, threads, events, &StopRequested()));
  progress.Clear();
  if (speaks && options.common.json) {
    Json json = {{"finished", result.finished},
                 {"skipped", result.skipped},
                 {"model", pretrain.out},
                 {"peak_rss_bytes", PeakResidentBytes()},
                 {"epochs", Json::array()}};
    for (const PretrainEpoch& epoch : result.epochs) json["epochs"].push_back(EpochJson(epoch));
    PrintJson(json);
  }
  if (!result.finished) {
    return Fail(ErrorCode::kCancelled,
                "stopped; " + pretrain.out + ".checkpoint is saved, --resume goes on from there");
  }
  if (speaks && !options.common.json) {
    std::printf("%s is written (%lld lines or utterances skipped)\n", pretrain.out.c_str(),
                static_cast<long long>(result.skipped));
  }
  return {};
}

// The recipe needs to be on the machine of the first process only.
Result<std::string> ReadRecipe(const std::string& path, Collective* group) {
  std::string text;
  if (group == nullptr || group->rank() == 0) {
    MASR_TRY(text, ReadTextFile(path, 1 << 20));
  }
  if (group == nullptr) return text;
  auto size = static_cast<double>(text.size());
  MASR_RETURN_IF_ERROR(group->Sum({&size, 1}));
  text.resize(static_cast<size_t>(size));
  MASR_RETURN_IF_ERROR(group->Broadcast({reinterpret_cast<uint8_t*>(text.data()), text.size()}));
  return text;
}

// `group` is null where there is one process.
Status RunIn(Options& options, ProcessGroup* group) {
  MASR_TRY(const std::string text, ReadRecipe(options.config, group));
  MASR_TRY(const PretrainConfig config, PretrainConfig::FromJson(text, options.config));
  PretrainOptions& pretrain = options.pretrain;
  pretrain.seed = options.common.seed;
  pretrain.format = WeightFormatFromName(options.format);
  pretrain.collective = group;
  MASR_TRY(pretrain.metadata, ParseMetadata(options.provenance));
  const int processes_here = group != nullptr ? group->processes_here() : 1;
  const ThreadPool threads(ThreadCount(options.common, processes_here));
  const bool speaks = group == nullptr || group->rank() == 0;
  if (options.find) return Find(options, config, threads, speaks);
  return Train(options, config, threads, speaks);
}

Status Run(Options& options) {
  MASR_TRY(const std::unique_ptr<ProcessGroup> group, JoinProcessGroup(StopRequested()));
  if (group == nullptr) return RunIn(options, nullptr);
  return group->Leave(RunIn(options, group.get()));
}

}  // namespace

Command AddPretrain(CLI::App& parent) {
  auto options = std::make_shared<Options>();
  PretrainOptions& pretrain = options->pretrain;
  CLI::App* app = parent.add_subcommand("pretrain", "Train a base recogniser by a recipe");
  app->add_option("--config", options->config, "Recipe (JSON)")->required();
  app->add_option("--train", pretrain.train_manifests, "Training manifest; repeatable")->required();
  app->add_option("--dev", pretrain.dev_manifest, "Manifest to measure on after every epoch")
      ->required();
  app->add_option("--noise", pretrain.noise_manifest, "Manifest of noises to mix in");
  app->add_option("--out", pretrain.out, "Model file to write")->required();
  app->add_option("--init", pretrain.init,
                  "Model whose weights to begin with, where name and shape are the same");
  app->add_option("--init-blocks", pretrain.init_blocks,
                  "Which of its blocks to take for each of the new model's, e.g. 0,2,4")
      ->delimiter(',')
      ->needs("--init");
  app->add_option("--cache", pretrain.cache_bytes,
                  "Memory for decoded speech, e.g. 8GB; what is over is decoded at each visit")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false));
  app->add_flag("--resume", pretrain.resume, "Go on from OUT.checkpoint if it is there");
  app->add_option(
         "--keep-epochs", pretrain.keep_epochs,
         "Also keep the models of the last N epochs, OUT.epoch-001.masr and so on, to average")
      ->check(CLI::Range(0, 100000));
  app->add_flag("--find-learning-rate", options->find,
                "Instead of training, raise the rate from update to update and suggest one; writes "
                "nothing");
  app->add_option("--find-updates", options->range.updates, "Updates of the range test")
      ->check(CLI::Range(10, 1000000))
      ->capture_default_str();
  app->add_option("--find-from", options->range.low, "Its lowest rate")->capture_default_str();
  app->add_option("--find-to", options->range.high, "Its highest rate")->capture_default_str();
  app->add_option("--log", options->log,
                  "File for one JSON line per update: loss, rate, gradient norm; --resume appends");
  app->add_option("--checkpoint-seconds", pretrain.checkpoint_seconds,
                  "Time between checkpoints; 0: after every update")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  app->add_option("--format", options->format, "Weights in the file: f32, bf16 or int8")
      ->check(CLI::IsMember({"f32", "bf16", "int8"}))
      ->capture_default_str();
  app->add_option("--metadata", options->provenance, "KEY=VALUE for the model file; repeatable");
  AddCommonOptions(*app, options->common);
  return {app, [options] { return Run(*options); }};
}

}  // namespace masr::cli
