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

// The values of what is trained, to come back to.
class Snapshot {
 public:
  Snapshot(Model& model, const std::vector<ParameterId>& ids) : model_(model), ids_(ids) {
    values_.resize(ids.size());
    Take();
  }
  void Take() {
    for (size_t i = 0; i < ids_.size(); ++i) {
      const std::span<const float> now = model_.weights.Values(ids_[i]);
      values_[i].assign(now.begin(), now.end());
    }
  }
  void Restore() {
    for (size_t i = 0; i < ids_.size(); ++i) {
      std::copy(values_[i].begin(), values_[i].end(), model_.weights.Writable(ids_[i]).begin());
    }
  }

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

bool IsBetter(const RoundEpoch& candidate, const RoundEpoch& best) {
  if (candidate.validation_cer != best.validation_cer) {
    return candidate.validation_cer < best.validation_cer;
  }
  return candidate.validation_loss < best.validation_loss;
}

}  // namespace

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
  Snapshot best_weights(model, trainer.trainable());

  const auto validate = [&](RoundEpoch& epoch) -> Status {
    MASR_TRY(const Evaluation e, Evaluate(model, data, split.validation, threads));
    epoch.validation_loss = e.loss;
    epoch.validation_wer = e.words.rate_percent();
    epoch.validation_cer = e.characters.rate_percent();
    return {};
  };
  RoundEpoch best;
  MASR_RETURN_IF_ERROR(validate(best));
  result.epochs.push_back(best);
  if (events.epoch) events.epoch(best);

  std::vector<LoadProblem> problems;
  const BatcherOptions batcher = {.max_seconds = options.batch_seconds};
  ScheduleOptions schedule = {.kind = ScheduleOptions::Kind::kCosine,
                              .peak = options.learning_rate,
                              .floor = options.learning_rate * 0.1f};
  double lowest_loss = best.validation_loss;
  int64_t last_gain = 0;  // epoch of the lowest validation loss
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
    RoundEpoch epoch = {.epoch = e,
                        .train_loss = loss_sum / static_cast<double>(std::max<int64_t>(tokens, 1))};
    MASR_RETURN_IF_ERROR(validate(epoch));
    epoch.seconds = SecondsSince(epoch_start);
    result.epochs.push_back(epoch);
    if (events.epoch) events.epoch(epoch);
    if (IsBetter(epoch, best)) {
      best = epoch;
      best_weights.Take();
    }
    // The loss falls before the letters change: a round that still gains there is not over.
    if (epoch.validation_loss < lowest_loss) {
      lowest_loss = epoch.validation_loss;
      last_gain = e;
    }
    if (e - std::max(best.epoch, last_gain) >= options.patience) break;
  }
  best_weights.Restore();
  result.best_epoch = best.epoch;
  result.skipped = static_cast<int64_t>(problems.size());
  result.arena_bytes = trainer.arena_bytes();
  result.seconds = SecondsSince(start);
  return result;
}

}  // namespace masr
