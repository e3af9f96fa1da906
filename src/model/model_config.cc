#include "model/model_config.h"

#include <nlohmann/json.hpp>

#include "io/config_reader.h"

namespace masr {
namespace {

const std::vector<std::string>& NormalizationNames() {
  static const std::vector<std::string> names = {"none", "utterance", "running"};
  return names;
}

Result<FeatureConfig> ReadFeatures(const nlohmann::json& json, const std::string& where) {
  ConfigReader reader(json, where + ": features");
  FeatureConfig config;
  LogMelOptions& mel = config.log_mel;
  mel.sample_rate_hz =
      static_cast<int>(reader.Int("sample_rate_hz", mel.sample_rate_hz, 4000, 192000));
  mel.mels = static_cast<int>(reader.Int("mels", mel.mels, 1, 512));
  mel.window_ms = reader.Number("window_ms", mel.window_ms, 1, 1000);
  mel.hop_ms = reader.Number("hop_ms", mel.hop_ms, 1, 1000);
  mel.low_hz = reader.Number("low_hz", mel.low_hz, 0, 96000);
  mel.high_hz = reader.Number("high_hz", mel.high_hz, -96000, 96000);
  mel.preemphasis = reader.Number("preemphasis", mel.preemphasis, 0, 1);
  mel.remove_dc = reader.Bool("remove_dc", mel.remove_dc);
  config.normalization =
      static_cast<Normalization>(reader.Choice("normalization", "utterance", NormalizationNames()));
  MASR_RETURN_IF_ERROR(reader.Finish());
  return config;
}

}  // namespace

Result<ModelConfig> ModelConfig::FromJson(std::string_view text, const std::string& where) {
  MASR_TRY(const nlohmann::json json, ParseConfig(text, where));
  ConfigReader reader(json, where);
  ModelConfig config;
  config.name = reader.Text("name", {});
  config.characters = reader.TextList("characters");
  if (const nlohmann::json* features = reader.Child("features"); features != nullptr) {
    MASR_TRY(config.features, ReadFeatures(*features, where));
  }
  const nlohmann::json* encoder = reader.Child("encoder");
  if (encoder == nullptr || !encoder->is_array() || encoder->empty()) {
    reader.Refuse("'encoder' must be a list of at least one layer");
  } else {
    config.encoder_json = encoder->dump();
  }
  MASR_RETURN_IF_ERROR(reader.Finish());
  return config;
}

std::string ModelConfig::ToJson() const {
  const LogMelOptions& mel = features.log_mel;
  nlohmann::ordered_json json;
  json["name"] = name;
  json["features"] = {
      {"sample_rate_hz", mel.sample_rate_hz},
      {"mels", mel.mels},
      {"window_ms", mel.window_ms},
      {"hop_ms", mel.hop_ms},
      {"low_hz", mel.low_hz},
      {"high_hz", mel.high_hz},
      {"preemphasis", mel.preemphasis},
      {"remove_dc", mel.remove_dc},
      {"normalization", NormalizationNames()[static_cast<size_t>(features.normalization)]}};
  json["characters"] = characters;
  json["encoder"] = nlohmann::ordered_json::parse(encoder_json, nullptr, false);
  return json.dump();
}

}  // namespace masr
