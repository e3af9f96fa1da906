// What a model is, apart from its weights: features, vocabulary, encoder. Stored in the model file.
//
//   {"name": "...",
//    "features": {"sample_rate_hz": 16000, "mels": 80, "window_ms": 25, "hop_ms": 10,
//                 "low_hz": 20, "high_hz": 0, "normalization": "utterance"},
//    "characters": [" ", "'", "a", ...],
//    "encoder": [{"layer": "conv_subsampling", "dim": 144}, {"layer": "conformer_block", "repeat":
//    12},
//                ...]}
// A linear layer to the tokens (characters and blank) is added on top, under the name "head".
#ifndef MOBILEASR_MODEL_MODEL_CONFIG_H_
#define MOBILEASR_MODEL_MODEL_CONFIG_H_

#include <string>
#include <string_view>
#include <vector>

#include "audio/feature_stream.h"
#include "audio/log_mel.h"
#include "base/result.h"

namespace masr {

struct FeatureConfig {
  LogMelOptions log_mel;
  Normalization normalization = Normalization::kPerUtterance;
};

struct ModelConfig {
  std::string name;
  FeatureConfig features;
  std::vector<std::string> characters;
  std::string encoder_json;  // the list of layers, as compact JSON

  // `where` names the source in messages.
  static Result<ModelConfig> FromJson(std::string_view text, const std::string& where);
  std::string ToJson() const;
};

}  // namespace masr

#endif  // MOBILEASR_MODEL_MODEL_CONFIG_H_
