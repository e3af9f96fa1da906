#include "train/pretrain.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "data/batcher.h"
#include "io/config_reader.h"
#include "train/checkpoint.h"

namespace masr {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Updates of one epoch: each a list of micro-batches of utterance indices.
using EpochPlan = std::vector<std::vector<std::vector<int64_t>>>;

// Where the next update is.
struct Position {
  int64_t stage = 0;
  int64_t epoch = 0;
  int64_t update = 0;
  double loss_sum = 0;  // of this epoch's updates, weighted by tokens
  int64_t tokens = 0;
};

nlohmann::json ToJson(const PretrainEpoch& e) {
  return {{"stage", e.stage},     {"epoch", e.epoch},     {"train_loss", e.train_loss},
          {"dev_wer", e.dev_wer}, {"dev_cer", e.dev_cer}, {"seconds", e.seconds}};
}

class Session {
 public:
  Session(const PretrainConfig& config, const PretrainOptions& options, const ThreadPool& threads,
          const PretrainEvents& events, const std::atomic<bool>* cancel)
      : config_(config), options_(options), threads_(threads), events_(events), cancel_(cancel) {}

  Result<PretrainResult> Run() {
    MASR_TRY(Model model, Model::Create(config_.model, options_.seed));
    model.metadata = options_.metadata;
    MASR_TRY(train_, LoadDataset(options_.train_manifests, model, options_.cache_bytes));
    MASR_TRY(dev_, LoadDataset({options_.dev_manifest}, model, options_.cache_bytes / 8));
    if (!options_.noise_manifest.empty()) MASR_RETURN_IF_ERROR(LoadNoise(model));
    MASR_TRY(BatchLoader loader, BatchLoader::Create(model, train_, NoiseOrNull(), threads_));
    Trainer trainer =
        Trainer::Create(model, TrainableFrom(model.encoder, 0), config_.trainer, threads_);
    if (config_.ema_decay > 0) average_.emplace(model, trainer.trainable(), config_.ema_decay);
    if (options_.resume) MASR_RETURN_IF_ERROR(Resume(trainer));

    for (const PretrainStage& stage : config_.stages) {
      audio_left_ += StageSeconds(stage) * static_cast<double>(stage.epochs);
    }
    for (int64_t s = 0; s < position_.stage; ++s) {
      const PretrainStage& stage = config_.stages[static_cast<size_t>(s)];
      audio_left_ -= StageSeconds(stage) * static_cast<double>(stage.epochs);
    }
    while (position_.stage < static_cast<int64_t>(config_.stages.size())) {
      const PretrainStage& stage = config_.stages[static_cast<size_t>(position_.stage)];
      if (position_.epoch == 0 && position_.update == 0) stage_start_step_ = trainer.step();
      audio_left_ -= StageSeconds(stage) * static_cast<double>(position_.epoch);
      for (; position_.epoch < stage.epochs; ++position_.epoch) {
        MASR_TRY(const bool whole, RunEpoch(stage, trainer, loader));
        if (!whole) {
          MASR_RETURN_IF_ERROR(SaveState(trainer));
          result_.skipped += static_cast<int64_t>(problems_.size());
          return result_;
        }
        MASR_RETURN_IF_ERROR(EndEpoch(trainer));
      }
      position_ = {.stage = position_.stage + 1};
    }
    MASR_RETURN_IF_ERROR(SaveState(trainer));
    result_.finished = true;
    result_.skipped += static_cast<int64_t>(problems_.size());
    return result_;
  }

 private:
  Result<SpeechDataset> LoadDataset(const std::vector<std::string>& paths, const Model& model,
                                    int64_t cache_bytes) {
    std::vector<Manifest> manifests;
    for (const std::string& path : paths) {
      MASR_TRY(Manifest manifest, ReadManifest(path));
      manifests.push_back(std::move(manifest));
    }
    SpeechDataset dataset =
        SpeechDataset::Create(std::move(manifests), model.vocabulary,
                              {.sample_rate_hz = model.config.features.log_mel.sample_rate_hz,
                               .cache_bytes = cache_bytes});
    for (const ManifestProblem& problem : dataset.problems()) {
      if (events_.warning) events_.warning(problem.where + ": " + problem.message);
    }
    result_.skipped += static_cast<int64_t>(dataset.problems().size());
    if (dataset.size() == 0) {
      return Fail(ErrorCode::kInvalidArgument, paths.front() + ": no usable utterance");
    }
    return dataset;
  }

  // Noise has no text: only its audio is used.
  Status LoadNoise(const Model& model) {
    MASR_TRY(Manifest manifest, ReadManifest(options_.noise_manifest, /*needs_text=*/false));
    for (Utterance& utterance : manifest.utterances) utterance.text.clear();
    std::vector<Manifest> manifests;
    manifests.push_back(std::move(manifest));
    noise_ = SpeechDataset::Create(std::move(manifests), model.vocabulary,
                                   {.sample_rate_hz = model.config.features.log_mel.sample_rate_hz,
                                    .cache_bytes = options_.cache_bytes / 8});
    if (noise_.size() == 0) {
      return Fail(ErrorCode::kInvalidArgument, options_.noise_manifest + ": no usable noise");
    }
    return {};
  }
  SpeechDataset* NoiseOrNull() { return noise_.size() > 0 ? &noise_ : nullptr; }

  // How often an epoch of the stage visits utterance i.
  int64_t Visits(const PretrainStage& stage, int64_t i) const {
    if (train_.utterance(i).duration_s > stage.max_seconds) return 0;
    if (stage.sources.empty()) return 1;
    return std::count(stage.sources.begin(), stage.sources.end(), train_.source(i));
  }

  double StageSeconds(const PretrainStage& stage) const {
    double seconds = 0;
    for (int64_t i = 0; i < train_.size(); ++i) {
      seconds += static_cast<double>(Visits(stage, i)) * train_.utterance(i).duration_s;
    }
    return seconds;
  }

  // A function of the recipe, the data, the seed and the epoch alone.
  EpochPlan PlanEpoch(const PretrainStage& stage, int64_t epoch) const {
    std::vector<int64_t> members;
    std::vector<double> durations;
    for (int64_t i = 0; i < train_.size(); ++i) {
      for (int64_t visit = 0; visit < Visits(stage, i); ++visit) {
        members.push_back(i);
        durations.push_back(train_.utterance(i).duration_s);
      }
    }
    Rng rng(EpochKey(epoch));
    const auto micro_batches = MakeBatches(
        durations, {.max_seconds = config_.micro_batch_seconds, .sorted = stage.sorted}, rng);
    EpochPlan plan;
    double seconds = config_.batch_seconds;
    for (const std::vector<int64_t>& positions : micro_batches) {
      std::vector<int64_t> micro;
      double micro_seconds = 0;
      for (int64_t p : positions) {
        micro.push_back(members[static_cast<size_t>(p)]);
        micro_seconds += durations[static_cast<size_t>(p)];
      }
      if (seconds + micro_seconds > config_.batch_seconds) {
        plan.emplace_back();
        seconds = 0;
      }
      plan.back().push_back(std::move(micro));
      seconds += micro_seconds;
    }
    return plan;
  }

  uint64_t EpochKey(int64_t epoch) const {
    return MixKeys(options_.seed, static_cast<uint64_t>(position_.stage),
                   static_cast<uint64_t>(epoch));
  }

  // False if its owner stopped it.
  Result<bool> RunEpoch(const PretrainStage& stage, Trainer& trainer, BatchLoader& loader) {
    const EpochPlan plan = PlanEpoch(stage, position_.epoch);
    if (plan.empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  "stage '" + stage.name + "' has no utterance; check its sources and max_seconds");
    }
    ScheduleOptions schedule = stage.schedule;
    schedule.total_steps = static_cast<int64_t>(plan.size()) * stage.epochs;
    const uint64_t epoch_key = EpochKey(position_.epoch);
    epoch_start_ = Clock::now();
    for (; position_.update < static_cast<int64_t>(plan.size()); ++position_.update) {
      if (cancel_ != nullptr && cancel_->load()) return false;
      const auto start = Clock::now();
      // By update, so that an utterance sounds different at each visit.
      const uint64_t key = MixKeys(epoch_key, static_cast<uint64_t>(position_.update));
      std::vector<Batch> batches;
      double seconds = 0;
      for (const std::vector<int64_t>& micro : plan[static_cast<size_t>(position_.update)]) {
        for (int64_t i : micro) seconds += train_.utterance(i).duration_s;
        batches.push_back(loader.Load(micro, stage.augment, key, problems_));
      }
      const float learning_rate = LearningRate(schedule, trainer.step() + 1 - stage_start_step_);
      auto report = trainer.Step(batches, learning_rate, key);
      if (!report.has_value()) return HandleDivergence(std::move(report.error()), trainer);
      if (average_) average_->Update(threads_);
      Report(stage, plan, trainer.step(), *report, learning_rate, seconds, SecondsSince(start));
      if (SecondsSince(last_save_) > options_.checkpoint_seconds) {
        Position next = position_;
        ++next.update;
        std::swap(next, position_);
        const Status saved = SaveState(trainer);
        std::swap(next, position_);
        MASR_RETURN_IF_ERROR(saved);
      }
    }
    return true;
  }

  // Weights before the bad step are still good: keep them, and say what to do.
  Result<bool> HandleDivergence(Error error, Trainer& trainer) {
    if (error.code == ErrorCode::kDiverged) MASR_RETURN_IF_ERROR(SaveState(trainer));
    return Fail("update " + std::to_string(position_.update + 1) + " of epoch " +
                    std::to_string(position_.epoch + 1),
                std::move(error));
  }

  void Report(const PretrainStage& stage, const EpochPlan& plan, int64_t step,
              const StepReport& report, float learning_rate, double audio_seconds, double seconds) {
    position_.loss_sum += report.loss * static_cast<double>(report.tokens);
    position_.tokens += report.tokens;
    audio_left_ -= audio_seconds;
    const double speed = audio_seconds / std::max(seconds, 1e-9);
    speed_ = speed_ == 0 ? speed : 0.95 * speed_ + 0.05 * speed;
    loss_ = loss_ == 0 ? report.loss : 0.95 * loss_ + 0.05 * report.loss;
    if (!events_.progress) return;
    events_.progress({.stage = stage.name,
                      .epoch = position_.epoch + 1,
                      .epochs = stage.epochs,
                      .update = position_.update + 1,
                      .updates = static_cast<int64_t>(plan.size()),
                      .loss = loss_,
                      .learning_rate = learning_rate,
                      .gradient_norm = report.gradient_norm,
                      .step = step,
                      .update_loss = report.loss,
                      .tokens = report.tokens,
                      .audio_seconds = audio_seconds,
                      .seconds = seconds,
                      .speed = speed_,
                      .seconds_left = std::max(audio_left_, 0.0) / std::max(speed_, 1e-9)});
  }

  Status EndEpoch(Trainer& trainer) {
    if (average_) average_->SwapWithModel();
    const Status measured = MeasureAndWrite(trainer.model());
    if (average_) average_->SwapWithModel();
    MASR_RETURN_IF_ERROR(measured);
    Position next = position_;
    ++next.epoch;
    std::swap(next, position_);
    const Status saved = SaveState(trainer);
    std::swap(next, position_);
    MASR_RETURN_IF_ERROR(saved);
    if (events_.epoch) events_.epoch(result_.epochs.back());
    return {};
  }

  Status MeasureAndWrite(Model& model) {
    MASR_TRY(const Evaluation dev, Evaluate(model, dev_, {}, threads_, {}, nullptr));
    const PretrainEpoch epoch = {
        .stage = position_.stage + 1,
        .epoch = position_.epoch + 1,
        .train_loss =
            position_.loss_sum / static_cast<double>(std::max<int64_t>(position_.tokens, 1)),
        .dev_wer = dev.words.rate_percent(),
        .dev_cer = dev.characters.rate_percent(),
        .seconds = SecondsSince(epoch_start_)};
    result_.epochs.push_back(epoch);
    position_ = {.stage = position_.stage, .epoch = position_.epoch};
    model.metadata["training.history"] = History().dump();
    MASR_RETURN_IF_ERROR(SaveModel(model, options_.format, options_.out));
    return KeepEpoch(model);
  }

  // In full precision: an average of rounded models would average their rounding too.
  Status KeepEpoch(const Model& model) {
    if (options_.keep_epochs <= 0) return {};
    const auto epochs = static_cast<int64_t>(result_.epochs.size());
    MASR_RETURN_IF_ERROR(
        SaveModel(model, WeightFormat::kF32, EpochModelPath(options_.out, epochs)));
    std::error_code ignored;  // it may never have been there
    std::filesystem::remove(EpochModelPath(options_.out, epochs - options_.keep_epochs), ignored);
    return {};
  }

  nlohmann::json History() const {
    nlohmann::json history = nlohmann::json::array();
    for (const PretrainEpoch& epoch : result_.epochs) history.push_back(ToJson(epoch));
    return history;
  }

  std::string CheckpointPath() const { return options_.out + ".checkpoint"; }

  WeightAverage* AverageOrNull() { return average_ ? &*average_ : nullptr; }

  Status SaveState(Trainer& trainer) {
    const nlohmann::json progress = {
        {"stage", position_.stage},   {"epoch", position_.epoch},
        {"update", position_.update}, {"loss_sum", position_.loss_sum},
        {"tokens", position_.tokens}, {"stage_start_step", stage_start_step_},
        {"seed", options_.seed}};
    MASR_RETURN_IF_ERROR(SaveCheckpoint(
        trainer, AverageOrNull(), {{"progress", progress.dump()}, {"history", History().dump()}},
        CheckpointPath()));
    last_save_ = Clock::now();
    return {};
  }

  Status Resume(Trainer& trainer) {
    auto metadata = LoadCheckpoint(CheckpointPath(), trainer, AverageOrNull());
    if (!metadata.has_value()) {
      if (metadata.error().code == ErrorCode::kNotFound) return {};
      return tl::unexpected(std::move(metadata.error()));
    }
    MASR_TRY(const nlohmann::json progress, ParseConfig((*metadata)["progress"], CheckpointPath()));
    ConfigReader reader(progress, CheckpointPath() + ": progress");
    constexpr int64_t kMax = int64_t{1} << 52;
    position_.stage = reader.Int("stage", {}, 0, kMax);
    position_.epoch = reader.Int("epoch", {}, 0, kMax);
    position_.update = reader.Int("update", {}, 0, kMax);
    position_.loss_sum = reader.Number("loss_sum", {}, 0, 1e300);
    position_.tokens = reader.Int("tokens", {}, 0, kMax);
    stage_start_step_ = reader.Int("stage_start_step", {}, 0, kMax);
    const auto seed = static_cast<uint64_t>(reader.Int("seed", {}, 0, kMax));
    if (seed != options_.seed) {
      reader.Refuse("was made with --seed " + std::to_string(seed) + "; give the same to resume");
    }
    MASR_RETURN_IF_ERROR(reader.Finish());
    MASR_TRY(const nlohmann::json history, ParseConfig((*metadata)["history"], CheckpointPath()));
    for (const nlohmann::json& entry : history) {
      ConfigReader e(entry, CheckpointPath() + ": history");
      result_.epochs.push_back({.stage = e.Int("stage", {}, 0, kMax),
                                .epoch = e.Int("epoch", {}, 0, kMax),
                                .train_loss = e.Number("train_loss", {}, 0, 1e300),
                                .dev_wer = e.Number("dev_wer", {}, 0, 1e300),
                                .dev_cer = e.Number("dev_cer", {}, 0, 1e300),
                                .seconds = e.Number("seconds", {}, 0, 1e300)});
      MASR_RETURN_IF_ERROR(e.Finish());
    }
    return {};
  }

  const PretrainConfig& config_;
  const PretrainOptions& options_;
  const ThreadPool& threads_;
  const PretrainEvents& events_;
  const std::atomic<bool>* cancel_;
  SpeechDataset train_;
  SpeechDataset dev_;
  SpeechDataset noise_;
  std::optional<WeightAverage> average_;
  Position position_;
  PretrainResult result_;
  std::vector<LoadProblem> problems_;
  int64_t stage_start_step_ = 0;
  double audio_left_ = 0;
  double speed_ = 0;
  double loss_ = 0;
  Clock::time_point last_save_ = Clock::now();
  Clock::time_point epoch_start_ = Clock::now();
};

}  // namespace

std::string EpochModelPath(const std::string& out, int64_t epoch) {
  const std::filesystem::path path(out);
  std::string number = std::to_string(epoch);
  number.insert(0, number.size() < 3 ? 3 - number.size() : 0, '0');
  std::filesystem::path name = path.stem();
  name += ".epoch-" + number;
  name += path.extension();
  return path.parent_path() / name;
}

Result<PretrainResult> Pretrain(const PretrainConfig& config, const PretrainOptions& options,
                                const ThreadPool& threads, const PretrainEvents& events,
                                const std::atomic<bool>* cancel) {
  return Session(config, options, threads, events, cancel).Run();
}

}  // namespace masr
