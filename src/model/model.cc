#include "model/model.h"

#include <cstdio>

namespace masr {

Result<Model> Model::Create(const ModelConfig& config, uint64_t seed) {
  MASR_TRY(Encoder encoder, Encoder::Create(config));
  MASR_TRY(Vocabulary vocabulary, Vocabulary::FromCharacters(config.characters));
  Weights weights = Weights::Initialize(encoder.parameters(), seed);
  return Model{config, std::move(encoder), std::move(vocabulary), std::move(weights), {}};
}

std::string ModelFingerprint(const Model& model) {
  uint64_t hash = 0xcbf29ce484222325ull;
  const auto add = [&hash](const void* data, size_t bytes) {
    const auto* p = static_cast<const uint8_t*>(data);
    for (size_t i = 0; i < bytes; ++i) hash = (hash ^ p[i]) * 0x100000001b3ull;
  };
  const std::string config = model.config.ToJson();
  add(config.data(), config.size());
  const auto parameters = model.encoder.parameters().size();
  for (ParameterId id = 0; id < parameters; ++id) {
    const std::vector<float> values = model.weights.ToFloat(id);
    add(values.data(), values.size() * sizeof(float));
  }
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

}  // namespace masr
