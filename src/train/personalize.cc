#include "train/personalize.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>

#include "data/batcher.h"
#include "train/micro_batches.h"
#include "train/trained_values.h"

namespace masr {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<int64_t> FirstMinutes(const SpeechDataset& data, double minutes) {
  std::vector<int64_t> indices;
  double seconds = 0;
  for (int64_t i = 0; i < data.size(); ++i) {
    const double duration = data.utterance(i).duration_s;
    if (minutes > 0 && seconds + duration > minutes * 60) break;
    seconds += duration;
    indices.push_back(i);
  }
  return indices;
}

// Of an epoch, as MakeBatches fills its batches with utterances of a mean length.
int64_t CountUpdates(double batch_s, double total_s, int64_t utterances) {
  const double together = std::max(
      1.0, std::floor(batch_s * static_cast<double>(utterances) / std::max(total_s, 1e-9)));
  return static_cast<int64_t>(std::ceil(static_cast<double>(utterances) / together));
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
    MASR_RETURN_IF_ERROR(Split());
    MASR_TRY(BatchLoader loader, BatchLoader::Create(model_, data_, nullptr, threads_));
    validation_batch_seconds_ = DescribeSpeech(data_, options_).validation_s;
    trainable_ = TrainableParameters(model_.encoder, options_.candidate);
    TrainerOptions trainer_options = options_.trainer;
    trainer_options.parts = options_.candidate.parts;
    Trainer trainer = Trainer::Create(model_, trainable_, trainer_options, threads_);
    arena_ = &trainer.arena();
    MASR_RETURN_IF_ERROR(arena_->Reserve(static_cast<size_t>(options_.arena_bytes)));
    TrainedValues mean(model_, trainer.trainable());
    TrainedValues kept(model_, trainer.trainable());
    MASR_TRY(const RoundEpoch base, Validate({}));
    Report(base);

    RoundEpoch lowest = base;  // CER and loss, each on its own
    int64_t last_gain = 0;     // the epoch that lowered one of them last
    for (int64_t e = 1; e <= options_.epochs; ++e) {
      const auto start = Clock::now();
      RoundEpoch trained = {.epoch = e};
      MASR_TRY(const bool whole, TrainEpoch(trained, loader, trainer, mean));
      if (!whole) break;
      MASR_TRY(RoundEpoch epoch, Offer(trained, mean));
      epoch.seconds = SecondsSince(start);
      Report(epoch);
      if (ChooseEpoch(result_.epochs) == result_.epochs.size() - 1) {
        epoch.mean ? kept.CopyFrom(mean) : kept.CopyFromModel();
        result_.best_epoch = e;
      }
      // The loss falls before the letters change: a round that still gains there is not over.
      if (epoch.validation_cer < lowest.validation_cer ||
          epoch.validation_loss < lowest.validation_loss) {
        last_gain = e;
      }
      lowest.validation_cer = std::min(lowest.validation_cer, epoch.validation_cer);
      lowest.validation_loss = std::min(lowest.validation_loss, epoch.validation_loss);
      if (e - last_gain >= options_.patience) break;
    }
    kept.SwapWithModel();
    result_.skipped = static_cast<int64_t>(problems_.size());
    result_.seconds = SecondsSince(start_);
    if (guard_ != nullptr) result_.seconds_paused = guard_->seconds_paused();
    return result_;
  }

 private:
  Status Split() {
    const std::vector<int64_t> indices = FirstMinutes(data_, options_.minutes);
    split_ = SplitForValidation(data_, indices, options_.validation_share, options_.seed);
    if (split_.training.empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  "only " + std::to_string(indices.size()) +
                      " usable utterances; a round needs at least two, and learns from dozens");
    }
    result_.training_utterances = static_cast<int64_t>(split_.training.size());
    result_.validation_utterances = static_cast<int64_t>(split_.validation.size());
    for (int64_t i : split_.training) {
      durations_.push_back(data_.utterance(i).duration_s);
      result_.audio_seconds += durations_.back();
    }
    return {};
  }

  // False if its owner stopped the round, or if it diverged: what was kept before then holds.
  Result<bool> TrainEpoch(RoundEpoch& epoch, BatchLoader& loader, Trainer& trainer,
                          TrainedValues& mean) {
    const uint64_t key = MixKeys(options_.seed, static_cast<uint64_t>(epoch.epoch));
    Rng rng(key);
    const double most_seconds =
        std::min(options_.batch_seconds,
                 result_.audio_seconds / static_cast<double>(options_.updates_per_epoch));
    const auto batches = MakeBatches(durations_, {.max_seconds = most_seconds}, rng);
    if (epoch.epoch == 1) PlanUpdates(static_cast<int64_t>(batches.size()));
    double loss_sum = 0;
    int64_t tokens = 0;
    problems_.clear();
    for (size_t b = 0; b < batches.size(); ++b) {
      MASR_TRY(result_.stopped, MustStop());
      if (result_.stopped) return false;
      std::vector<int64_t> members;
      for (int64_t p : batches[b]) members.push_back(split_.training[static_cast<size_t>(p)]);
      MASR_TRY(const std::vector<Batch> micro_batches,
               SplitBatch(model_, trainable_,
                          {.arena_bytes = options_.arena_bytes,
                           .max_seconds = options_.candidate.micro_batch_seconds,
                           .parts = options_.candidate.parts},
                          loader.Load(members, options_.augment, key, problems_)));
      const auto step =
          trainer.Step(micro_batches, LearningRate(schedule_, trainer.step() + 1), MixKeys(key, b));
      if (!step.has_value()) {
        if (step.error().code == ErrorCode::kDiverged) return false;
        return tl::unexpected(step.error());
      }
      mean.MoveTowardsModel(
          threads_, static_cast<float>(1 / (base_updates_ + static_cast<double>(trainer.step()))));
      loss_sum += step->loss * static_cast<double>(step->tokens);
      tokens += step->tokens;
      ReportProgress(epoch.epoch, b + 1, batches.size(), step->loss);
    }
    epoch.train_loss = loss_sum / static_cast<double>(std::max<int64_t>(tokens, 1));
    return true;
  }

  // Asks its owner and the guard; a pause happens here.
  Result<bool> MustStop() {
    const auto cancelled = [this] { return cancel_ != nullptr && cancel_->load(); };
    if (cancelled() || guard_ == nullptr) return cancelled();
    MASR_TRY(const Verdict verdict,
             guard_->Check(SecondsSince(start_) - guard_->seconds_paused(), cancel_));
    if (verdict.decision == Decision::kStop) result_.halt = verdict;
    return verdict.decision != Decision::kContinue || cancelled();
  }

  // As many in each epoch as in the first.
  void PlanUpdates(int64_t per_epoch) {
    schedule_ = {.kind = ScheduleOptions::Kind::kCosine,
                 .peak = options_.learning_rate,
                 .floor = options_.learning_rate * 0.1f,
                 .warmup_steps = std::min<int64_t>(per_epoch, 20),
                 .total_steps = per_epoch * options_.epochs};
    base_updates_ = static_cast<double>(schedule_.total_steps) * options_.base_share /
                    std::max(1 - options_.base_share, 1e-9);
  }

  // The mean, unless validation tells the last weights from it.
  Result<RoundEpoch> Offer(const RoundEpoch& trained, TrainedValues& mean) {
    MASR_TRY(RoundEpoch last, Validate(trained));
    mean.SwapWithModel();
    auto of_mean = Validate(trained);
    mean.SwapWithModel();
    if (!of_mean.has_value()) return tl::unexpected(std::move(of_mean.error()));
    if (last.validation_cer + 2 * last.cer_error >= of_mean->validation_cer) return *of_mean;
    last.mean = false;
    return last;
  }

  // Of the weights that the model has.
  Result<RoundEpoch> Validate(RoundEpoch epoch) {
    MASR_TRY(const Evaluation e,
             Evaluate(model_, data_, split_.validation, threads_,
                      {.batch_seconds = validation_batch_seconds_, .arena = arena_}));
    epoch.validation_loss = e.loss;
    epoch.validation_wer = e.words.rate_percent();
    epoch.validation_cer = e.characters.rate_percent();
    const double p = std::clamp(epoch.validation_cer / 100, 0.0, 1.0);
    const auto n = static_cast<double>(std::max<int64_t>(e.characters.reference_tokens, 1));
    epoch.cer_error = 100 * std::sqrt(p * (1 - p) / n);
    return epoch;
  }

  void Report(const RoundEpoch& epoch) {
    result_.epochs.push_back(epoch);
    if (events_.epoch) events_.epoch(epoch);
  }

  void ReportProgress(int64_t epoch, size_t update, size_t updates, double loss) const {
    if (!events_.progress) return;
    const double done =
        static_cast<double>(epoch - 1) + static_cast<double>(update) / static_cast<double>(updates);
    events_.progress({.epoch = epoch,
                      .epochs = options_.epochs,
                      .update = static_cast<int64_t>(update),
                      .updates = static_cast<int64_t>(updates),
                      .loss = loss,
                      .seconds_left = SecondsSince(start_) / done *
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
  ValidationSplit split_;
  std::vector<double> durations_;  // of the training utterances
  double validation_batch_seconds_ = 0;
  std::vector<uint8_t> trainable_;  // by parameter
  Arena* arena_ = nullptr;          // the trainer's, for validation too
  ScheduleOptions schedule_;
  double base_updates_ = 0;  // how many updates the base counts as in the mean
  std::vector<LoadProblem> problems_;
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

RoundSpeech DescribeSpeech(const SpeechDataset& data, const PersonalizeOptions& options) {
  const std::vector<double>& speeds = options.augment.speeds;
  const double slowest = speeds.empty() ? 1.0 : std::ranges::min(speeds);
  RoundSpeech speech{.longest_s = 1};  // a round without speech says so when it begins
  double total = 0;
  const std::vector<int64_t> indices = FirstMinutes(data, options.minutes);
  for (int64_t i : indices) {
    const double seconds = data.utterance(i).duration_s;
    total += seconds;
    speech.longest_s = std::max(speech.longest_s, seconds / slowest);
    speech.longest_target =
        std::max(speech.longest_target, static_cast<int64_t>(data.target(i).size()));
    speech.cached_bytes += data.CachedBytes(i);
  }
  const double learned = total * (1 - options.validation_share);
  speech.update_s =
      std::min(options.batch_seconds, learned / static_cast<double>(options.updates_per_epoch)) /
      slowest;
  speech.validation_s =
      std::min(options.validation_batch_seconds, total * options.validation_share);
  speech.training_s = learned;
  speech.held_out_s = total - learned;
  speech.utterances = static_cast<int64_t>(
      std::llround(static_cast<double>(indices.size()) * (1 - options.validation_share)));
  speech.updates = CountUpdates(speech.update_s * slowest, learned, speech.utterances);
  speech.augmented_share = speeds.empty()
                               ? 0
                               : static_cast<double>(std::ranges::count_if(
                                     speeds, [](double speed) { return speed != 1.0; })) /
                                     static_cast<double>(speeds.size());
  return speech;
}

ValidationSplit SplitForValidation(const SpeechDataset& data, const std::vector<int64_t>& indices,
                                   double share, uint64_t seed) {
  std::map<std::string, std::vector<int64_t>> by_text;
  for (int64_t i : indices) by_text[data.utterance(i).text].push_back(i);
  std::vector<std::vector<int64_t>> groups;
  if (by_text.size() * 2 > indices.size()) {
    for (auto& [text, members] : by_text) groups.push_back(std::move(members));
  } else {
    for (int64_t i : indices) groups.push_back({i});
  }
  Rng rng(MixKeys(seed, 0x5eed));
  Shuffle(groups, rng);
  const auto wanted =
      static_cast<size_t>(std::max(1.0, std::round(share * static_cast<double>(indices.size()))));
  ValidationSplit split;
  for (const std::vector<int64_t>& group : groups) {
    auto& side = split.validation.size() < wanted ? split.validation : split.training;
    side.insert(side.end(), group.begin(), group.end());
  }
  std::sort(split.training.begin(), split.training.end());
  std::sort(split.validation.begin(), split.validation.end());
  return split;
}

Result<RoundResult> Personalize(Model& model, SpeechDataset& data,
                                const PersonalizeOptions& options, const ThreadPool& threads,
                                const RoundEvents& events, const std::atomic<bool>* cancel,
                                RoundGuard* guard) {
  return Round(model, data, options, threads, events, cancel, guard).Run();
}

}  // namespace masr
