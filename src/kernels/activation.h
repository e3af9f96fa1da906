// The pointwise functions that layers apply, alone (elementwise.h) or on the way into and out of a
// product (matmul.h).
#ifndef MOBILEASR_KERNELS_ACTIVATION_H_
#define MOBILEASR_KERNELS_ACTIVATION_H_

#include <cstdint>

namespace masr {

enum class Activation : uint8_t {
  kRelu,
  kClippedRelu,  // min(max(x, 0), 20), the hardtanh of Deep Speech 2
  kSilu,         // x * sigmoid(x)
  kGelu,         // exact: x * Phi(x), by erf
};

}  // namespace masr

#endif  // MOBILEASR_KERNELS_ACTIVATION_H_
