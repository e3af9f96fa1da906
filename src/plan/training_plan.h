// Which sub-model a round is to train: the one that is expected to take most errors away of those
// that fit into memory, time and battery.
#ifndef MOBILEASR_PLAN_TRAINING_PLAN_H_
#define MOBILEASR_PLAN_TRAINING_PLAN_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/model.h"
#include "plan/candidate.h"
#include "plan/cost_model.h"
#include "plan/device_profile.h"
#include "plan/gain_table.h"
#include "plan/round_memory.h"

namespace masr {

// What a round may take; nullopt: as much as it likes.
struct PlanLimits {
  std::optional<int64_t> ram_bytes;  // of the whole process, at its peak
  std::optional<double> seconds;     // of training
  std::optional<double> joules;      // out of the battery
};

struct PlanOptions {
  int64_t epochs = 16;              // that the round has at most, which is what is planned for
  int64_t state_per_parameter = 2;  // floats of the optimizer
  int threads = 1;
  int64_t process_bytes = 0;  // that the process holds before (PlanRoundMemory)
  bool named = false;         // by the round's owner: a gain that nobody knows refuses nothing
};

struct PlannedCandidate {
  Candidate candidate;
  std::string name;  // CandidateName, and how much speech at a time
  int64_t trainable_parameters = 0;
  RoundMemory memory;
  int64_t peak_bytes = 0;
  EpochCost epoch;
  double seconds_per_epoch = 0;
  double joules_per_epoch = 0;
  double seconds = 0;        // of all epochs: a round that stops sooner takes less
  double joules = 0;         // of the same
  double expected_gain = 0;  // GainTable::Gain
  bool fits = false;
  std::string refused_because;  // empty if it fits
};

struct TrainingPlan {
  std::vector<PlannedCandidate> candidates;  // in the order given
  size_t chosen = 0;

  const PlannedCandidate& best() const { return candidates[chosen]; }
};

// Pure. Chosen is the largest expected gain among what fits; of gains that the table cannot tell
// apart (within a twentieth), what takes least time, then least memory. In how many parts and
// micro-batches a sub-model is computed changes no bit of what it learns, and so no gain: only what
// it costs.
//
// kNoSpace if nothing fits: the message names the smallest budget that would do, and for which
// sub-model. kInvalidArgument if the profile is of another encoder, or if there is no candidate.
Result<TrainingPlan> MakeTrainingPlan(const Model& model, std::span<const Candidate> candidates,
                                      const RoundSpeech& speech, const PlanLimits& limits,
                                      const DeviceProfile& profile, const GainTable& gains,
                                      const PlanOptions& options);

// Why it is that one, a sentence.
std::string WhyChosen(const TrainingPlan& plan);

}  // namespace masr

#endif  // MOBILEASR_PLAN_TRAINING_PLAN_H_
