#include "plan/cost_model.h"

#include <algorithm>
#include <cmath>

namespace masr {
namespace {

// What the weights are validated: as they are, and their mean.
constexpr double kValidations = 2;

// What pairs add to a round whose vectors learn, of what gradients of whole matrices would add:
// 1.14 s of 2.5 s, all blocks of the base, rank 8 (x86-64; ranks 4 and 16 took up to a quarter
// more).
constexpr double kPairs = 0.45;

// How much longer an update takes whose numbers are decoded and encoded (1.06 ns a number instead
// of 0.37, of 1.09 in all: x86-64, AVX-512).
constexpr double kUpdateOf8Bits = 1.6;

// Micro-batches of an epoch: all of an update at once, or as many utterances as fit into the
// candidate's seconds, at least one.
double PassesOf(const Candidate& candidate, const RoundSpeech& speech) {
  const auto updates = static_cast<double>(std::max<int64_t>(speech.updates, 1));
  const auto utterances = static_cast<double>(std::max<int64_t>(speech.utterances, 1));
  if (candidate.micro_batch_seconds <= 0) return updates;
  const double mean_s = speech.training_s / utterances;
  const double together =
      mean_s > 0 ? std::max(1.0, std::floor(candidate.micro_batch_seconds / mean_s)) : 1.0;
  return std::clamp(utterances / together, std::min(updates, utterances), utterances);
}

}  // namespace

EpochCost CostOfEpoch(const Encoder& encoder, const Candidate& candidate, const RoundSpeech& speech,
                      const DeviceProfile& profile) {
  const size_t blocks = std::min(profile.blocks.size(), encoder.blocks().size());
  const size_t head = blocks - 1;
  const size_t lowest = std::min(candidate.first_block, head);
  const size_t learning = blocks - lowest;
  const size_t parts =
      std::min(static_cast<size_t>(std::max<int64_t>(candidate.parts, 1)), learning);
  // The part on top is computed once (PlanStep).
  const size_t top_part = lowest + learning * (parts - 1) / parts;
  const double passes = PassesOf(candidate, speech);
  const double validation_passes =
      speech.validation_s > 0 ? std::max(1.0, std::ceil(speech.held_out_s / speech.validation_s))
                              : 1.0;

  EpochCost cost;
  double validation = candidate.cache ? 0 : speech.held_out_s * profile.features_s;
  for (size_t b = 0; b < blocks; ++b) {
    const BlockCost& block = profile.blocks[b];
    const bool learns = b >= lowest;
    const PassCost& forward = learns ? block.forward : block.frozen_forward;
    if (candidate.cache && !learns) {
      const double spoken_s = speech.training_s + speech.held_out_s;
      // Each utterance by itself, but there is one pass only.
      cost.kept_s += forward.Of(spoken_s, static_cast<double>(speech.utterances));
      continue;
    }
    const double forward_s = forward.Of(speech.training_s, passes);
    (learns ? cost.forward_s : cost.frozen_s) += forward_s;
    validation += forward.Of(speech.held_out_s, validation_passes);
    if (!learns) continue;
    // The head learns as a whole in any tuning.
    const double whole = candidate.tuning == Tuning::kFull || b == head ? 1.0
                         : candidate.tuning == Tuning::kLora            ? kPairs
                                                                        : 0.0;
    cost.backward_s += whole * block.backward.Of(speech.training_s, passes) +
                       (1 - whole) * block.vector_backward.Of(speech.training_s, passes);
    if (b < top_part) cost.recompute_s += forward_s;
  }
  cost.validation_s = kValidations * validation;
  if (candidate.cache) {
    cost.kept_s += (speech.training_s + speech.held_out_s) * profile.features_s;
  } else {
    cost.features_s = speech.training_s * (speech.augmented_share * profile.augmented_features_s +
                                           (1 - speech.augmented_share) * profile.features_s);
  }
  // After each epoch the mean changes places with the weights, twice, and may be kept: together as
  // many bytes as another update.
  cost.updates_s = static_cast<double>(speech.updates + 1) * profile.update_s *
                   static_cast<double>(CountTrainable(encoder, candidate)) *
                   (candidate.optimizer_bits == 8 ? kUpdateOf8Bits : 1.0);
  return cost;
}

double RoundSeconds(const EpochCost& epoch, int64_t epochs) {
  return epoch.kept_s + static_cast<double>(epochs) * epoch.total_s() +
         epoch.validation_s / kValidations;
}

}  // namespace masr
