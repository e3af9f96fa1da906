// The tiny models of src/model/testdata and what another framework made of them
// (scripts/make_model_goldens.py).
#ifndef MOBILEASR_MODEL_TESTING_GOLDEN_MODEL_H_
#define MOBILEASR_MODEL_TESTING_GOLDEN_MODEL_H_

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "io/safetensors.h"
#include "model/model.h"

namespace masr::testing {

inline const std::vector<std::string>& GoldenNames() {
  static const std::vector<std::string> names = {
      "conformer", "conformer_batch_norm", "deep_speech_lstm", "deep_speech_gru", "quartznet"};
  return names;
}

inline std::string GoldenPath(const std::string& file) {
  return std::string(MASR_SOURCE_DIR) + "/src/model/testdata/" + file;
}

// A model, two utterances, and the golden numbers.
struct Golden {
  Model model;
  SafetensorsFile numbers;
  std::vector<std::vector<float>> features;
  std::vector<std::vector<int32_t>> targets;

  static Result<Golden> Load(const std::string& name) {
    MASR_TRY(Model model, LoadModel(GoldenPath(name + ".safetensors")));
    MASR_TRY(SafetensorsFile numbers,
             SafetensorsFile::Open(GoldenPath(name + ".golden.safetensors")));
    Golden golden{std::move(model), std::move(numbers), {}, {}};
    for (const std::string u : {"0", "1"}) {
      golden.features.push_back(golden.Read<float>("features." + u));
      golden.targets.push_back(golden.Read<int32_t>("targets." + u));
    }
    return golden;
  }

  // Empty if there is none of that name.
  template <class T>
  std::vector<T> Read(const std::string& name) const {
    const TensorEntry* entry = numbers.Find(name);
    if (entry == nullptr || entry->bytes.size() % sizeof(T) != 0) return {};
    std::vector<T> values(entry->bytes.size() / sizeof(T));
    std::memcpy(values.data(), entry->bytes.data(), entry->bytes.size());
    return values;
  }

  int64_t frames(size_t u) const {
    return static_cast<int64_t>(features[u].size()) / model.encoder.mels();
  }
};

// The largest difference, as a share of the largest golden value; infinite if the sizes differ.
inline double RelativeError(const std::vector<float>& values, const std::vector<float>& golden) {
  if (values.size() != golden.size() || golden.empty()) return INFINITY;
  double largest = 0;
  double difference = 0;
  for (size_t i = 0; i < golden.size(); ++i) {
    if (!std::isfinite(values[i])) return INFINITY;
    largest = std::max(largest, std::abs(static_cast<double>(golden[i])));
    difference = std::max(difference, std::abs(static_cast<double>(values[i]) - golden[i]));
  }
  return difference / std::max(largest, 1e-30);
}

}  // namespace masr::testing

#endif  // MOBILEASR_MODEL_TESTING_GOLDEN_MODEL_H_
