// A recogniser trained elsewhere, opened but not read: what our model of it is, and where its
// numbers are.
#ifndef MOBILEASR_CONVERT_SOURCE_H_
#define MOBILEASR_CONVERT_SOURCE_H_

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "convert/tensor_map.h"
#include "model/model.h"

namespace masr {

struct Source {
  std::string family;  // "huggingface", "nemo"
  ModelConfig config;
  std::vector<TensorMap> tensors;
  // Metadata of the model's file: where it came from, and what ExportModel needs to go back.
  std::map<std::string, std::string> metadata;
  // What is not as in the source, for its owner to know.
  std::vector<std::string> notes;
  std::string weights_path;
  SafetensorsFile weights;  // mapped
};

// One small file of a source's folder beside the weights.
struct TextFile {
  std::string name;
  std::string contents;
};

// What a model was converted from: the maps of its tensors, and its small files as they were.
struct Origin {
  std::vector<TensorMap> tensors;
  std::vector<TextFile> files;
};

// Finds out what is at `path`, a folder with
//   config.json         Hugging Face's Wav2Vec2ForCTC or HubertForCTC (convert/huggingface.h)
//   model_config.yaml   NVIDIA NeMo's EncDecCTCModel or EncDecCTCModelBPE (convert/nemo.h)
// kUnsupported, with the reason, for what no converter knows.
Result<Source> OpenSource(const std::string& path);

// Writes our model file: one parameter in memory at a time, the source mapped. Every tensor is
// checked before anything is written.
Status WriteConverted(const Source& source, WeightFormat format, const std::string& path);

// OpenSource and WriteConverted; or, if `path` is a model file of ours, that model stored as
// `format` says. Gives the notes.
Result<std::vector<std::string>> ConvertModel(const std::string& path, WeightFormat format,
                                              const std::string& out);

// The way back of a model that was converted: writes the source's files, with its names, into
// `folder`, which must exist: model.safetensors in f32 and its configuration. What the model has
// learned since is in them. kInvalidArgument for a model that did not come from elsewhere.
Status ExportModel(const Model& model, const std::string& folder);

}  // namespace masr

#endif  // MOBILEASR_CONVERT_SOURCE_H_
