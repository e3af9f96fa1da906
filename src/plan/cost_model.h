// How long a round takes and what it takes out of the battery, before it runs.
#ifndef MOBILEASR_PLAN_COST_MODEL_H_
#define MOBILEASR_PLAN_COST_MODEL_H_

#include "model/encoder.h"
#include "plan/candidate.h"
#include "plan/device_profile.h"
#include "plan/round_memory.h"

namespace masr {

// Seconds of one epoch, by what they are spent on.
struct EpochCost {
  double features_s = 0;    // samples to features, of training
  double frozen_s = 0;      // forward of the blocks that do not learn
  double forward_s = 0;     // of those that do
  double recompute_s = 0;   // their forward again, where they are computed in parts
  double backward_s = 0;    // of the same
  double validation_s = 0;  // of the speech kept aside: of the last weights and of their mean
  double updates_s = 0;     // optimizer, clipping and mean
  // Once in a round: features and frozen blocks of all speech, where what they give is kept
  // (Candidate::cache). Epochs then take none of either.
  double kept_s = 0;

  double total_s() const {
    return features_s + frozen_s + forward_s + recompute_s + backward_s + validation_s + updates_s;
  }
};

// The profile is of this encoder (CheckProfile).
EpochCost CostOfEpoch(const Encoder& encoder, const Candidate& candidate, const RoundSpeech& speech,
                      const DeviceProfile& profile);

// Of a round of so many epochs: the validation of the base comes before them.
double RoundSeconds(const EpochCost& epoch, int64_t epochs);

}  // namespace masr

#endif  // MOBILEASR_PLAN_COST_MODEL_H_
