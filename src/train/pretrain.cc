#include "train/pretrain.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>

#include "train/epoch_plan.h"
#include "train/pretrain_data.h"
#include "train/pretrain_model.h"
#include "train/pretrain_state.h"

namespace masr {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class Session {
 public:
  Session(const PretrainConfig& config, const PretrainOptions& options, const ThreadPool& threads,
          const PretrainEvents& events, const std::atomic<bool>* cancel)
      : config_(config),
        options_(options),
        threads_(threads),
        events_(events),
        cancel_(cancel),
        collective_(options.collective) {}

  Result<PretrainResult> Run() {
    MASR_TRY(Model model, CreatePretrainModel(config_, options_, events_.warning));
    MASR_TRY(data_, PretrainData::Load(options_, model, events_.warning));
    MASR_TRY(BatchLoader loader,
             BatchLoader::Create(model, data_.train, data_.NoiseOrNull(), threads_));
    if (collective_ != nullptr) MASR_RETURN_IF_ERROR(data_.CheckSameEverywhere(*collective_));
    Trainer trainer =
        Trainer::Create(model, TrainableParameters(model.encoder, {}), config_.trainer, threads_);
    trainer.set_collective(collective_);
    if (config_.ema_decay > 0) average_.emplace(model, trainer.trainable(), config_.ema_decay);
    if (options_.resume && IsFirst()) {
      MASR_TRY(state_, LoadPretrainState(options_, trainer, AverageOrNull()));
    }
    MASR_RETURN_IF_ERROR(ShareState(trainer));
    CountAudioLeft();
    while (state_.stage < static_cast<int64_t>(config_.stages.size())) {
      const PretrainStage& stage = config_.stages[static_cast<size_t>(state_.stage)];
      if (state_.epoch == 0 && state_.update == 0) state_.stage_start_step = trainer.step();
      while (state_.epoch < stage.epochs) {
        MASR_TRY(const bool whole, RunEpoch(stage, trainer, loader));
        if (!whole) {
          MASR_RETURN_IF_ERROR(SaveState(trainer));
          return Finish(false);
        }
        MASR_RETURN_IF_ERROR(EndEpoch(trainer));
      }
      ++state_.stage;
      BeginEpoch(0);
    }
    // A training that had ended before: its model is wanted again, in another format perhaps.
    if (!written_) {
      MASR_RETURN_IF_ERROR(WithAverage([&] { return Write(trainer.model()); }));
    }
    MASR_RETURN_IF_ERROR(SaveState(trainer));
    return Finish(true);
  }

 private:
  Result<PretrainResult> Finish(bool finished) const {
    auto problems = static_cast<double>(problems_.size());
    if (collective_ != nullptr) MASR_RETURN_IF_ERROR(collective_->Sum({&problems, 1}));
    return PretrainResult{.epochs = state_.epochs,
                          .finished = finished,
                          .skipped = data_.skipped + static_cast<int64_t>(problems)};
  }

  bool IsFirst() const { return collective_ == nullptr || collective_->rank() == 0; }

  // Processes on unlike CPUs may round unlike: at these moments all have the same weights again.
  Status ShareState(Trainer& trainer) {
    if (collective_ == nullptr) return {};
    return SharePretrainState(*collective_, state_, trainer, AverageOrNull());
  }

  // Of what is not done; the stages that are done may have been another recipe's.
  void CountAudioLeft() {
    for (size_t s = static_cast<size_t>(state_.stage); s < config_.stages.size(); ++s) {
      const PretrainStage& stage = config_.stages[s];
      const int64_t done = static_cast<int64_t>(s) == state_.stage ? state_.epoch : 0;
      audio_left_ += StageSeconds(stage, data_.train) * static_cast<double>(stage.epochs - done);
    }
  }

  void BeginEpoch(int64_t epoch) {
    state_.epoch = epoch;
    state_.update = 0;
    state_.loss_sum = 0;
    state_.tokens = 0;
  }

  // False if its owner stopped it.
  Result<bool> RunEpoch(const PretrainStage& stage, Trainer& trainer, BatchLoader& loader) {
    const uint64_t epoch_key = MixKeys(options_.seed, static_cast<uint64_t>(state_.stage),
                                       static_cast<uint64_t>(state_.epoch));
    const EpochPlan plan = PlanEpoch(config_, stage, data_.train, epoch_key);
    if (plan.empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  "stage '" + stage.name + "' has no utterance; check its sources and max_seconds");
    }
    ScheduleOptions schedule = stage.schedule;
    schedule.total_steps = static_cast<int64_t>(plan.size()) * stage.epochs;
    epoch_start_ = Clock::now();
    while (state_.update < static_cast<int64_t>(plan.size())) {
      MASR_TRY(const bool stop, StopAgreed(collective_, cancel_));
      if (stop) return false;
      const auto start = Clock::now();
      // By update, so that an utterance sounds different at each visit.
      const uint64_t key = MixKeys(epoch_key, static_cast<uint64_t>(state_.update));
      const auto& update = plan[static_cast<size_t>(state_.update)];
      double seconds = 0;
      for (const std::vector<int64_t>& micro : update) {
        for (int64_t i : micro) seconds += data_.train.utterance(i).duration_s;
      }
      const std::vector<Batch> batches =
          LoadUpdate(loader, update, stage.augment, key, collective_, problems_);
      const float learning_rate =
          LearningRate(schedule, trainer.step() + 1 - state_.stage_start_step);
      auto report = trainer.Step(batches, learning_rate, key);
      if (!report.has_value()) return HandleDivergence(std::move(report.error()), trainer);
      if (average_) average_->Update(threads_);
      ++state_.update;
      Report(stage, plan, trainer.step(), *report, learning_rate, seconds, SecondsSince(start));
      if (SecondsSince(last_save_) > options_.checkpoint_seconds) {
        MASR_RETURN_IF_ERROR(SaveState(trainer));
      }
    }
    return true;
  }

  // Weights before the bad step are still good: keep them, and say what to do.
  Result<bool> HandleDivergence(Error error, Trainer& trainer) {
    if (error.code == ErrorCode::kDiverged) {
      MASR_RETURN_IF_ERROR(SaveState(trainer));
      // The others end only when rank 0 has saved.
      MASR_RETURN_IF_ERROR(StopAgreed(collective_, nullptr));
    }
    return Fail("update " + std::to_string(state_.update + 1) + " of epoch " +
                    std::to_string(state_.epoch + 1),
                std::move(error));
  }

  void Report(const PretrainStage& stage, const EpochPlan& plan, int64_t step,
              const StepReport& report, float learning_rate, double audio_seconds, double seconds) {
    state_.loss_sum += report.loss * static_cast<double>(report.tokens);
    state_.tokens += report.tokens;
    audio_left_ -= audio_seconds;
    const double speed = audio_seconds / std::max(seconds, 1e-9);
    speed_ = speed_ == 0 ? speed : 0.95 * speed_ + 0.05 * speed;
    loss_ = loss_ == 0 ? report.loss : 0.95 * loss_ + 0.05 * report.loss;
    if (!events_.progress) return;
    events_.progress({.stage = stage.name,
                      .epoch = state_.epoch + 1,
                      .epochs = stage.epochs,
                      .update = state_.update,
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
    MASR_RETURN_IF_ERROR(WithAverage([&] { return MeasureAndWrite(trainer.model()); }));
    BeginEpoch(state_.epoch + 1);
    MASR_RETURN_IF_ERROR(ShareState(trainer));
    MASR_RETURN_IF_ERROR(SaveState(trainer));
    if (events_.epoch) events_.epoch(state_.epochs.back());
    return {};
  }

  // While the model has the average's weights, if there is one.
  Status WithAverage(const std::function<Status()>& work) {
    if (average_) average_->SwapWithModel();
    const Status done = work();
    if (average_) average_->SwapWithModel();
    return done;
  }

  Status Write(Model& model) {
    written_ = true;
    if (!IsFirst()) return {};
    model.metadata["training.history"] = HistoryJson(state_.epochs);
    return SaveModel(model, options_.format, options_.out);
  }

  Status MeasureAndWrite(Model& model) {
    MASR_TRY(const Evaluation dev, EvaluateTogether(model));
    state_.epochs.push_back(
        {.stage = state_.stage + 1,
         .epoch = state_.epoch + 1,
         .train_loss = state_.loss_sum / static_cast<double>(std::max<int64_t>(state_.tokens, 1)),
         .dev_wer = dev.words.rate_percent(),
         .dev_cer = dev.characters.rate_percent(),
         .seconds = SecondsSince(epoch_start_)});
    MASR_RETURN_IF_ERROR(Write(model));
    return IsFirst() ? KeepEpoch(model) : Status();
  }

  // Each process a share; the counts of all.
  Result<Evaluation> EvaluateTogether(const Model& model) {
    if (collective_ == nullptr) return Evaluate(model, data_.dev, {}, threads_);
    std::vector<int64_t> mine;
    for (int64_t i = collective_->rank(); i < data_.dev.size(); i += collective_->size()) {
      mine.push_back(i);
    }
    Evaluation dev;
    if (!mine.empty()) {
      MASR_TRY(dev, Evaluate(model, data_.dev, mine, threads_));
    }
    for (ErrorCounts* counts : {&dev.words, &dev.characters}) {
      int64_t* fields[] = {&counts->reference_tokens, &counts->substitutions, &counts->insertions,
                           &counts->deletions};
      double sums[4];
      for (size_t f = 0; f < 4; ++f) sums[f] = static_cast<double>(*fields[f]);
      MASR_RETURN_IF_ERROR(collective_->Sum(sums));
      for (size_t f = 0; f < 4; ++f) *fields[f] = static_cast<int64_t>(sums[f]);
    }
    return dev;
  }

  // In full precision: an average of rounded models would average their rounding too.
  Status KeepEpoch(const Model& model) const {
    if (options_.keep_epochs <= 0) return {};
    const auto epochs = static_cast<int64_t>(state_.epochs.size());
    MASR_RETURN_IF_ERROR(
        SaveModel(model, WeightFormat::kF32, EpochModelPath(options_.out, epochs)));
    std::error_code ignored;  // it may never have been there
    std::filesystem::remove(EpochModelPath(options_.out, epochs - options_.keep_epochs), ignored);
    return {};
  }

  WeightAverage* AverageOrNull() { return average_ ? &*average_ : nullptr; }

  Status SaveState(Trainer& trainer) {
    if (!IsFirst()) return {};
    MASR_RETURN_IF_ERROR(SavePretrainState(state_, options_, trainer, AverageOrNull()));
    last_save_ = Clock::now();
    return {};
  }

  const PretrainConfig& config_;
  const PretrainOptions& options_;
  const ThreadPool& threads_;
  const PretrainEvents& events_;
  const std::atomic<bool>* cancel_;
  Collective* collective_;
  PretrainData data_;
  std::optional<WeightAverage> average_;
  PretrainState state_;
  std::vector<LoadProblem> problems_;
  bool written_ = false;   // the model, by this process
  double audio_left_ = 0;  // seconds
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
