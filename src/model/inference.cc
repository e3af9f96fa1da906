#include "model/inference.h"

namespace masr {

Result<Logits> Inference::RunBlocks(const BlockRange& range, const std::vector<int64_t>& frames,
                                    std::span<const float> inputs) {
  if (frames.empty()) return Logits{.offsets = {0}, .values = {}};
  LayerPlanner planner({}, /*stochastic=*/false);
  MASR_TRY(const LayerPlan plan, model_.encoder.PlanBlocks(range, frames, Mode{}, planner));
  const MemoryPlan memory = PlanMemory(planner.requests());
  Arena& arena = shared_ != nullptr ? *shared_ : own_;
  MASR_RETURN_IF_ERROR(arena.Reserve(static_cast<size_t>(memory.peak_bytes)));
  const LayerRun run{.kernels = {threads_},
                     .parameters = model_.weights.views(),
                     .gradients = {},
                     .memory = memory,
                     .arena = arena.data(),
                     .step_key = 0};
  Logits logits;
  logits.offsets = plan.out.offsets;
  logits.values.resize(static_cast<size_t>(plan.out.floats()));
  model_.encoder.Forward(run, plan, planner, inputs.data(), logits.values.data());
  return logits;
}

}  // namespace masr
