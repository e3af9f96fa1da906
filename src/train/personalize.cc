#include "train/personalize.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>

#include "data/batcher.h"

namespace masr {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// A second set of values for what is trained.
class TrainedValues {
 public:
  // Those that the model has now.
  TrainedValues(Model& model, const std::vector<ParameterId>& ids) : model_(model), ids_(ids) {
    for (ParameterId id : ids_) {
      const std::span<const float> now = model_.weights.Values(id);
      values_.emplace_back(now.begin(), now.end());
    }
  }

  // Moves these towards the model's by `share` of the way.
  void MoveTowardsModel(const ThreadPool& threads, float share) {
    threads.ParallelFor(ids_.size(), [&](size_t i, int) {
      const std::span<const float> model = model_.weights.Values(ids_[i]);
      std::vector<float>& mine = values_[i];
      for (size_t k = 0; k < mine.size(); ++k) mine[k] += share * (model[k] - mine[k]);
    });
  }
  // The model gets these, and these are what it had.
  void SwapWithModel() {
    for (size_t i = 0; i < ids_.size(); ++i) {
      std::swap_ranges(values_[i].begin(), values_[i].end(),
                       model_.weights.Writable(ids_[i]).begin());
    }
  }
  void CopyFrom(const TrainedValues& other) { values_ = other.values_; }

 private:
  Model& model_;
  const std::vector<ParameterId>& ids_;
  std::vector<std::vector<float>> values_;
};

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
                                const RoundEvents& events, const std::atomic<bool>* cancel) {
  const auto start = Clock::now();
  RoundResult result;
  const std::vector<int64_t> indices = FirstMinutes(data, options.minutes);
  const ValidationSplit split =
      SplitForValidation(data, indices, options.validation_share, options.seed);
  if (split.training.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "only " + std::to_string(indices.size()) +
                    " usable utterances; a round needs at least two, and learns from dozens");
  }
  result.training_utterances = static_cast<int64_t>(split.training.size());
  result.validation_utterances = static_cast<int64_t>(split.validation.size());
  std::vector<double> durations;
  for (int64_t i : split.training) {
    durations.push_back(data.utterance(i).duration_s);
    result.audio_seconds += durations.back();
  }

  MASR_TRY(BatchLoader loader, BatchLoader::Create(model, data, nullptr, threads));
  Trainer trainer = Trainer::Create(
      model, TrainableFrom(model.encoder, options.first_trainable_block), options.trainer, threads);
  TrainedValues mean(model, trainer.trainable());
  TrainedValues kept(model, trainer.trainable());

  // Of the mean; the weights that train are in its place meanwhile.
  const auto validate = [&](RoundEpoch epoch) -> Status {
    mean.SwapWithModel();
    const auto e = Evaluate(model, data, split.validation, threads);
    mean.SwapWithModel();
    if (!e.has_value()) return tl::unexpected(e.error());
    epoch.validation_loss = e->loss;
    epoch.validation_wer = e->words.rate_percent();
    epoch.validation_cer = e->characters.rate_percent();
    const double p = std::clamp(epoch.validation_cer / 100, 0.0, 1.0);
    const auto n = static_cast<double>(std::max<int64_t>(e->characters.reference_tokens, 1));
    epoch.cer_error = 100 * std::sqrt(p * (1 - p) / n);
    result.epochs.push_back(epoch);
    if (events.epoch) events.epoch(epoch);
    return {};
  };
  MASR_RETURN_IF_ERROR(validate({}));

  std::vector<LoadProblem> problems;
  const BatcherOptions batcher = {
      .max_seconds =
          std::min(options.batch_seconds,
                   result.audio_seconds / static_cast<double>(options.updates_per_epoch))};
  ScheduleOptions schedule = {.kind = ScheduleOptions::Kind::kCosine,
                              .peak = options.learning_rate,
                              .floor = options.learning_rate * 0.1f};
  double base_weight = 0;                     // of the base in the mean, in updates
  RoundEpoch lowest = result.epochs.front();  // CER and loss, each on its own
  int64_t last_gain = 0;                      // the epoch that lowered one of them last
  bool diverged = false;
  for (int64_t e = 1; e <= options.epochs && !result.stopped && !diverged; ++e) {
    const auto epoch_start = Clock::now();
    const uint64_t key = MixKeys(options.seed, static_cast<uint64_t>(e));
    Rng rng(key);
    const auto batches = MakeBatches(durations, batcher, rng);
    if (e == 1) {
      const auto updates = static_cast<int64_t>(batches.size());
      schedule.total_steps = updates * options.epochs;
      schedule.warmup_steps = std::min<int64_t>(updates, 20);
      base_weight = static_cast<double>(schedule.total_steps) * options.base_share /
                    std::max(1 - options.base_share, 1e-9);
    }
    double loss_sum = 0;
    int64_t tokens = 0;
    problems.clear();
    for (size_t b = 0; b < batches.size(); ++b) {
      if (cancel != nullptr && cancel->load()) {
        result.stopped = true;
        break;
      }
      std::vector<int64_t> members;
      for (int64_t p : batches[b]) members.push_back(split.training[static_cast<size_t>(p)]);
      const Batch batch = loader.Load(members, options.augment, key, problems);
      const auto report =
          trainer.Step({&batch, 1}, LearningRate(schedule, trainer.step() + 1), MixKeys(key, b));
      if (!report.has_value()) {
        if (report.error().code != ErrorCode::kDiverged) return tl::unexpected(report.error());
        diverged = true;
        break;
      }
      mean.MoveTowardsModel(
          threads, static_cast<float>(1 / (base_weight + static_cast<double>(trainer.step()))));
      loss_sum += report->loss * static_cast<double>(report->tokens);
      tokens += report->tokens;
      if (events.progress) {
        const double done = static_cast<double>(e - 1) +
                            static_cast<double>(b + 1) / static_cast<double>(batches.size());
        events.progress({.epoch = e,
                         .epochs = options.epochs,
                         .update = static_cast<int64_t>(b) + 1,
                         .updates = static_cast<int64_t>(batches.size()),
                         .loss = report->loss,
                         .seconds_left = SecondsSince(start) / done *
                                         (static_cast<double>(options.epochs) - done)});
      }
    }
    if (result.stopped || diverged) break;
    MASR_RETURN_IF_ERROR(
        validate({.epoch = e,
                  .train_loss = loss_sum / static_cast<double>(std::max<int64_t>(tokens, 1)),
                  .seconds = SecondsSince(epoch_start)}));
    const RoundEpoch& epoch = result.epochs.back();
    if (ChooseEpoch(result.epochs) == result.epochs.size() - 1) {
      kept.CopyFrom(mean);
      result.best_epoch = e;
    }
    // The loss falls before the letters change: a round that still gains there is not over.
    if (epoch.validation_cer < lowest.validation_cer ||
        epoch.validation_loss < lowest.validation_loss) {
      last_gain = e;
    }
    lowest.validation_cer = std::min(lowest.validation_cer, epoch.validation_cer);
    lowest.validation_loss = std::min(lowest.validation_loss, epoch.validation_loss);
    if (e - last_gain >= options.patience) break;
  }
  kept.SwapWithModel();
  result.skipped = static_cast<int64_t>(problems.size());
  result.arena_bytes = trainer.arena_bytes();
  result.seconds = SecondsSince(start);
  return result;
}

}  // namespace masr
