#include "model/average_models.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace masr {
namespace {

std::string ShapeText(const ParameterSpec& spec) { return nlohmann::json(spec.shape).dump(); }

// Shapes first: they say more than the options that they follow from.
Status CheckParameters(const ParameterTable& first, const ParameterTable& other) {
  const ParameterId both = std::min(first.size(), other.size());
  for (ParameterId id = 0; id < both; ++id) {
    if (first[id].name != other[id].name) {
      return Fail(ErrorCode::kInvalidArgument, "has tensor '" + other[id].name + "' " +
                                                   ShapeText(other[id]) +
                                                   " where the first model has '" + first[id].name +
                                                   "' " + ShapeText(first[id]));
    }
    if (first[id].shape != other[id].shape) {
      return Fail(ErrorCode::kInvalidArgument,
                  "tensor '" + first[id].name + "' has shape " + ShapeText(other[id]) +
                      " but in the first model it has " + ShapeText(first[id]));
    }
  }
  if (first.size() != other.size()) {
    const ParameterSpec& extra = first.size() > both ? first[both] : other[both];
    return Fail(ErrorCode::kInvalidArgument,
                "tensor '" + extra.name + "' " + ShapeText(extra) +
                    (first.size() > both ? " is only in the first model" : " is not in the first"));
  }
  return {};
}

// The same shapes may mean something else: other characters, attention heads, features.
Status CheckConfig(const ModelConfig& first, const ModelConfig& other) {
  auto a = nlohmann::json::parse(first.ToJson(), nullptr, false);
  auto b = nlohmann::json::parse(other.ToJson(), nullptr, false);
  for (const auto& [key, value] : a.items()) {
    if (key == "name" || (b.contains(key) && b[key] == value)) continue;
    return Fail(ErrorCode::kInvalidArgument, "its '" + key +
                                                 "' differ from those of the first model; only "
                                                 "models of one recipe can be averaged");
  }
  return {};
}

Status CheckSame(const Model& first, const Model& other) {
  MASR_RETURN_IF_ERROR(CheckParameters(first.encoder.parameters(), other.encoder.parameters()));
  return CheckConfig(first.config, other.config);
}

}  // namespace

Result<Model> AverageModels(const std::vector<std::string>& paths) {
  if (paths.size() < 2) {
    return Fail(ErrorCode::kInvalidArgument, "an average needs at least two models");
  }
  std::vector<Model> models;
  nlohmann::json fingerprints = nlohmann::json::array();
  for (const std::string& path : paths) {
    MASR_TRY(Model model, LoadModel(path));
    if (!models.empty()) {
      const Status same = CheckSame(models.front(), model);
      if (!same.has_value()) return Fail(path, same.error());
    }
    fingerprints.push_back(ModelFingerprint(model));
    models.push_back(std::move(model));
  }
  const ParameterTable& table = models.back().encoder.parameters();
  const auto count = static_cast<double>(models.size());
  for (ParameterId id = 0; id < table.size(); ++id) {
    std::vector<double> sum(static_cast<size_t>(table[id].elements()), 0.0);
    for (size_t m = 0; m < models.size(); ++m) {
      const std::vector<float> values = models[m].weights.ToFloat(id);
      for (size_t k = 0; k < sum.size(); ++k) {
        if (!std::isfinite(values[k])) {
          return Fail(ErrorCode::kCorrupt, paths[m] + ": tensor '" + table[id].name +
                                               "' holds values that are not finite");
        }
        sum[k] += static_cast<double>(values[k]);
      }
    }
    Weights& weights = models.back().weights;
    weights.MakeWritable(id);
    const std::span<float> mean = weights.Writable(id);
    for (size_t k = 0; k < sum.size(); ++k) mean[k] = static_cast<float>(sum[k] / count);
  }
  Model average = std::move(models.back());
  average.metadata["average.fingerprints"] = fingerprints.dump();
  return average;
}

}  // namespace masr
