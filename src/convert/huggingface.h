// Wav2Vec2ForCTC and HubertForCTC in the layout of Hugging Face's transformers: a folder with
// config.json, vocab.json, preprocessor_config.json and model.safetensors.
//
// The networks are wav2vec 2.0's (Baevski et al., 2020) and HuBERT's (Hsu et al., 2021), which are
// alike after pretraining. Both variants of the feature encoder (group norm after the first
// convolution, layer norm after each) and of the Transformer (norms after, norms before) are known.
// Folded or changed: the positional convolution's weight norm becomes its weight; rows of the head
// for tokens that no text has (<s>, </s>, <unk>) are left out; "|" becomes a space; letters become
// small ones where the vocabulary has capitals only. Dropout inside attention and feed-forward,
// LayerDrop and masking of spans in training are not taken over; `hidden_dropout` is.
#ifndef MOBILEASR_CONVERT_HUGGINGFACE_H_
#define MOBILEASR_CONVERT_HUGGINGFACE_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "convert/source.h"

namespace masr {

// kUnsupported names the option of config.json that we do not have, kCorrupt the file or tensor.
Result<Source> OpenHuggingFace(const std::string& folder);

// What a model that OpenHuggingFace made was converted from, out of its metadata.
Result<Origin> HuggingFaceOriginOf(const Model& model);

}  // namespace masr

#endif  // MOBILEASR_CONVERT_HUGGINGFACE_H_
