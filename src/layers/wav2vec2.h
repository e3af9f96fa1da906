// What stands before the Transformer in wav2vec 2.0 (Baevski et al., "wav2vec 2.0: A Framework for
// Self-Supervised Learning of Speech Representations", 2020) and HuBERT (Hsu et al., 2021).
#ifndef MOBILEASR_LAYERS_WAV2VEC2_H_
#define MOBILEASR_LAYERS_WAV2VEC2_H_

#include <vector>

#include "layers/layer.h"

namespace masr {

struct FeatureEncoderConv {
  int64_t channels = 512;
  int64_t kernel = 3;  // samples, or frames of the convolution before
  int64_t stride = 2;
};

struct FeatureEncoderOptions {
  std::vector<FeatureEncoderConv> convs;  // at least one; no padding
  // Layer norm after every convolution, else instance norm after the first and none after the
  // others.
  bool layer_norm = false;
  bool bias = false;
};
// From the wave (one sample a frame, in_dim 1) to frames: convolution, norm, GELU for each of
// `convs`.
LayerPtr MakeFeatureEncoder(int64_t in_dim, const FeatureEncoderOptions& options,
                            ParameterTable& table);

struct PositionalConvOptions {
  int64_t kernel = 128;  // frames
  int64_t groups = 16;   // divides the width
};
// y = x + GELU(convolution of x): where a frame stands, told by what is around it. Keeps the number
// of frames.
LayerPtr MakePositionalConv(int64_t dim, const PositionalConvOptions& options,
                            ParameterTable& table);

}  // namespace masr

#endif  // MOBILEASR_LAYERS_WAV2VEC2_H_
