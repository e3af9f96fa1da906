// What a model is, apart from its weights: features, vocabulary, encoder. Stored in the model file.
//
//   {"name": "...",
//    "features": {"sample_rate_hz": 16000, "mels": 80, "window_ms": 25, "hop_ms": 10,
//                 "low_hz": 20, "high_hz": 0, "normalization": "utterance"},
//    "characters": [" ", "'", "a", ...],
//    "encoder": [{"layer": "conv_subsampling", "dim": 144}, {"layer": "conformer_block", "repeat":
//    12},
//                ...]}
// or, for encoders that hear the wave itself, one sample a frame:
//    "features": {"kind": "waveform", "sample_rate_hz": 16000, "normalization": "utterance"}
// or, instead of characters (text/pieces.h):
//    "pieces": {"model": "unigram" or "bpe", "texts": [" the", "s", ...], "scores": [-3.2, ...]}
// A linear layer to the tokens (characters or pieces, and the blank) is added on top, under the
// name "head".
#ifndef MOBILEASR_MODEL_MODEL_CONFIG_H_
#define MOBILEASR_MODEL_MODEL_CONFIG_H_

#include <string>
#include <string_view>
#include <vector>

#include "audio/feature_stream.h"
#include "audio/log_mel.h"
#include "base/result.h"
#include "text/vocabulary.h"

namespace masr {

enum class FeatureKind : uint8_t { kLogMel, kWaveform };

struct FeatureConfig {
  FeatureKind kind = FeatureKind::kLogMel;
  LogMelOptions log_mel;  // of a waveform, only the sample rate counts
  Normalization normalization = Normalization::kPerUtterance;  // of a waveform, kRunning is refused

  int sample_rate_hz() const { return log_mel.sample_rate_hz; }
  // Numbers per frame.
  int64_t width() const { return kind == FeatureKind::kWaveform ? 1 : log_mel.mels; }
  // From one frame to the next.
  double frame_s() const {
    return kind == FeatureKind::kWaveform ? 1.0 / log_mel.sample_rate_hz : log_mel.hop_ms / 1000;
  }
};

struct ModelConfig {
  std::string name;
  FeatureConfig features;
  std::vector<std::string> characters;
  TextPieces pieces;         // else characters
  std::string encoder_json;  // the list of layers, as compact JSON

  // `where` names the source in messages.
  static Result<ModelConfig> FromJson(std::string_view text, const std::string& where);
  std::string ToJson() const;

  // Tokens with the blank.
  int64_t tokens() const {
    return static_cast<int64_t>(pieces.empty() ? characters.size() : pieces.texts.size()) + 1;
  }
  Result<Vocabulary> MakeVocabulary() const {
    return pieces.empty() ? Vocabulary::FromCharacters(characters) : Vocabulary::FromPieces(pieces);
  }
  bool SameTokens(const ModelConfig& other) const {
    return characters == other.characters && pieces == other.pieces;
  }
};

}  // namespace masr

#endif  // MOBILEASR_MODEL_MODEL_CONFIG_H_
