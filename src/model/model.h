// A recogniser: configuration, network, vocabulary, weights, and where they came from.
#ifndef MOBILEASR_MODEL_MODEL_H_
#define MOBILEASR_MODEL_MODEL_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "io/safetensors.h"
#include "model/encoder.h"
#include "model/model_config.h"
#include "model/weights.h"
#include "text/vocabulary.h"

namespace masr {

struct Model {
  ModelConfig config;
  Encoder encoder;
  Vocabulary vocabulary;
  Weights weights;
  // Free text by key: provenance, licences, training history (JSON). Kept through every save.
  std::map<std::string, std::string> metadata;

  // Random weights.
  static Result<Model> Create(const ModelConfig& config, uint64_t seed);
};

enum class WeightFormat : uint8_t {
  kF32,
  kBf16,
  kInt8,
  kAsStored,  // what was not changed as it is stored, what was (Weights::MakeWritable) as bf16
};

// One safetensors file (docs/models.md). Weights stay mapped until they are made writable.
Result<Model> LoadModel(const std::string& path);
// The same from a file that is already open; `where` names it in messages.
Result<Model> ParseModel(std::shared_ptr<const SafetensorsFile> file, const std::string& where);
// Matrices in the format asked for; vectors always f32. Atomic and durable. Low-rank pairs are
// merged (model/adapters.h).
Status SaveModel(const Model& model, WeightFormat format, const std::string& path);
// As `to` would be saved, with values `share` of the way from those of `from` (0: those, 1: its
// own); one tensor at a time is in memory. Both have the same configuration, but that `to` may have
// residual adapters which `from` lacks: they give `share` of what they give in `to`.
Status SavePartWay(const Model& from, const Model& to, float share, WeightFormat format,
                   const std::string& path);

// A model's file out of values that are made one parameter at a time, for models that need not be
// in memory (src/convert). `values(id)`, called once for each tensor of the file, gives
// parameters[id].elements() numbers. Low-rank pairs must not be among the parameters; `format` is
// not kAsStored; kInt8 clips outliers (tensor/clipped_quantize.h), which SaveModel does not.
using ParameterValues = std::function<std::vector<float>(ParameterId id)>;
Status WriteModel(const ModelConfig& config, const ParameterTable& parameters,
                  std::map<std::string, std::string> metadata, WeightFormat format,
                  const ParameterValues& values, const std::string& path);

// A fingerprint of configuration and weights, to tell base models apart: 64-bit FNV-1a as 16 hex
// digits. It notices accidents, not forgery.
std::string ModelFingerprint(const Model& model);

}  // namespace masr

#endif  // MOBILEASR_MODEL_MODEL_H_
