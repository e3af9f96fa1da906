// LSTM or GRU over each utterance, forwards or both ways, with its input projections.
#ifndef MOBILEASR_LAYERS_RECURRENT_LAYER_H_
#define MOBILEASR_LAYERS_RECURRENT_LAYER_H_

#include "kernels/recurrent.h"
#include "layers/layer.h"

namespace masr {

struct RecurrentOptions {
  Cell cell = Cell::kLstm;
  int64_t hidden = 0;          // per direction
  bool bidirectional = false;  // output [frames, 2 * hidden]: forwards, then backwards
};
LayerPtr MakeRecurrent(int64_t in_dim, const RecurrentOptions& options, ParameterTable& table);

}  // namespace masr

#endif  // MOBILEASR_LAYERS_RECURRENT_LAYER_H_
