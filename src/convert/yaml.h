// YAML as JSON, for configurations that come in it (NVIDIA NeMo's).
#ifndef MOBILEASR_CONVERT_YAML_H_
#define MOBILEASR_CONVERT_YAML_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace masr {

// Whether this build reads YAML: it was built where yaml-cpp is.
bool HasYaml();

// One document. Plain scalars become null, true, false and numbers where they look so (YAML 1.2's
// core schema), everything else is text. Text of the form ${a.b} becomes what stands at the keys a
// and b of the document (OmegaConf's interpolation; a leading "model." may be missing there).
// kCorrupt, with the line, for what is no YAML; kUnsupported where HasYaml() is false.
Result<nlohmann::json> ParseYaml(const std::string& text, const std::string& where);

}  // namespace masr

#endif  // MOBILEASR_CONVERT_YAML_H_
