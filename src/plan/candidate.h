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
  // The same, and beside each matrix of a linear layer (feed-forward, attention, pointwise
  // convolution) a low-rank pair, while the matrix stays as it is stored (LoRA: Hu et al., 2021;
  // layers/product.h). Matrices of recurrent layers and of other convolutions stay frozen.
  kLora,
  // As kVectors, and behind each block that has matrices a residual adapter (a bottleneck: Houlsby
  // et al., 2019; layers/residual_adapter.h), which the recogniser keeps.
  kAdapters,
};

// "full", "vectors", "lora", "adapters": what options and files call them.
const std::vector<std::string>& TuningNames();

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
  // Of kLora. 8 of a matrix's 144 dimensions and more: 4 learns about as much, 16 costs twice the
  // memory.
  int64_t lora_rank = 8;
  // Of kAdapters: of those that are new.
  int64_t adapter_width = 16;
  // Utterances that are longer take no part: the longest decides how much memory a step takes. 0:
  // all do.
  double longest_s = 0;
  // Of each number of AdamW's state: 32, or 8 (kernels/optimizer_step_8bit.h).
  int optimizer_bits = 32;

  bool operator==(const Candidate&) const = default;
};

// "all blocks", "top 4 blocks", "top 4 blocks, vectors", "top 4 blocks, LoRA 8", "top 4 blocks,
// adapters 16", "head"; with ", in 3 parts", ", 8-bit Adam", ", cached" and ", up to 9.5 s".
std::string CandidateName(const Encoder& encoder, const Candidate& candidate);

// The pairs or adapters that the candidate's round needs (SetAdapters); none unless it is kLora or
// kAdapters.
AdapterShape AdaptersOf(const Encoder& encoder, const Candidate& candidate);

// Which parameters learn, by parameter; of kLora the pairs and of kAdapters the adapters, once the
// encoder has them.
std::vector<uint8_t> TrainableParameters(const Encoder& encoder, const Candidate& candidate);

// How many numbers learn; those of pairs and adapters too, whether the encoder has them yet or not.
int64_t CountTrainable(const Encoder& encoder, const Candidate& candidate);

// What is worth choosing among: every number of top blocks, whole, LoRA, adapters or vectors only,
// computed once or in about the square root of their number of parts (which needs least memory),
// all of an update at once or an utterance at a time, and then with an optimizer of 8 bits too.
std::vector<Candidate> EnumerateCandidates(const Encoder& encoder);

}  // namespace masr

#endif  // MOBILEASR_PLAN_CANDIDATE_H_
