// The plain twin of kernels/sequence_gate.h, in double.
#ifndef MOBILEASR_KERNELS_REFERENCE_SEQUENCE_GATE_H_
#define MOBILEASR_KERNELS_REFERENCE_SEQUENCE_GATE_H_

#include <cstdint>

#include "kernels/context.h"

namespace masr::reference {

void SequenceMeans(Offsets offsets, int64_t channels, const double* x, double* mean);
void SequenceGateForward(Offsets offsets, int64_t channels, const double* gate, const double* x,
                         double* y);
void SequenceGateBackward(Offsets offsets, int64_t channels, const double* gate, const double* x,
                          const double* dy, double* dgate);
void SequenceGateInputBackward(Offsets offsets, int64_t channels, const double* gate,
                               const double* dmean, const double* dy, double* dx);

}  // namespace masr::reference

#endif  // MOBILEASR_KERNELS_REFERENCE_SEQUENCE_GATE_H_
