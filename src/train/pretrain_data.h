// The speech and the noise that a pretraining reads.
#ifndef MOBILEASR_TRAIN_PRETRAIN_DATA_H_
#define MOBILEASR_TRAIN_PRETRAIN_DATA_H_

#include <functional>
#include <string>

#include "data/speech_dataset.h"
#include "model/model.h"
#include "train/collective.h"

namespace masr {

struct PretrainOptions;

struct PretrainData {
  SpeechDataset train;
  SpeechDataset dev;
  SpeechDataset noise;  // may be empty
  int64_t skipped = 0;  // manifest lines left out; each is a warning

  SpeechDataset* NoiseOrNull() { return noise.size() > 0 ? &noise : nullptr; }

  // Fails in every process if their data differ in number, length or text of the utterances.
  Status CheckSameEverywhere(Collective& collective) const;

  // Fails if a manifest cannot be read or has nothing usable. `warning` may be empty.
  static Result<PretrainData> Load(const PretrainOptions& options, const Model& model,
                                   const std::function<void(const std::string&)>& warning);
};

}  // namespace masr

#endif  // MOBILEASR_TRAIN_PRETRAIN_DATA_H_
