#include "plan/training_plan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "plan/arena_planner.h"

namespace masr {
namespace {

// Of the best gain. A table of some voices does not know a gain any better.
constexpr double kTie = 0.05;

std::string Megabytes(double bytes) {
  char text[32];
  // Upwards: a budget of what the message says is enough.
  std::snprintf(text, sizeof(text), "%.1f MB", std::ceil(bytes / 1e5) / 10);
  return text;
}
std::string Seconds(double seconds) {
  return std::to_string(static_cast<int64_t>(std::ceil(seconds))) + " s";
}
std::string Joules(double joules) {
  return std::to_string(static_cast<int64_t>(std::ceil(joules))) + " J";
}

// One of the limits: what a candidate needs of it, and how that is said.
struct Budget {
  const char* what;
  std::optional<double> limit;
  double (*needed)(const PlannedCandidate&);
  std::string (*text)(double);
};

std::array<Budget, 3> BudgetsOf(const PlanLimits& limits) {
  std::optional<double> ram;
  if (limits.ram_bytes) ram = static_cast<double>(*limits.ram_bytes);
  return {{{"memory", ram,
            [](const PlannedCandidate& c) { return static_cast<double>(c.peak_bytes); }, Megabytes},
           {"time", limits.seconds, [](const PlannedCandidate& c) { return c.seconds; }, Seconds},
           {"battery", limits.joules, [](const PlannedCandidate& c) { return c.joules; }, Joules}}};
}

bool Exceeds(const Budget& budget, const PlannedCandidate& candidate) {
  return budget.limit && budget.needed(candidate) > *budget.limit;
}

std::string NameOf(const Encoder& encoder, const Candidate& candidate, const RoundSpeech& speech) {
  std::string name = CandidateName(encoder, candidate);
  const double seconds = candidate.micro_batch_seconds;
  if (seconds <= 0) return name;
  if (seconds < speech.training_s / static_cast<double>(std::max<int64_t>(speech.utterances, 1))) {
    return name + ", an utterance at a time";
  }
  char text[48];
  std::snprintf(text, sizeof(text), ", %g s at a time", seconds);
  return name + text;
}

Result<PlannedCandidate> PlanCandidate(ArenaPlanner& arenas, const Candidate& candidate,
                                       const DeviceProfile& profile, const PlanOptions& options) {
  const Model& model = arenas.model();
  const RoundSpeech& speech = arenas.speech();
  PlannedCandidate planned = {.candidate = candidate,
                              .name = NameOf(model.encoder, candidate, speech),
                              .trainable_parameters = CountTrainable(model.encoder, candidate)};
  MASR_TRY(planned.memory, PlanRoundMemory(arenas, candidate, options.state_per_parameter,
                                           options.threads, options.process_bytes));
  planned.peak_bytes = planned.memory.total();
  planned.epoch = CostOfEpoch(model.encoder, candidate, speech, profile);
  const double power_w = TrainingPowerW(profile);
  planned.seconds_per_epoch = planned.epoch.total_s();
  planned.joules_per_epoch = planned.seconds_per_epoch * power_w;
  planned.seconds = RoundSeconds(planned.epoch, options.epochs);
  planned.joules = planned.seconds * power_w;
  return planned;
}

void Judge(PlannedCandidate& planned, std::optional<double> gain, bool named,
           const std::string& tuning, std::span<const Budget> budgets) {
  if (!gain && !named) planned.refused_because = "the gain table does not have '" + tuning + "'";
  planned.expected_gain = gain.value_or(0);
  for (const Budget& budget : budgets) {
    if (!planned.refused_because.empty() || !Exceeds(budget, planned)) continue;
    planned.refused_because = std::string(budget.what) + ": " +
                              budget.text(budget.needed(planned)) + " of " +
                              budget.text(*budget.limit);
  }
  planned.fits = planned.refused_because.empty();
}

size_t Choose(std::span<const PlannedCandidate> candidates) {
  double best = -std::numeric_limits<double>::infinity();
  for (const PlannedCandidate& c : candidates) {
    if (c.fits) best = std::max(best, c.expected_gain);
  }
  const double enough = best - kTie * std::abs(best);
  size_t chosen = candidates.size();
  for (size_t i = 0; i < candidates.size(); ++i) {
    const PlannedCandidate& c = candidates[i];
    if (!c.fits || c.expected_gain < enough) continue;
    if (chosen == candidates.size() || c.seconds < candidates[chosen].seconds ||
        (c.seconds == candidates[chosen].seconds && c.peak_bytes < candidates[chosen].peak_bytes)) {
      chosen = i;
    }
  }
  return chosen;
}

// What needs least of a budget, among those that keep to all others; null if none does.
const PlannedCandidate* Least(std::span<const PlannedCandidate> candidates, size_t budget,
                              std::span<const Budget> budgets) {
  const PlannedCandidate* least = nullptr;
  for (const PlannedCandidate& c : candidates) {
    bool others = true;
    for (size_t b = 0; b < budgets.size(); ++b) others &= b == budget || !Exceeds(budgets[b], c);
    if (!others) continue;
    const auto& needed = budgets[budget].needed;
    if (least == nullptr || needed(c) < needed(*least)) least = &c;
  }
  return least;
}

tl::unexpected<Error> NothingFits(std::span<const PlannedCandidate> candidates,
                                  std::span<const Budget> budgets) {
  std::string message = "no sub-model fits: ";
  bool said = false;
  for (size_t b = 0; b < budgets.size(); ++b) {
    if (!budgets[b].limit) continue;
    const PlannedCandidate* least = Least(candidates, b, budgets);
    if (least == nullptr) continue;
    message += std::string(said ? "; or " : "") + budgets[b].what + " must be at least " +
               budgets[b].text(budgets[b].needed(*least)) + " ('" + least->name + "'), not " +
               budgets[b].text(*budgets[b].limit);
    said = true;
  }
  if (!said) {
    // More than one budget is too small for each.
    const auto least = std::ranges::min_element(candidates, {}, &PlannedCandidate::peak_bytes);
    message += "the smallest, '" + least->name + "', needs";
    for (const Budget& budget : budgets) {
      if (budget.limit) {
        message += (said ? " and " : " ") + budget.text(budget.needed(*least)) + " of " +
                   budget.what + ", not " + budget.text(*budget.limit);
        said = true;
      }
    }
  }
  return Fail(ErrorCode::kNoSpace, message);
}

}  // namespace

Result<TrainingPlan> MakeTrainingPlan(const Model& model, std::span<const Candidate> candidates,
                                      const RoundSpeech& speech, const PlanLimits& limits,
                                      const DeviceProfile& profile, const GainTable& gains,
                                      const PlanOptions& options) {
  MASR_RETURN_IF_ERROR(CheckProfile(profile, model.config.encoder_json, options.threads));
  if (profile.blocks.size() != model.encoder.blocks().size()) {
    return Fail(ErrorCode::kInvalidArgument,
                "the device profile has " + std::to_string(profile.blocks.size()) +
                    " blocks, the encoder " + std::to_string(model.encoder.blocks().size()) +
                    "; measure it again");
  }
  const std::array<Budget, 3> budgets = BudgetsOf(limits);
  const double minutes = (speech.training_s + speech.held_out_s) / 60;
  ArenaPlanner arenas(model, speech);
  TrainingPlan plan;
  std::vector<PlannedCandidate> known;  // of which the table has a gain, or that were named
  for (const Candidate& candidate : candidates) {
    MASR_TRY(PlannedCandidate planned, PlanCandidate(arenas, candidate, profile, options));
    const std::string tuning = TuningName(candidate);
    const auto gain = gains.Gain(tuning, LearningShare(model.encoder, candidate), minutes);
    Judge(planned, gain, options.named, tuning, budgets);
    if (gain || options.named) known.push_back(planned);
    plan.candidates.push_back(std::move(planned));
  }
  if (known.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "the gain table knows none of the sub-models; measure it again");
  }
  plan.chosen = Choose(plan.candidates);
  if (plan.chosen == plan.candidates.size()) return NothingFits(known, budgets);
  return plan;
}

std::string WhyChosen(const TrainingPlan& plan) {
  const auto fits = std::ranges::count_if(plan.candidates, &PlannedCandidate::fits);
  char text[200];
  std::snprintf(
      text, sizeof(text),
      "of %lld variants that fit (of %zu) it is expected to take most errors away, %.1f %%, "
      "for least time",
      static_cast<long long>(fits), plan.candidates.size(), 100 * plan.best().expected_gain);
  return text;
}

}  // namespace masr
