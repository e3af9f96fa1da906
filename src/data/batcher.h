// Length-bucketed batches: utterances of like length together, batches of like total size.
#ifndef MOBILEASR_DATA_BATCHER_H_
#define MOBILEASR_DATA_BATCHER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/rng.h"

namespace masr {

struct BatcherOptions {
  double max_seconds = 60;  // of audio in one batch
  int64_t max_utterances = 64;
  bool sorted = false;   // shortest first instead of shuffled (the first epochs of a curriculum)
  int64_t bucket = 256;  // utterances shuffled together, then sorted by length within
};

// Indices into `durations_s`, each exactly once; an utterance longer than max_seconds is a batch
// alone.
std::vector<std::vector<int64_t>> MakeBatches(std::span<const double> durations_s,
                                              const BatcherOptions& options, Rng& rng);

}  // namespace masr

#endif  // MOBILEASR_DATA_BATCHER_H_
