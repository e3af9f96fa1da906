// A factor for each channel of each utterance, and what squeeze-and-excitation (Hu et al., 2018;
// over speech: Han et al., "ContextNet", 2020) decides it from: the channel's mean over the
// utterance.
#ifndef MOBILEASR_KERNELS_SEQUENCE_GATE_H_
#define MOBILEASR_KERNELS_SEQUENCE_GATE_H_

#include <cstdint>

#include "kernels/context.h"

namespace masr {

// mean[utterances, channels] of x[rows, channels] over the frames of each utterance; 0 where it has
// none.
void SequenceMeans(const KernelContext& context, Offsets offsets, int64_t channels, const float* x,
                   float* mean);

// y[rows, channels] = x * sigmoid(gate[u, c]), gate [utterances, channels]; y may be x.
void SequenceGateForward(const KernelContext& context, Offsets offsets, int64_t channels,
                         const float* gate, const float* x, float* y);

// dgate[utterances, channels] of the gate's x, from x and dy, both [rows, channels].
void SequenceGateBackward(const KernelContext& context, Offsets offsets, int64_t channels,
                          const float* gate, const float* x, const float* dy, float* dgate);

// dx[rows, channels] of both ways that x went: dy * sigmoid(gate), and dmean[utterances, channels],
// shared out among the frames. dx may be dy.
void SequenceGateInputBackward(const KernelContext& context, Offsets offsets, int64_t channels,
                               const float* gate, const float* dmean, const float* dy, float* dx);

}  // namespace masr

#endif  // MOBILEASR_KERNELS_SEQUENCE_GATE_H_
