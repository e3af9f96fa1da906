// The state of a training, on disk: trainable weights, optimizer state, step, and what its owner
// adds. One safetensors file, replaced atomically: after a kill at any instant the last complete
// one is there.
#ifndef MOBILEASR_TRAIN_CHECKPOINT_H_
#define MOBILEASR_TRAIN_CHECKPOINT_H_

#include <map>
#include <string>

#include "base/result.h"
#include "train/trainer.h"

namespace masr {

// `metadata` is the caller's: position in the data, history, the base model's fingerprint.
Status SaveCheckpoint(Trainer& trainer, const std::map<std::string, std::string>& metadata,
                      const std::string& path);

// Restores weights, optimizer state and step into a trainer made with the same model and the same
// trainable set; otherwise fails, names the first difference, and changes nothing. Returns the
// metadata.
Result<std::map<std::string, std::string>> LoadCheckpoint(const std::string& path,
                                                          Trainer& trainer);

}  // namespace masr

#endif  // MOBILEASR_TRAIN_CHECKPOINT_H_
