// Layers by name: what a model's configuration may list.
#ifndef MOBILEASR_LAYERS_REGISTRY_H_
#define MOBILEASR_LAYERS_REGISTRY_H_

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "layers/layer.h"

namespace masr {

// `description` is {"layer": "linear", ...options}; the options of each layer are in
// docs/models.md. `where` names it in messages. Parameters are added to `table` in order, under its
// current prefix.
Result<LayerPtr> MakeLayer(const nlohmann::json& description, const std::string& where,
                           int64_t in_dim, ParameterTable& table);

}  // namespace masr

#endif  // MOBILEASR_LAYERS_REGISTRY_H_
