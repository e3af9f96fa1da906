// Small models for tests.
#ifndef MOBILEASR_MODEL_TESTING_TINY_MODEL_H_
#define MOBILEASR_MODEL_TESTING_TINY_MODEL_H_

#include <string>
#include <vector>

#include "base/rng.h"
#include "io/testing/temporary_folder.h"
#include "model/model.h"

namespace masr::testing {

// Every kind of parameter: matrices, vectors, filters, statistics.
inline const char* TinyConfig() {
  return R"({"name": "tiny", "features": {"sample_rate_hz": 8000, "mels": 10},
             "characters": [" ", "a", "b", "c"],
             "encoder": [{"layer": "conv_subsampling", "dim": 16, "channels": 4},
                         {"layer": "conformer_block", "heads": 2, "feed_forward": 24,
                          "conv_kernel": 5, "conv_norm": "batch", "repeat": 2}]})";
}

inline Result<Model> MakeModel(const std::string& config_json, uint64_t seed) {
  MASR_TRY(const ModelConfig config, ModelConfig::FromJson(config_json, "test model"));
  return Model::Create(config, seed);
}

// A tiny model none of whose parameters is zero or one.
inline Result<Model> MakeTinyModel(uint64_t seed) {
  MASR_TRY(Model model, MakeModel(TinyConfig(), seed));
  for (ParameterId id = 0; id < model.encoder.parameters().size(); ++id) {
    Rng rng(MixKeys(seed, static_cast<uint64_t>(id)));
    model.weights.MakeWritable(id);
    for (float& v : model.weights.Writable(id)) v += static_cast<float>(rng.Uniform(0.01, 0.1));
  }
  return model;
}

inline std::vector<float> RandomFeatures(int64_t frames, int64_t mels, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> features(static_cast<size_t>(frames * mels));
  for (float& v : features) v = static_cast<float>(rng.Normal());
  return features;
}

inline std::vector<std::vector<float>> AllWeights(const Model& model) {
  std::vector<std::vector<float>> all;
  for (ParameterId id = 0; id < model.encoder.parameters().size(); ++id) {
    all.push_back(model.weights.ToFloat(id));
  }
  return all;
}

}  // namespace masr::testing

#endif  // MOBILEASR_MODEL_TESTING_TINY_MODEL_H_
