// Squeeze-and-excitation: each channel louder or softer by what the whole utterance is like.
#ifndef MOBILEASR_LAYERS_SQUEEZE_EXCITE_H_
#define MOBILEASR_LAYERS_SQUEEZE_EXCITE_H_

#include "layers/layer.h"

namespace masr {

// y = x * sigmoid(W2 relu(W1 m)), m the mean of each channel over the utterance (Hu et al., 2018;
// ContextNet's global context, Han et al., 2020). W1 [inner, dim], W2 [dim, inner], no biases.
LayerPtr MakeSqueezeExcite(int64_t dim, int64_t inner, ParameterTable& table);

}  // namespace masr

#endif  // MOBILEASR_LAYERS_SQUEEZE_EXCITE_H_
