#include "model/model_config.h"

#include <nlohmann/json.hpp>

#include "io/config_reader.h"

namespace masr {
namespace {

const std::vector<std::string>& NormalizationNames() {
  static const std::vector<std::string> names = {"none", "utterance", "running",
                                                 "utterance_unbiased"};
  return names;
}

const std::vector<std::string>& StyleNames() {
  static const std::vector<std::string> names = {"kaldi", "nemo"};
  return names;
}

const std::vector<std::string>& PieceModelNames() {
  static const std::vector<std::string> names = {"unigram", "bpe"};
  return names;
}

const std::vector<std::string>& KindNames() {
  static const std::vector<std::string> names = {"log_mel", "waveform"};
  return names;
}

Result<FeatureConfig> ReadFeatures(const nlohmann::json& json, const std::string& where) {
  ConfigReader reader(json, where + ": features");
  FeatureConfig config;
  config.kind = static_cast<FeatureKind>(reader.Choice("kind", "log_mel", KindNames()));
  LogMelOptions& mel = config.log_mel;
  mel.sample_rate_hz =
      static_cast<int>(reader.Int("sample_rate_hz", mel.sample_rate_hz, 4000, 192000));
  config.normalization =
      static_cast<Normalization>(reader.Choice("normalization", "utterance", NormalizationNames()));
  if (config.kind == FeatureKind::kWaveform) {
    if (config.normalization != Normalization::kPerUtterance &&
        config.normalization != Normalization::kNone) {
      reader.Refuse("'normalization' of a waveform must be utterance or none");
    }
    MASR_RETURN_IF_ERROR(reader.Finish());
    return config;
  }
  mel.mels = static_cast<int>(reader.Int("mels", mel.mels, 1, 512));
  mel.window_ms = reader.Number("window_ms", mel.window_ms, 1, 1000);
  mel.hop_ms = reader.Number("hop_ms", mel.hop_ms, 1, 1000);
  mel.low_hz = reader.Number("low_hz", mel.low_hz, 0, 96000);
  mel.high_hz = reader.Number("high_hz", mel.high_hz, -96000, 96000);
  mel.preemphasis = reader.Number("preemphasis", mel.preemphasis, 0, 1);
  mel.remove_dc = reader.Bool("remove_dc", mel.remove_dc);
  mel.style = static_cast<LogMelStyle>(reader.Choice("style", "kaldi", StyleNames()));
  mel.fft_samples = static_cast<int>(reader.Int("fft_samples", mel.fft_samples, 0, 1 << 20));
  MASR_RETURN_IF_ERROR(reader.Finish());
  return config;
}

Result<TextPieces> ReadPieces(const nlohmann::json& json, const std::string& where) {
  ConfigReader reader(json, where + ": pieces");
  TextPieces pieces;
  pieces.model = static_cast<PieceModel>(reader.Choice("model", {}, PieceModelNames()));
  pieces.texts = reader.TextList("texts");
  for (const double score : reader.NumberList("scores")) {
    pieces.scores.push_back(static_cast<float>(score));
  }
  MASR_RETURN_IF_ERROR(reader.Finish());
  return pieces;
}

}  // namespace

Result<ModelConfig> ModelConfig::FromJson(std::string_view text, const std::string& where) {
  MASR_TRY(const nlohmann::json json, ParseConfig(text, where));
  ConfigReader reader(json, where);
  ModelConfig config;
  config.name = reader.Text("name", {});
  if (const nlohmann::json* pieces = reader.Child("pieces"); pieces != nullptr) {
    MASR_TRY(config.pieces, ReadPieces(*pieces, where));
  } else {
    config.characters = reader.TextList("characters");
  }
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

namespace {

nlohmann::ordered_json WriteFeatures(const FeatureConfig& features) {
  const LogMelOptions& mel = features.log_mel;
  const std::string& normalization =
      NormalizationNames()[static_cast<size_t>(features.normalization)];
  if (features.kind == FeatureKind::kWaveform) {
    return {{"kind", KindNames()[static_cast<size_t>(features.kind)]},
            {"sample_rate_hz", mel.sample_rate_hz},
            {"normalization", normalization}};
  }
  // Without "kind" or "style": as the first models were written, whose fingerprints must not
  // change.
  nlohmann::ordered_json json = {{"sample_rate_hz", mel.sample_rate_hz},
                                 {"mels", mel.mels},
                                 {"window_ms", mel.window_ms},
                                 {"hop_ms", mel.hop_ms},
                                 {"low_hz", mel.low_hz},
                                 {"high_hz", mel.high_hz},
                                 {"preemphasis", mel.preemphasis},
                                 {"remove_dc", mel.remove_dc},
                                 {"normalization", normalization}};
  if (mel.style != LogMelStyle::kKaldi) {
    json["style"] = StyleNames()[static_cast<size_t>(mel.style)];
    json["fft_samples"] = mel.fft_samples;
  }
  return json;
}

}  // namespace

std::string ModelConfig::ToJson() const {
  nlohmann::ordered_json json;
  json["name"] = name;
  json["features"] = WriteFeatures(features);
  if (pieces.empty()) {
    json["characters"] = characters;
  } else {
    json["pieces"] = {{"model", PieceModelNames()[static_cast<size_t>(pieces.model)]},
                      {"texts", pieces.texts},
                      {"scores", pieces.scores}};
  }
  json["encoder"] = nlohmann::ordered_json::parse(encoder_json, nullptr, false);
  return json.dump();
}

}  // namespace masr
