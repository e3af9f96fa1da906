// One model out of several of the same training.
#ifndef MOBILEASR_MODEL_AVERAGE_MODELS_H_
#define MOBILEASR_MODEL_AVERAGE_MODELS_H_

#include <string>
#include <vector>

#include "base/result.h"
#include "model/model.h"

namespace masr {

// The mean of every parameter (batch norm's statistics included) of the models at `paths`, at least
// two, summed in double whatever they are stored as. All must have the same parameters, features,
// characters and layers: the error names the first that differs, with the shapes of both, and the
// file. Values that are not finite are refused. Metadata is the last model's, and
// "average.fingerprints" lists what went in.
Result<Model> AverageModels(const std::vector<std::string>& paths);

}  // namespace masr

#endif  // MOBILEASR_MODEL_AVERAGE_MODELS_H_
