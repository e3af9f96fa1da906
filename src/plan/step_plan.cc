#include "plan/step_plan.h"

#include <algorithm>

#include "ctc/ctc_loss.h"

namespace masr {
namespace {

bool Learns(const EncoderBlock& block, std::span<const uint8_t> trainable) {
  return std::any_of(trainable.begin() + block.first, trainable.begin() + block.end,
                     [](uint8_t t) { return t != 0; });
}

// The blocks of each part: the frozen ones at the bottom, then the others in `parts` of like
// number.
Result<std::vector<BlockRange>> Divide(const Encoder& encoder, std::span<const uint8_t> trainable,
                                       size_t first_block, int64_t parts) {
  const std::vector<EncoderBlock>& blocks = encoder.blocks();
  size_t lowest = 0;
  while (lowest < blocks.size() && !Learns(blocks[lowest], trainable)) ++lowest;
  if (lowest == blocks.size()) {
    return Fail(ErrorCode::kInvalidArgument, "nothing learns; name at least one block");
  }
  if (lowest < first_block) {
    return Fail(ErrorCode::kInvalidArgument,
                "a batch begins at block " + std::to_string(first_block) +
                    " but a block below it learns; give it features instead");
  }
  std::vector<BlockRange> ranges;
  if (lowest > first_block) ranges.push_back({first_block, lowest});
  const size_t learning = blocks.size() - lowest;
  const size_t count = std::min(static_cast<size_t>(std::max<int64_t>(parts, 1)), learning);
  for (size_t p = 0; p < count; ++p) {
    ranges.push_back({lowest + learning * p / count, lowest + learning * (p + 1) / count});
  }
  return ranges;
}

// Requests of the whole step, by offset that each gets.
class Layout {
 public:
  void Add(int64_t bytes, int64_t first_use, int64_t last_use, int64_t* offset) {
    requests_.push_back({bytes, first_use, last_use});
    offsets_.push_back(offset);
  }
  // Gives every request its offset; returns the bytes of all.
  int64_t Place() const {
    const MemoryPlan plan = PlanMemory(requests_);
    for (size_t i = 0; i < offsets_.size(); ++i) *offsets_[i] = plan.offsets[i];
    return plan.peak_bytes;
  }

 private:
  std::vector<BufferRequest> requests_;
  std::vector<int64_t*> offsets_;
};

constexpr int64_t Bytes(int64_t floats) { return floats * static_cast<int64_t>(sizeof(float)); }

struct LossBuffers {
  BufferId logits;
  BufferId dlogits;
  BufferId ctc_scratch;
};

// Among the buffers of the last part.
LossBuffers PlanLoss(BlocksPlan& last, const StepShape& shape) {
  LayerPlanner& planner = last.planner;
  const LayerPlan& layers = last.layers;
  const int64_t loss_tick = planner.NextTick();
  const int64_t end = LayerPlanner::BackwardOf(layers.first_tick);
  const BufferId logits = planner.Request(layers.out.floats(), layers.first_tick, end);
  // dlogits replaces the logits in place unless the last layer wants to see them again.
  const BufferId dlogits =
      layers.backward_needs_output ? planner.Request(layers.out.floats(), loss_tick, end) : logits;
  return {logits, dlogits,
          planner.ForwardScratch(CtcScratchFloats(layers.out.offsets, shape.targets), loss_tick)};
}

}  // namespace

Result<StepPlan> PlanStep(const Encoder& encoder, std::span<const uint8_t> trainable,
                          const StepShape& shape, int64_t parts) {
  MASR_TRY(const std::vector<BlockRange> ranges,
           Divide(encoder, trainable, shape.first_block, parts));
  const auto last = static_cast<int64_t>(ranges.size()) - 1;
  // Part s runs forward at s and backward at 2 * last - s.
  const auto backward_time = [&](int64_t s) { return 2 * last - s; };
  const bool has_prefix = !Learns(encoder.blocks()[ranges.front().begin], trainable);

  StepPlan step;
  step.parts.resize(ranges.size());
  std::vector<int64_t> frames = shape.frames;
  std::vector<int64_t> input_floats;
  int64_t last_tick = 0;
  for (int64_t s = 0; s <= last; ++s) {
    StepPart& part = step.parts[static_cast<size_t>(s)];
    part.blocks = ranges[static_cast<size_t>(s)];
    const bool learns = s > 0 || !has_prefix;
    const auto plan = [&](const Mode& mode) -> Result<BlocksPlan> {
      BlocksPlan blocks{LayerPlanner(trainable, /*stochastic=*/true, last_tick), {}, {}};
      MASR_TRY(blocks.layers, encoder.PlanBlocks(part.blocks, frames, mode, blocks.planner));
      return blocks;
    };
    if (s < last) {
      MASR_TRY(BlocksPlan forward, plan({}));
      part.forward = std::move(forward);
    }
    if (learns) {
      const bool learns_below = s > 1 || (s == 1 && !has_prefix);
      MASR_TRY(BlocksPlan backward, plan({.backward = true, .input_gradient = learns_below}));
      part.backward = std::move(backward);
    }
    const BlocksPlan& any = s < last ? *part.forward : *part.backward;
    const SequenceShape& in = any.layers.in;
    const SequenceShape& out = any.layers.out;
    input_floats.push_back(in.floats());
    last_tick = any.planner.last_tick();
    frames.clear();
    for (size_t u = 0; u + 1 < out.offsets.size(); ++u) {
      frames.push_back(out.offsets[u + 1] - out.offsets[u]);
    }
  }
  const LossBuffers loss = PlanLoss(*step.parts.back().backward, shape);

  Layout layout;
  for (int64_t s = 0; s <= last; ++s) {
    StepPart& part = step.parts[static_cast<size_t>(s)];
    const auto add = [&](std::optional<BlocksPlan>& blocks, int64_t time) {
      if (!blocks) return;
      blocks->memory = PlanMemory(blocks->planner.requests());
      layout.Add(blocks->memory.peak_bytes, time, time, &blocks->offset);
    };
    add(part.forward, s);
    add(part.backward, backward_time(s));
    if (s == 0) continue;
    const int64_t bytes = Bytes(input_floats[static_cast<size_t>(s)]);
    const bool learns_below = s > 1 || !has_prefix;
    // The part below computes it again, and may want to see it in its backward.
    layout.Add(bytes, s - 1, backward_time(learns_below ? s - 1 : s), &part.input);
    if (learns_below) {
      layout.Add(bytes, backward_time(s), backward_time(s - 1), &part.input_gradient);
    }
  }
  step.arena_bytes = layout.Place();
  const BlocksPlan& top = *step.parts.back().backward;
  const auto place = [&](BufferId buffer) {
    return top.offset + top.memory.offsets[static_cast<size_t>(buffer)];
  };
  step.logits = place(loss.logits);
  step.dlogits = place(loss.dlogits);
  step.ctc_scratch = place(loss.ctc_scratch);
  return step;
}

}  // namespace masr
