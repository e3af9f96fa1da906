// Floating-point tensors of a file as f32, whatever they are stored as.
#ifndef MOBILEASR_TENSOR_DECODE_FLOATS_H_
#define MOBILEASR_TENSOR_DECODE_FLOATS_H_

#include <vector>

#include "io/safetensors.h"

namespace masr {

// F32, BF16 and F16: what DecodeFloats takes.
bool IsFloat(DType dtype);
// The entry's elements in order. Its bytes need no alignment.
std::vector<float> DecodeFloats(const TensorEntry& entry);

}  // namespace masr

#endif  // MOBILEASR_TENSOR_DECODE_FLOATS_H_
