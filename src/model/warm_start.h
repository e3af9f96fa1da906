// A new model that begins with what another one has learned.
#ifndef MOBILEASR_MODEL_WARM_START_H_
#define MOBILEASR_MODEL_WARM_START_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/model.h"

namespace masr {

// Copies `source`'s values, whatever they are stored as, to the parameters of `model` that have the
// same name within their block and the same shape. Block b of the model takes block blocks[b] of
// the source, both counted from 0 and without the head; an empty list pairs blocks of the same
// number. Leaving blocks out makes a smaller model that only needs some more training (Sanh et al.,
// "DistilBERT", 2019, start every second layer so). The head is copied where both models have the
// same characters.
//
// Returns the names of the parameters that keep their values. Refused: other features, a list of
// another length than the model has blocks, a block that the source lacks, and a source of which
// nothing fits.
Result<std::vector<std::string>> StartFrom(const Model& source, std::span<const int64_t> blocks,
                                           Model& model);

}  // namespace masr

#endif  // MOBILEASR_MODEL_WARM_START_H_
