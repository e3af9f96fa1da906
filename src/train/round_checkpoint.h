// Where a round is, on disk: after a kill it goes on from there to the same bits.
#ifndef MOBILEASR_TRAIN_ROUND_CHECKPOINT_H_
#define MOBILEASR_TRAIN_ROUND_CHECKPOINT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "train/round_epoch.h"
#include "train/trained_values.h"
#include "train/trainer.h"

namespace masr {

struct RoundCheckpointOptions {
  std::string path;  // empty: none is written
  // Between two, in the middle of an epoch too. What a kill costs is at most this, and a phone's
  // flash is not worn by more: a checkpoint of all of the shipped model is 124 MB.
  double every_s = 60;
  // Of the base, the speech and the options (any text): a checkpoint of another round is refused.
  std::string identity;
};

struct RoundPosition {
  int64_t epoch = 1;
  int64_t update = 0;    // of this epoch, the next one
  double loss_sum = 0;   // of this epoch's updates, weighted by tokens
  int64_t tokens = 0;    // of the same
  int64_t skipped = 0;   // of this epoch's utterances: unreadable, or longer text than sound
  int64_t attempts = 1;  // 2 after a divergence
  int64_t best_epoch = 0;
  double seconds = 0;  // spent, pauses among them
  double seconds_paused = 0;
  std::vector<RoundEpoch> epochs;  // that are done; the first is what the round began with
};

// What trains, the mean of what it was on the way, and what the best epoch offered.
struct RoundValues {
  Trainer& trainer;
  TrainedValues& mean;
  TrainedValues& kept;
};

Status SaveRoundCheckpoint(const RoundPosition& position, const RoundValues& values,
                           const RoundCheckpointOptions& options);

// kNotFound if there is none. Fails with kInvalidArgument on one of another identity, and with
// kCorrupt on one that is damaged; then nothing is changed.
Result<RoundPosition> LoadRoundCheckpoint(const RoundCheckpointOptions& options,
                                          const RoundValues& values);

}  // namespace masr

#endif  // MOBILEASR_TRAIN_ROUND_CHECKPOINT_H_
