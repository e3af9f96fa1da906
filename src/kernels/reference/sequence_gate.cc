#include "kernels/reference/sequence_gate.h"

#include <cmath>

namespace masr::reference {
namespace {

double Sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

// each(element of the rows, element of what there is one of per utterance, frames)
template <class Each>
void ForEachElement(Offsets offsets, int64_t channels, const Each& each) {
  for (size_t u = 0; u + 1 < offsets.size(); ++u) {
    for (int64_t r = offsets[u]; r < offsets[u + 1]; ++r) {
      for (int64_t c = 0; c < channels; ++c) {
        each(r * channels + c, static_cast<int64_t>(u) * channels + c,
             static_cast<double>(offsets[u + 1] - offsets[u]));
      }
    }
  }
}

void Clear(Offsets offsets, int64_t channels, double* values) {
  const int64_t n = (static_cast<int64_t>(offsets.size()) - 1) * channels;
  for (int64_t i = 0; i < n; ++i) values[i] = 0;
}

}  // namespace

void SequenceMeans(Offsets offsets, int64_t channels, const double* x, double* mean) {
  Clear(offsets, channels, mean);
  ForEachElement(offsets, channels,
                 [&](int64_t i, int64_t s, double frames) { mean[s] += x[i] / frames; });
}

void SequenceGateForward(Offsets offsets, int64_t channels, const double* gate, const double* x,
                         double* y) {
  ForEachElement(offsets, channels,
                 [&](int64_t i, int64_t s, double) { y[i] = x[i] * Sigmoid(gate[s]); });
}

void SequenceGateBackward(Offsets offsets, int64_t channels, const double* gate, const double* x,
                          const double* dy, double* dgate) {
  Clear(offsets, channels, dgate);
  ForEachElement(offsets, channels, [&](int64_t i, int64_t s, double) {
    dgate[s] += x[i] * dy[i] * Sigmoid(gate[s]) * (1.0 - Sigmoid(gate[s]));
  });
}

void SequenceGateInputBackward(Offsets offsets, int64_t channels, const double* gate,
                               const double* dmean, const double* dy, double* dx) {
  ForEachElement(offsets, channels, [&](int64_t i, int64_t s, double frames) {
    dx[i] = dy[i] * Sigmoid(gate[s]) + dmean[s] / frames;
  });
}

}  // namespace masr::reference
