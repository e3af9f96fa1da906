// A bottleneck behind a block, for a voice: y = x + W2 silu(W1 norm(x) + b1) + b2, with W1
// [width, dim] and W2 [dim, width] (Houlsby et al., "Parameter-Efficient Transfer Learning for
// NLP", 2019; one for each block and a norm of its own: Bapna and Firat, 2019). W2 and b2 begin at
// zero, so that a new one changes nothing.
#ifndef MOBILEASR_LAYERS_RESIDUAL_ADAPTER_H_
#define MOBILEASR_LAYERS_RESIDUAL_ADAPTER_H_

#include <cstdint>
#include <span>

#include "layers/layer.h"

namespace masr {

// What its parameters' names begin with, inside the block's; and those of W2 and b2 inside it.
inline constexpr const char* kAdapterName = "adapter";
inline constexpr const char* kAdapterOut = "linear2";

// `block` with an adapter behind it, whose parameters come after those that the table has. Its
// matrices get no low-rank pairs.
LayerPtr WithResidualAdapter(LayerPtr block, int64_t width, ParameterTable& table);

// Whether a block of these parameters, which has no adapter yet, is one to put an adapter behind.
bool TakesResidualAdapter(std::span<const ParameterSpec> block);
// How many numbers an adapter has, behind a block whose output is `dim` wide.
int64_t ResidualAdapterNumbers(int64_t dim, int64_t width);

}  // namespace masr

#endif  // MOBILEASR_LAYERS_RESIDUAL_ADAPTER_H_
