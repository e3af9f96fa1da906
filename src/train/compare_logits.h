// What storing a model in fewer bits did to what it says.
#ifndef MOBILEASR_TRAIN_COMPARE_LOGITS_H_
#define MOBILEASR_TRAIN_COMPARE_LOGITS_H_

#include <cstdint>

#include "base/result.h"
#include "base/thread_pool.h"
#include "data/speech_dataset.h"
#include "model/model.h"

namespace masr {

struct LogitsDifference {
  int64_t utterances = 0;
  int64_t rows = 0;          // of logits
  double largest = 0;        // of all logits, absolute
  double rms = 0;            // root of the mean square
  double reference_rms = 0;  // of the reference's own logits about their mean
};

// Both models over the dataset's first `utterances` (all, if it has fewer), each alone; those that
// cannot be read or are too short are passed over. kInvalidArgument for models whose features,
// characters or rows differ, and where no utterance is left.
Result<LogitsDifference> CompareLogits(const Model& reference, const Model& other,
                                       SpeechDataset& dataset, int64_t utterances,
                                       const ThreadPool& threads);

}  // namespace masr

#endif  // MOBILEASR_TRAIN_COMPARE_LOGITS_H_
