// A sub-model: what of a recogniser learns in a round, and how that is computed.
#ifndef MOBILEASR_PLAN_CANDIDATE_H_
#define MOBILEASR_PLAN_CANDIDATE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "model/encoder.h"

namespace masr {

enum class Tuning : uint8_t {
  kFull,     // every parameter of the blocks that learn
  kVectors,  // their biases, norms and depthwise filters, and the whole head (BitFit: Ben Zaken et
             // al., 2022)
};

struct Candidate {
  size_t first_block = 0;  // the lowest that learns; those above it learn too
  Tuning tuning = Tuning::kFull;
  // In how many parts the blocks that learn are computed, all but the last of them twice
  // (PlanStep).
  int64_t parts = 1;
  // Of speech at a time, but at least an utterance; an update is the sum of as many times as it
  // needs. 0: all of an update at once.
  double micro_batch_seconds = 0;
  // Whether what enters first_block is kept from epoch to epoch, so that the blocks below run once.
  bool cache = false;

  bool operator==(const Candidate&) const = default;
};

// "all blocks", "top 4 blocks", "top 4 blocks, vectors", "head"; with ", in 3 parts" and ",
// cached".
std::string CandidateName(const Encoder& encoder, const Candidate& candidate);

// Which parameters learn, by parameter.
std::vector<uint8_t> TrainableParameters(const Encoder& encoder, const Candidate& candidate);

// How many numbers learn.
int64_t CountTrainable(const Encoder& encoder, const Candidate& candidate);

// What is worth choosing among: every number of top blocks, whole or vectors only, computed once or
// in about the square root of their number of parts (which needs least memory), all of an update at
// once or an utterance at a time.
std::vector<Candidate> EnumerateCandidates(const Encoder& encoder);

}  // namespace masr

#endif  // MOBILEASR_PLAN_CANDIDATE_H_
