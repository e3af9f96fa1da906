#include "train/learning_rate_finder.h"

#include <algorithm>
#include <cmath>

#include "train/epoch_plan.h"
#include "train/pretrain_data.h"
#include "train/pretrain_model.h"
#include "train/pretrain_state.h"

namespace masr {
namespace {

constexpr double kSmoothing = 0.9;
constexpr double kGivenUp = 4;  // times the best loss, as in fastai

void AddPoint(LearningRateCurve& curve, LearningRatePoint point) {
  double mean = 0;
  double weight = 0;
  // Few points: the sum is written out instead of carried.
  for (const LearningRatePoint& earlier : curve.points) {
    mean = kSmoothing * mean + (1 - kSmoothing) * earlier.loss;
    weight = kSmoothing * weight + (1 - kSmoothing);
  }
  mean = kSmoothing * mean + (1 - kSmoothing) * point.loss;
  weight = kSmoothing * weight + (1 - kSmoothing);
  point.smoothed = mean / weight;
  curve.points.push_back(point);
}

double BestLoss(const LearningRateCurve& curve) {
  double best = curve.points.front().smoothed;
  for (const LearningRatePoint& point : curve.points) best = std::min(best, point.smoothed);
  return best;
}

}  // namespace

void SuggestLearningRate(LearningRateCurve& curve) {
  const auto& points = curve.points;
  const auto smallest =
      std::ranges::min_element(points, {}, [](const LearningRatePoint& p) { return p.smoothed; });
  curve.at_minimum = smallest->learning_rate;
  curve.steepest = points.front().learning_rate;
  double fastest = 0;
  for (size_t i = 1; i + 1 < points.size(); ++i) {
    const double slope = (points[i + 1].smoothed - points[i - 1].smoothed) /
                         std::log(points[i + 1].learning_rate / points[i - 1].learning_rate);
    if (slope >= fastest) continue;
    fastest = slope;
    curve.steepest = points[i].learning_rate;
  }
  curve.suggested = curve.at_minimum / 10;
  curve.rule = "a tenth of the rate at which the smoothed loss was smallest";
  if (smallest + 1 == points.end() && !curve.diverged) {
    curve.rule += "; it was still falling at the end, so raise the highest rate";
  } else if (smallest == points.begin()) {
    curve.rule += "; it only rose, so lower the lowest rate";
  }
}

Result<LearningRateCurve> FindLearningRate(const PretrainConfig& config,
                                           const PretrainOptions& options,
                                           const LearningRateRange& range,
                                           const ThreadPool& threads, const PretrainEvents& events,
                                           const std::atomic<bool>* cancel) {
  if (range.updates < 10 || !(range.low > 0) || !(range.high > range.low)) {
    return Fail(ErrorCode::kInvalidArgument,
                "a range test needs at least 10 updates and 0 < lowest rate < highest rate");
  }
  MASR_TRY(Model model, CreatePretrainModel(config, options, events.warning));
  MASR_TRY(PretrainData data, PretrainData::Load(options, model, events.warning));
  MASR_TRY(BatchLoader loader, BatchLoader::Create(model, data.train, data.NoiseOrNull(), threads));
  Trainer trainer =
      Trainer::Create(model, TrainableParameters(model.encoder, {}), config.trainer, threads);
  Collective* collective = options.collective;
  trainer.set_collective(collective);
  if (collective != nullptr) MASR_RETURN_IF_ERROR(data.CheckSameEverywhere(*collective));
  PretrainState state;
  if (options.resume && (collective == nullptr || collective->rank() == 0)) {
    MASR_TRY(state, LoadPretrainState(options, trainer, nullptr));
  }
  if (collective != nullptr) {
    MASR_RETURN_IF_ERROR(SharePretrainState(*collective, state, trainer, nullptr));
  }
  const auto last_stage = static_cast<int64_t>(config.stages.size()) - 1;
  const int64_t stage_index = std::min(state.stage, last_stage);
  const PretrainStage& stage = config.stages[static_cast<size_t>(stage_index)];

  LearningRateCurve curve;
  std::vector<LoadProblem> problems;
  EpochPlan plan;
  size_t update = 0;
  for (int64_t n = 0; n < range.updates; ++n) {
    MASR_TRY(const bool stop, StopAgreed(collective, cancel));
    if (stop) {
      return Fail(ErrorCode::kCancelled, "range test stopped by its owner");
    }
    if (update == plan.size()) {
      plan = PlanEpoch(config, stage, data.train,
                       MixKeys(options.seed, static_cast<uint64_t>(stage_index),
                               static_cast<uint64_t>(state.epoch)));
      ++state.epoch;
      update = 0;
      if (plan.empty()) {
        return Fail(
            ErrorCode::kInvalidArgument,
            "stage '" + stage.name + "' has no utterance; check its sources and max_seconds");
      }
    }
    const uint64_t key = MixKeys(options.seed, static_cast<uint64_t>(n));
    const std::vector<Batch> batches =
        LoadUpdate(loader, plan[update], stage.augment, key, collective, problems);
    ++update;
    const double share = static_cast<double>(n) / static_cast<double>(range.updates - 1);
    const double rate = range.low * std::pow(range.high / range.low, share);
    const auto report = trainer.Step(batches, static_cast<float>(rate), key);
    if (!report.has_value() && report.error().code != ErrorCode::kDiverged) {
      return tl::unexpected(report.error());
    }
    curve.diverged = !report.has_value();
    if (curve.diverged) break;
    if (report->tokens == 0) continue;  // nothing of it could be read
    AddPoint(curve,
             {.learning_rate = rate, .loss = report->loss, .gradient_norm = report->gradient_norm});
    if (events.progress) {
      events.progress({.stage = stage.name,
                       .epoch = 1,
                       .epochs = 1,
                       .update = n + 1,
                       .updates = range.updates,
                       .loss = curve.points.back().smoothed,
                       .learning_rate = rate,
                       .gradient_norm = report->gradient_norm,
                       .step = n + 1,
                       .update_loss = report->loss,
                       .tokens = report->tokens});
    }
    curve.diverged = curve.points.back().smoothed > kGivenUp * BestLoss(curve);
    if (curve.diverged) break;
  }
  if (curve.points.empty()) {
    return Fail(ErrorCode::kDiverged,
                "the range test got no finite loss; lower the lowest rate or check the audio");
  }
  SuggestLearningRate(curve);
  return curve;
}

}  // namespace masr
