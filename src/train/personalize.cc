#include "train/personalize.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "model/adapters.h"
#include "train/micro_batches.h"
#include "train/round_batches.h"
#include "train/round_schedule.h"
#include "train/trained_values.h"

namespace masr {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// How an epoch's updates ended.
enum class Outcome : uint8_t { kWhole, kStopped, kDiverged };

// Epochs since the last that lowered CER or loss: the loss falls before the letters change, and a
// round that still gains there is not over.
int64_t EpochsWithoutGain(std::span<const RoundEpoch> epochs) {
  RoundEpoch lowest = epochs.front();
  int64_t without = 0;
  for (const RoundEpoch& epoch : epochs.subspan(1)) {
    const bool gain = epoch.validation_cer < lowest.validation_cer ||
                      epoch.validation_loss < lowest.validation_loss;
    without = gain ? 0 : without + 1;
    lowest.validation_cer = std::min(lowest.validation_cer, epoch.validation_cer);
    lowest.validation_loss = std::min(lowest.validation_loss, epoch.validation_loss);
  }
  return without;
}

// One round, from the split to the choice.
class Round {
 public:
  Round(Model& model, SpeechDataset& data, const PersonalizeOptions& options,
        const ThreadPool& threads, const RoundEvents& events, const std::atomic<bool>* cancel,
        RoundGuard* guard)
      : model_(model),
        data_(data),
        options_(options),
        threads_(threads),
        events_(events),
        cancel_(cancel),
        guard_(guard) {}

  Result<RoundResult> Run() {
    began_s_ = Now();
    MASR_RETURN_IF_ERROR(Split());
    trainable_ = TrainableParameters(model_.encoder, options_.candidate);
    TrainerOptions trainer_options = options_.trainer;
    trainer_options.parts = options_.candidate.parts;
    trainer_options.optimizer.state_bits = options_.candidate.optimizer_bits;
    Trainer trainer = Trainer::Create(model_, trainable_, trainer_options, threads_);
    arena_ = &trainer.arena();
    MASR_RETURN_IF_ERROR(arena_->Reserve(static_cast<size_t>(options_.arena_bytes)));
    MASR_TRY(RoundBatches batches,
             RoundBatches::Create(model_, data_, options_.candidate, options_.augment,
                                  options_.cache, threads_, arena_));
    batches.LimitReading(LongestSeconds());
    batches_ = &batches;
    TrainedValues mean(model_, trainer.trainable());
    TrainedValues kept(model_, trainer.trainable());
    const RoundValues values{trainer, mean, kept};
    PlanUpdates(static_cast<int64_t>(BatchesOf(1).size()));
    MASR_RETURN_IF_ERROR(Begin(values));

    while (position_.epoch <= options_.epochs) {
      const double epoch_began_s = Now();
      MASR_TRY(Outcome outcome, TrainEpoch(values));
      if (outcome == Outcome::kStopped) break;
      RoundEpoch epoch;
      if (outcome == Outcome::kWhole) {
        MASR_TRY(outcome, Offer(mean, epoch));
      }
      if (outcome == Outcome::kDiverged) {
        if (position_.attempts > 1) break;
        StartAgain(values);
        continue;
      }
      epoch.seconds = Now() - epoch_began_s;
      Report(epoch);
      if (ChooseEpoch(position_.epochs) == position_.epochs.size() - 1) {
        epoch.mean ? kept.CopyFrom(mean) : kept.CopyFromModel();
        position_.best_epoch = epoch.epoch;
      }
      position_.epoch += 1;
      ForgetEpoch();
      if (EpochsWithoutGain(position_.epochs) >= options_.patience) break;
      MASR_RETURN_IF_ERROR(SaveIfDue(values));
    }
    kept.SwapWithModel();
    CountTime();
    result_.epochs = position_.epochs;
    result_.best_epoch = position_.best_epoch;
    result_.attempts = position_.attempts;
    result_.skipped = position_.skipped;
    if (const PrefixCache* cache = batches.cache()) {
      result_.cache = cache->counts();
      result_.cache_trouble = cache->trouble();
    }
    result_.seconds = position_.seconds;
    result_.seconds_paused = position_.seconds_paused;
    return result_;
  }

 private:
  Status Split() {
    split_ = SplitOf(data_, options_);
    if (split_.training.empty() || split_.validation.empty()) {
      const size_t usable = split_.training.size() + split_.validation.size();
      return Fail(ErrorCode::kInvalidArgument,
                  "only " + std::to_string(usable) +
                      " usable utterances; a round needs at least two, and learns from dozens");
    }
    result_.training_utterances = static_cast<int64_t>(split_.training.size());
    result_.validation_utterances = static_cast<int64_t>(split_.validation.size());
    for (int64_t i : split_.training) result_.audio_seconds += data_.utterance(i).duration_s;
    return {};
  }

  // From the checkpoint, or from what the base makes of the speech kept aside.
  Status Begin(const RoundValues& values) {
    if (!options_.checkpoint.path.empty()) {
      auto position = LoadRoundCheckpoint(options_.checkpoint, values);
      if (position.has_value()) {
        position_ = std::move(*position);
        earlier_s_ = position_.seconds;
        earlier_paused_s_ = position_.seconds_paused;
        result_.resumed = true;
        if (events_.epoch) std::ranges::for_each(position_.epochs, events_.epoch);
        return {};
      }
      if (position.error().code != ErrorCode::kNotFound) {
        return tl::unexpected(std::move(position.error()));
      }
    }
    MASR_TRY(const Validation base, Validate({}));
    Report(base.epoch);
    return {};
  }

  // Undoes what led to a divergence: back to the best so far, without the optimizer's momentum.
  void StartAgain(const RoundValues& values) {
    values.kept.SwapWithModel();
    values.kept.CopyFromModel();
    values.mean.CopyFromModel();
    values.trainer.Restart();
    position_.attempts += 1;
    ForgetEpoch();
  }

  // Of the epoch's updates so far.
  void ForgetEpoch() {
    position_.update = 0;
    position_.loss_sum = 0;
    position_.tokens = 0;
  }

  std::vector<std::vector<int64_t>> BatchesOf(int64_t epoch) const {
    return UpdatesOf(data_, split_.training, options_, epoch);
  }

  // The rest of the epoch that the position is in.
  Result<Outcome> TrainEpoch(const RoundValues& values) {
    const uint64_t key = EpochKey(options_, position_.epoch);
    const auto batches = BatchesOf(position_.epoch);
    if (position_.update == 0) position_.skipped = 0;
    for (auto b = static_cast<size_t>(position_.update); b < batches.size(); ++b) {
      MASR_TRY(result_.stopped, MustStop(values));
      if (result_.stopped) {
        MASR_RETURN_IF_ERROR(Save(values));
        return Outcome::kStopped;
      }
      std::vector<LoadProblem> problems;
      MASR_TRY(Batch batch, batches_->Training(batches[b], key, problems));
      MASR_TRY(const std::vector<Batch> micro_batches,
               SplitBatch(model_, trainable_,
                          {.arena_bytes = options_.arena_bytes,
                           .max_seconds = options_.candidate.micro_batch_seconds,
                           .parts = options_.candidate.parts},
                          std::move(batch), problems));
      Trainer& trainer = values.trainer;
      const auto step = trainer.Step(micro_batches, StepSize(trainer.step() + 1), MixKeys(key, b));
      if (!step.has_value()) {
        if (step.error().code == ErrorCode::kDiverged) return Outcome::kDiverged;
        return tl::unexpected(step.error());
      }
      if (!micro_batches.empty()) {
        const double updates = base_updates_ + static_cast<double>(trainer.step());
        values.mean.MoveTowardsModel(threads_, static_cast<float>(1 / updates));
      }
      position_.update += 1;
      position_.skipped += static_cast<int64_t>(problems.size());
      position_.loss_sum += step->loss * static_cast<double>(step->tokens);
      position_.tokens += step->tokens;
      ReportProgress(batches.size(), step->loss);
      if (b + 1 < batches.size()) MASR_RETURN_IF_ERROR(SaveIfDue(values));
    }
    return Outcome::kWhole;
  }

  // After a divergence, a quarter: large enough to learn still, and a step away from what failed.
  float StepSize(int64_t step) const {
    return LearningRate(schedule_, step) * (position_.attempts > 1 ? 0.25f : 1.0f);
  }

  // Asks its owner and the guard; a pause happens here.
  Result<bool> MustStop(const RoundValues& values) {
    const auto cancelled = [this] { return cancel_ != nullptr && cancel_->load(); };
    if (cancelled() || guard_ == nullptr) return cancelled();
    Status saved;
    // The system may need the memory of what only waits.
    const auto pausing = [&] { saved = Save(values); };
    MASR_TRY(const Verdict verdict,
             guard_->Check(earlier_s_ - earlier_paused_s_ - began_s_, cancel_, pausing));
    MASR_RETURN_IF_ERROR(saved);
    if (verdict.decision == Decision::kStop) result_.halt = verdict;
    return verdict.decision != Decision::kContinue || cancelled();
  }

  // Of the utterances that the round hears, at their own tempo.
  double LongestSeconds() const {
    double longest = 0;
    for (const auto* side : {&split_.training, &split_.validation}) {
      for (int64_t i : *side) longest = std::max(longest, data_.utterance(i).duration_s);
    }
    return longest;
  }

  // On the clock that limits it: a simulated device's is not this machine's.
  double Now() { return guard_ != nullptr ? guard_->Seconds() : SecondsSince(start_); }

  void CountTime() {
    position_.seconds = earlier_s_ + Now() - began_s_;
    position_.seconds_paused =
        earlier_paused_s_ + (guard_ != nullptr ? guard_->seconds_paused() : 0);
  }

  Status Save(const RoundValues& values) {
    if (options_.checkpoint.path.empty()) return {};
    CountTime();
    last_save_ = Clock::now();
    return SaveRoundCheckpoint(position_, values, options_.checkpoint);
  }
  Status SaveIfDue(const RoundValues& values) {
    return SecondsSince(last_save_) < options_.checkpoint.every_s ? Status() : Save(values);
  }

  // As many in each epoch as in the first.
  void PlanUpdates(int64_t per_epoch) {
    const float peak = options_.learning_rate * RateFactor(options_.candidate.tuning);
    schedule_ = {.kind = ScheduleOptions::Kind::kCosine,
                 .peak = peak,
                 .floor = peak * 0.1f,
                 .warmup_steps = std::min<int64_t>(per_epoch, 20),
                 .total_steps = per_epoch * options_.epochs};
    base_updates_ = static_cast<double>(schedule_.total_steps) * options_.base_share /
                    std::max(1 - options_.base_share, 1e-9);
  }

  struct Validation {
    RoundEpoch epoch;
    bool silent = false;  // hardly a letter was written
  };

  // The mean, unless validation tells the last weights from it. kDiverged where the last ones have
  // left what the base could do.
  Result<Outcome> Offer(TrainedValues& mean, RoundEpoch& offered) {
    const RoundEpoch& base = position_.epochs.front();
    RoundEpoch trained = {.epoch = position_.epoch};
    trained.train_loss =
        position_.loss_sum / static_cast<double>(std::max<int64_t>(position_.tokens, 1));
    // Augmentation makes training a little harder than validation; three times as bad as knowing
    // nothing of the voice is no learning.
    if (trained.train_loss > 3 * (base.validation_loss + 1)) return Outcome::kDiverged;
    MASR_TRY(const Validation last, Validate(trained));
    if (last.silent && base.validation_cer < 95) return Outcome::kDiverged;
    mean.SwapWithModel();
    auto of_mean = Validate(trained);
    mean.SwapWithModel();
    if (!of_mean.has_value()) return tl::unexpected(std::move(of_mean.error()));
    offered = of_mean->epoch;
    if (last.epoch.validation_cer + 2 * last.epoch.cer_error < offered.validation_cer) {
      offered = last.epoch;
      offered.mean = false;
    }
    return Outcome::kWhole;
  }

  // Of the weights that the model has.
  Result<Validation> Validate(RoundEpoch epoch) {
    MASR_TRY(const Evaluation e, Evaluate(model_, data_, split_.validation, threads_,
                                          {.batch_seconds = ValidationSeconds(options_),
                                           .arena = arena_,
                                           .load = [this](std::span<const int64_t> indices,
                                                          std::vector<LoadProblem>& problems) {
                                             return batches_->Validation(indices, problems);
                                           }}));
    epoch.validation_loss = e.loss;
    epoch.validation_wer = e.words.rate_percent();
    epoch.validation_cer = e.characters.rate_percent();
    const double p = std::clamp(epoch.validation_cer / 100, 0.0, 1.0);
    const auto n = static_cast<double>(std::max<int64_t>(e.characters.reference_tokens, 1));
    epoch.cer_error = 100 * std::sqrt(p * (1 - p) / n);
    const ErrorCounts& c = e.characters;
    const int64_t written = c.reference_tokens - c.deletions + c.insertions;
    return Validation{.epoch = epoch, .silent = written * 20 < c.reference_tokens};
  }

  void Report(const RoundEpoch& epoch) {
    position_.epochs.push_back(epoch);
    if (events_.epoch) events_.epoch(epoch);
  }

  void ReportProgress(size_t updates, double loss) {
    if (!events_.progress) return;
    const double done = static_cast<double>(position_.epoch - 1) +
                        static_cast<double>(position_.update) / static_cast<double>(updates);
    events_.progress({.epoch = position_.epoch,
                      .epochs = options_.epochs,
                      .update = position_.update,
                      .updates = static_cast<int64_t>(updates),
                      .loss = loss,
                      .seconds_left = (earlier_s_ + Now() - began_s_) / done *
                                      (static_cast<double>(options_.epochs) - done)});
  }

  Model& model_;
  SpeechDataset& data_;
  const PersonalizeOptions& options_;
  const ThreadPool& threads_;
  const RoundEvents& events_;
  const std::atomic<bool>* cancel_;
  RoundGuard* guard_;

  const Clock::time_point start_ = Clock::now();
  double began_s_ = 0;  // as Now() tells it
  Clock::time_point last_save_ = start_;
  double earlier_s_ = 0;  // before the round was resumed
  double earlier_paused_s_ = 0;
  ValidationSplit split_;
  std::vector<uint8_t> trainable_;  // by parameter
  Arena* arena_ = nullptr;          // the trainer's, for validation too
  RoundBatches* batches_ = nullptr;
  ScheduleOptions schedule_;
  double base_updates_ = 0;  // how many updates the base counts as in the mean
  RoundPosition position_;
  RoundResult result_;
};

}  // namespace

size_t ChooseEpoch(std::span<const RoundEpoch> epochs) {
  const RoundEpoch& base = epochs.front();
  const RoundEpoch* best = &base;
  for (const RoundEpoch& epoch : epochs) {
    if (epoch.validation_cer < best->validation_cer) best = &epoch;
  }
  const double limit = best->validation_cer + best->cer_error;
  size_t chosen = 0;
  for (size_t e = 1; e < epochs.size(); ++e) {
    const double cer = epochs[e].validation_cer;
    const bool better =
        cer < base.validation_cer ||
        (cer == base.validation_cer && epochs[e].validation_loss < base.validation_loss);
    if (better && cer <= limit) chosen = e;
  }
  return chosen;
}

Result<RoundResult> Personalize(Model& model, SpeechDataset& data,
                                const PersonalizeOptions& options, const ThreadPool& threads,
                                const RoundEvents& events, const std::atomic<bool>* cancel,
                                RoundGuard* guard) {
  MASR_RETURN_IF_ERROR(
      SetAdapters(model, AdaptersOf(model.encoder, options.candidate), options.seed));
  return Round(model, data, options, threads, events, cancel, guard).Run();
}

}  // namespace masr
