// One forward and backward over a batch, laid out in one arena before it runs.
//
// The network is run in parts. What enters each part is kept; all else that a part computes is
// forgotten when it is done, but for the last one. The backward goes from the last part down, and
// computes each lower one again first: gradient checkpointing (Chen et al., "Training deep nets
// with sublinear memory cost", 2016). With one part nothing is computed twice. Blocks below the
// lowest that learns are a part of their own, which has no backward.
#ifndef MOBILEASR_PLAN_STEP_PLAN_H_
#define MOBILEASR_PLAN_STEP_PLAN_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "model/encoder.h"

namespace masr {

// What is learned from at once.
struct StepShape {
  // Blocks below do not run: frames and inputs are those of what enters this one.
  size_t first_block = 0;
  std::vector<int64_t> frames;                    // of each utterance
  std::vector<std::span<const int32_t>> targets;  // of each utterance
};

// Some blocks, with lifetimes and offsets of their own inside the step's arena.
struct BlocksPlan {
  LayerPlanner planner;
  LayerPlan layers;
  MemoryPlan memory;
  int64_t offset = 0;  // bytes from the arena's start
};

struct StepPart {
  BlockRange blocks;
  std::optional<BlocksPlan> forward;   // keeps nothing; the last part has none
  std::optional<BlocksPlan> backward;  // forward again and backward; none where nothing learns
  // Bytes from the arena's start; -1 where there is none. The first part's input is the caller's.
  int64_t input = -1;
  int64_t input_gradient = -1;
};

struct StepPlan {
  std::vector<StepPart> parts;  // from the input up
  int64_t logits = -1;          // bytes from the arena's start
  int64_t dlogits = -1;         // may be the logits' place
  int64_t ctc_scratch = -1;
  int64_t arena_bytes = 0;

  const SequenceShape& out() const { return parts.back().backward->layers.out; }
};

// `trainable` by parameter (something must be), which must outlive the plan; `parts` of the blocks
// that learn, at most their number. Fails if a block below shape.first_block learns, and on
// utterances that are too short.
Result<StepPlan> PlanStep(const Encoder& encoder, std::span<const uint8_t> trainable,
                          const StepShape& shape, int64_t parts);

}  // namespace masr

#endif  // MOBILEASR_PLAN_STEP_PLAN_H_
