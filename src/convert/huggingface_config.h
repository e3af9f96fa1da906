// config.json of a Wav2Vec2ForCTC or HubertForCTC.
#ifndef MOBILEASR_CONVERT_HUGGINGFACE_CONFIG_H_
#define MOBILEASR_CONVERT_HUGGINGFACE_CONFIG_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace masr {

// Names and defaults are transformers' own.
struct Wav2Vec2Config {
  std::string model_type;  // "wav2vec2" or "hubert": the first part of the tensors' names
  int64_t hidden_size = 768;
  int64_t num_hidden_layers = 12;
  int64_t num_attention_heads = 12;
  int64_t intermediate_size = 3072;
  std::string activation;  // ours, of hidden_act
  double hidden_dropout = 0.1;
  double layer_norm_eps = 1e-5;
  bool layer_norm_extractor = false;  // feat_extract_norm is "layer", not "group"
  std::vector<int64_t> conv_dim;
  std::vector<int64_t> conv_stride;
  std::vector<int64_t> conv_kernel;
  bool conv_bias = false;
  int64_t num_conv_pos_embeddings = 128;
  int64_t num_conv_pos_embedding_groups = 16;
  bool do_stable_layer_norm = false;
  int64_t vocab_size = 32;
  int64_t pad_token_id = 0;  // CTC's blank
};

// `where` names the file in messages. kUnsupported with the option and its value where our layers
// have nothing like it; options that say nothing about the network as it recognises are ignored.
Result<Wav2Vec2Config> ParseWav2Vec2Config(std::string_view json, const std::string& where);

// preprocessor_config.json: what the network hears.
struct Wav2Vec2FrontEnd {
  int sample_rate_hz = 16000;
  bool normalize = true;
};
Result<Wav2Vec2FrontEnd> ParseWav2Vec2FrontEnd(std::string_view json, const std::string& where);

}  // namespace masr

#endif  // MOBILEASR_CONVERT_HUGGINGFACE_CONFIG_H_
