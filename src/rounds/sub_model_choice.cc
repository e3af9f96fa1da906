#include "rounds/sub_model_choice.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "plan/plan_limits.h"
#include "rounds/round_plan.h"
#include "rounds/round_settings.h"
#include "train/round_schedule.h"

namespace masr {

Result<PlanLimits> LimitsOf(const RoundBudget& budget, const ResourcePolicy& policy, bool looks,
                            ResourceMonitor& monitor, const DeviceProfile& profile) {
  const PlanLimits limits = {.ram_bytes = budget.ram_bytes, .seconds = budget.seconds};
  ResourceSnapshot now;  // tells nothing, and so limits nothing
  if (looks) {
    MASR_TRY(now, monitor.Read());
  }
  if (budget.battery_percent) {
    now.has_battery = true;
    now.charging = false;
    now.battery_percent = budget.battery_percent;
  }
  MASR_TRY(const PlanLimits of_policy, LimitsOf(policy, now, profile));
  return TightestOf(limits, of_policy);
}

int64_t SpeechCacheBytes(std::optional<int64_t> ram_bytes) {
  const int64_t bytes = RoundSettings().speech_cache_bytes;
  return ram_bytes ? std::min(bytes, *ram_bytes / 10) : bytes;
}

namespace {

// So long that the given shares of the utterances are longer; none where too few would be
// left, or none on one side of the split.
std::vector<double> ShorterLimits(const SpeechDataset& data, const PersonalizeOptions& round) {
  constexpr size_t kLeast = 4;
  const ValidationSplit split = SplitOf(data, round);
  std::vector<double> durations;
  for (const auto* side : {&split.training, &split.validation}) {
    for (int64_t i : *side) durations.push_back(data.utterance(i).duration_s);
  }
  std::ranges::sort(durations);
  std::vector<double> limits;
  PersonalizeOptions shorter = round;
  for (const double share : {0.1, 0.25, 0.5}) {
    const auto kept = static_cast<size_t>((1 - share) * static_cast<double>(durations.size()));
    if (kept < kLeast || durations[kept - 1] == durations.back()) continue;
    // To a tenth of a second, so that people can read it.
    const double limit = std::ceil(10 * durations[kept - 1]) / 10;
    shorter.candidate.longest_s = limit;
    const ValidationSplit left = SplitOf(data, shorter);
    if (left.training.empty() || left.validation.empty()) continue;
    if (limit < (limits.empty() ? durations.back() : limits.back())) limits.push_back(limit);
  }
  return limits;
}

}  // namespace

Result<ChosenSubModel> ChooseSubModel(const Model& model, const SpeechDataset& data,
                                      const PersonalizeOptions& round, bool named, int threads,
                                      const PlanLimits& limits, const DeviceProfile& profile,
                                      const GainTable& gains) {
  const int64_t process_bytes = std::max<int64_t>(0, ProcessBytes(model));
  std::vector<Candidate> candidates = {round.candidate};
  if (!named) candidates = EnumerateCandidates(model.encoder);
  const auto choose = [&](double longest_s) -> Result<ChosenSubModel> {
    PersonalizeOptions shorter = round;
    shorter.candidate.longest_s = longest_s;
    const RoundSpeech speech = DescribeSpeech(data, shorter);
    for (Candidate& candidate : candidates) {
      candidate.cache = round.candidate.cache;
      candidate.longest_s = longest_s;
    }
    ChosenSubModel chosen = {.limits = limits,
                             .minutes = (speech.training_s + speech.held_out_s) / 60};
    MASR_TRY(chosen.plan,
             MakeTrainingPlan(model, candidates, speech, limits, profile, gains,
                              {.epochs = round.epochs,
                               .state_per_parameter =
                                   MakeOptimizer(round.trainer.optimizer)->StatePerParameter(),
                               .threads = threads,
                               .process_bytes = process_bytes,
                               .named = named}));
    chosen.why = named ? "as its owner asked" : WhyChosen(chosen.plan);
    return chosen;
  };
  auto chosen = choose(round.candidate.longest_s);
  const auto nothing_fits = [&] {
    return !chosen.has_value() && chosen.error().code == ErrorCode::kNoSpace;
  };
  if (named || round.candidate.longest_s > 0) return chosen;
  for (const double longest_s :
       nothing_fits() ? ShorterLimits(data, round) : std::vector<double>()) {
    chosen = choose(longest_s);
    if (!nothing_fits()) break;
  }
  return chosen;
}

}  // namespace masr
