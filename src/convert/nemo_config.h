// model_config.yaml of an EncDecCTCModel or EncDecCTCModelBPE of NVIDIA NeMo's.
#ifndef MOBILEASR_CONVERT_NEMO_CONFIG_H_
#define MOBILEASR_CONVERT_NEMO_CONFIG_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "model/model_config.h"

namespace masr {

// Names and defaults are NeMo's own. Convolutions have batch norms with epsilon 1e-3, and no
// biases.
struct NemoJasperBlock {
  int64_t filters = 0;
  int64_t repeat = 1;
  int64_t kernel = 1;  // with kernel_size_factor
  int64_t stride = 1;  // of the last convolution
  int64_t dilation = 1;
  double dropout = 0;
  bool residual = true;
  bool separable = false;
  int64_t se_inner = 0;  // filters / se_reduction_ratio; 0: no squeeze-and-excitation
};

struct NemoConvAsrEncoder {
  bool conv_mask = true;  // the tensors' names have a part for the mask then
  std::vector<NemoJasperBlock> jasper;
};

struct NemoConformerEncoder {
  int64_t n_layers = 0;
  int64_t d_model = 0;
  int64_t n_heads = 4;
  int64_t feed_forward = 0;  // d_model * ff_expansion_factor
  int64_t conv_kernel_size = 31;
  bool batch_norm = true;  // in the convolution module, else layer norm
  bool use_bias = true;
  bool separable = false;  // dw_striding, else striding
  int64_t convolutions = 2;
  int64_t subsampling_channels = 0;
  bool xscaling = true;
  bool untie_biases = true;
  double dropout = 0.1;
  double dropout_pre_encoder = 0.1;
};

struct NemoConfig {
  FeatureConfig features;
  std::variant<NemoConvAsrEncoder, NemoConformerEncoder> encoder;
  bool bpe = false;  // pieces of tokenizer.model, else `labels`
  std::vector<std::string> labels;
};

// `where` names the file in messages. kUnsupported with the key and its value where our layers have
// nothing like it; what says nothing about the network as it recognises is ignored.
Result<NemoConfig> ParseNemoConfig(const std::string& yaml, const std::string& where);

}  // namespace masr

#endif  // MOBILEASR_CONVERT_NEMO_CONFIG_H_
