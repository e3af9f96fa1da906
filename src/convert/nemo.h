// EncDecCTCModel and EncDecCTCModelBPE of NVIDIA NeMo's: a folder with model_config.yaml,
// model.safetensors and, of the latter, tokenizer.model, as scripts/unpack_nemo.py makes it of a
// .nemo file.
//
// The encoders are QuartzNet's and Citrinet's (ConvASREncoder; Kriman et al., 2020; Majumdar et
// al., 2021) and Conformer's (ConformerEncoder; Gulati et al., 2020). Folded or changed: the blank,
// NeMo's last class, becomes token 0; pieces that no text has (<unk>) are left out of the head;
// xscaling's factor becomes part of the subsampling's projection; biases of attention that layers
// share become each layer's own. Dropout inside attention is not taken over.
#ifndef MOBILEASR_CONVERT_NEMO_H_
#define MOBILEASR_CONVERT_NEMO_H_

#include <string>

#include "base/result.h"
#include "convert/source.h"

namespace masr {

// kUnsupported names the key of model_config.yaml that we do not have, kCorrupt the file or tensor.
Result<Source> OpenNemo(const std::string& folder);

// What a model that OpenNemo made was converted from, out of its metadata. tokenizer.model is not
// in them: learning does not change it.
Result<Origin> NemoOriginOf(const Model& model);

}  // namespace masr

#endif  // MOBILEASR_CONVERT_NEMO_H_
