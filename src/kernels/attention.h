// Multi-head self-attention with relative positions (Dai et al., 2019, Transformer-XL; as used by
// the Conformer, Gulati et al., 2020).
//
// Per utterance of t frames and head of width d = dim / heads:
//   scores[i, j] = ((q_i + u) . k_j + (q_i + v) . r_{i-j}) / sqrt(d)
//   context_i = sum_j softmax_j(scores[i, :]) v_j
// where r_m is the projected sinusoid of distance m and u, v are learned biases per head.
#ifndef MOBILEASR_KERNELS_ATTENTION_H_
#define MOBILEASR_KERNELS_ATTENTION_H_

#include <cstdint>

#include "kernels/context.h"

namespace masr {

struct AttentionShape {
  int64_t dim = 0;
  int64_t heads = 1;
  int64_t max_frames = 0;  // longest utterance of the batch

  int64_t head_dim() const { return dim / heads; }
  int64_t positions() const { return 2 * max_frames - 1; }
};

// Sinusoidal embeddings of the distances max_frames - 1 down to -(max_frames - 1), positive
// distance meaning that the key lies in the past (i - j > 0): out [2 * max_frames - 1, dim];
// columns 2c and 2c + 1 hold sin and cos of distance / 10000^(2c / dim). dim is even.
void RelativePositions(int64_t max_frames, int64_t dim, float* out);

// Floats of `probabilities`: sum over utterances of heads * frames^2, saved for the backward pass.
int64_t AttentionProbabilityFloats(Offsets offsets, int64_t heads);

// q, k, v [rows, dim], rows `stride` floats apart (so that one fused projection [rows, 3 * dim] can
// serve); r [positions, dim], the projected positions; u, w (the paper's u and v) [dim]; out [rows,
// dim]. r, u and w are null for plain attention without positions.
void RelativeAttentionForward(const KernelContext& context, Offsets offsets,
                              const AttentionShape& shape, const float* q, const float* k,
                              const float* v, int64_t stride, const float* r, const float* u,
                              const float* w, float* probabilities, float* out);

// dq, dk, dv [rows, dim] with `stride`, written; dr [positions, dim] written (or null with r); du,
// dw [dim] accumulate, or are null. `scratch` has AttentionBackwardScratchFloats floats.
int64_t AttentionBackwardScratchFloats(Offsets offsets, const AttentionShape& shape);
void RelativeAttentionBackward(const KernelContext& context, Offsets offsets,
                               const AttentionShape& shape, const float* q, const float* k,
                               const float* v, int64_t stride, const float* r, const float* u,
                               const float* w, const float* probabilities, const float* dout,
                               float* dq, float* dk, float* dv, float* dr, float* du, float* dw,
                               float* scratch);

}  // namespace masr

#endif  // MOBILEASR_KERNELS_ATTENTION_H_
