// An update's batch, cut into what fits into the arena that a plan has allowed.
#ifndef MOBILEASR_TRAIN_MICRO_BATCHES_H_
#define MOBILEASR_TRAIN_MICRO_BATCHES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "model/model.h"
#include "train/batch_loader.h"

namespace masr {

struct MicroBatchOptions {
  int64_t arena_bytes = 0;  // 0: no limit
  double max_seconds = 0;   // of features; 0: no limit. An utterance is never cut
  int64_t parts = 1;        // as the steps will be computed (PlanStep)
};

// The batch's utterances in their order, in as few micro-batches as the limits allow when each is
// filled in turn. One that alone does not fit is left out and reported, with the bytes it needs; if
// none is left, there are no micro-batches.
Result<std::vector<Batch>> SplitBatch(const Model& model, std::span<const uint8_t> trainable,
                                      const MicroBatchOptions& options, Batch batch,
                                      std::vector<LoadProblem>& problems);

}  // namespace masr

#endif  // MOBILEASR_TRAIN_MICRO_BATCHES_H_
