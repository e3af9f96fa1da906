// Connectionist temporal classification (Graves et al., 2006), forward-backward in log space.
#ifndef MOBILEASR_CTC_CTC_LOSS_H_
#define MOBILEASR_CTC_CTC_LOSS_H_

#include <cstdint>
#include <span>

#include "kernels/context.h"

namespace masr {

// Frames that the target needs at least: its tokens plus one blank between equal neighbours. An
// utterance with fewer frames is infeasible: its loss would be infinite; callers refuse and count
// it.
int64_t CtcMinimumFrames(std::span<const int32_t> target);

// Floats of scratch for one call of CtcLoss.
int64_t CtcScratchFloats(Offsets offsets, std::span<const std::span<const int32_t>> targets);

// logits [rows, tokens] of a packed batch, un-normalised; `blank` is a token index. targets[u]
// holds token indices other than blank, possibly none; every target is feasible (CtcMinimumFrames).
// losses[u] = -log p(target | logits), in nats. dlogits [rows, tokens] = scales[u] *
// dloss_u/dlogits (null: loss only); it may be logits. scales is one factor per utterance, e.g. 1 /
// total frames.
void CtcLoss(const KernelContext& context, Offsets offsets, int64_t tokens, int32_t blank,
             const float* logits, std::span<const std::span<const int32_t>> targets,
             std::span<const float> scales, float* losses, float* dlogits, float* scratch);

}  // namespace masr

#endif  // MOBILEASR_CTC_CTC_LOSS_H_
