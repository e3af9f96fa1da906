#include "model/model.h"

#include <span>

#include "base/hash.h"
#include "model/adapters.h"

namespace masr {

Result<Model> Model::Create(const ModelConfig& config, uint64_t seed) {
  MASR_TRY(Encoder encoder, Encoder::Create(config));
  MASR_TRY(Vocabulary vocabulary, config.MakeVocabulary());
  Weights weights = Weights::Initialize(encoder.parameters(), seed);
  return Model{config, std::move(encoder), std::move(vocabulary), std::move(weights), {}};
}

std::string ModelFingerprint(const Model& model) {
  Fnv1a hash;
  const auto add = [&hash](const void* data, size_t bytes) {
    hash.Add(std::span(static_cast<const uint8_t*>(data), bytes));
  };
  const std::string config = model.config.ToJson();
  add(config.data(), config.size());
  const auto parameters = model.encoder.parameters().size();
  for (ParameterId id = 0; id < parameters; ++id) {
    if (model.encoder.parameters()[id].adapts != kNoParameter) continue;
    const std::vector<float> values = MergedValues(model, id);
    add(values.data(), values.size() * sizeof(float));
  }
  return hash.Text();
}

}  // namespace masr
