// The state of a training, on disk: trainable weights, optimizer state, step, and what its owner
// adds. One safetensors file, replaced atomically: after a kill at any instant the last complete
// one is there.
#ifndef MOBILEASR_TRAIN_CHECKPOINT_H_
#define MOBILEASR_TRAIN_CHECKPOINT_H_

#include <map>
#include <span>
#include <string>

#include "base/result.h"
#include "train/trained_values.h"
#include "train/trainer.h"
#include "train/weight_average.h"

namespace masr {

// Another set of values of what is trained, by the name that follows each weight's: ".mean".
struct CheckpointValues {
  std::string suffix;
  TrainedValues* values;
};

// `metadata` is the caller's: position in the data, history, the base model's fingerprint. The
// average is stored too unless it is null.
Status SaveCheckpoint(Trainer& trainer, WeightAverage* average,
                      const std::map<std::string, std::string>& metadata, const std::string& path,
                      std::span<const CheckpointValues> more = {});

// Restores weights, optimizer state and step into a trainer made with the same model and the same
// trainable set; otherwise fails, names the first difference, and changes nothing. The average
// starts from the weights where the checkpoint has none; null where none is wanted. Each of `more`
// must be there. Returns the metadata.
Result<std::map<std::string, std::string>> LoadCheckpoint(
    const std::string& path, Trainer& trainer, WeightAverage* average,
    std::span<const CheckpointValues> more = {});

}  // namespace masr

#endif  // MOBILEASR_TRAIN_CHECKPOINT_H_
