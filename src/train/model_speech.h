// Utterances as a model wants them: in its letters, at its rate.
#ifndef MOBILEASR_TRAIN_MODEL_SPEECH_H_
#define MOBILEASR_TRAIN_MODEL_SPEECH_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "data/speech_dataset.h"
#include "model/model.h"

namespace masr {

// `cache_bytes` as in DatasetOptions. May be empty; its problems say why.
inline SpeechDataset SpeechFor(const Model& model, std::vector<Manifest> manifests,
                               int64_t cache_bytes = 0) {
  return SpeechDataset::Create(
      std::move(manifests), model.vocabulary,
      {.sample_rate_hz = model.config.features.sample_rate_hz(), .cache_bytes = cache_bytes});
}

}  // namespace masr

#endif  // MOBILEASR_TRAIN_MODEL_SPEECH_H_
