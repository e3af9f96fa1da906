#include "convert/source.h"

#include "convert/huggingface.h"
#include "convert/nemo.h"
#include "io/file.h"
#include "model/adapters.h"

namespace masr {
namespace {

// Parts of tensors that are no part of a network as it recognises.
const std::vector<std::string>& MayBeLeft() {
  static const std::vector<std::string> ends = {
      ".masked_spec_embed",    // what masked spans of the input are replaced by, in training
      ".num_batches_tracked",  // of batch norm's statistics
      ".featurizer.window",    // of NeMo's front end, which the configuration describes
      ".featurizer.fb",
      ".pos_enc.pe",  // sinusoids
  };
  return ends;
}

// Of a token that we do not have: never the likeliest.
constexpr float kNeverChosen = -1e4f;

// A safetensors file; LoadModel says if it is not ours.
bool IsModelFile(const std::string& path) {
  return FileExists(path) && SafetensorsFile::Open(path).has_value();
}

}  // namespace

Result<Source> OpenSource(const std::string& path) {
  if (FileExists(path + "/config.json")) return OpenHuggingFace(path);
  if (FileExists(path + "/model_config.yaml")) return OpenNemo(path);
  if (path.ends_with(".nemo")) {
    return Fail(ErrorCode::kUnsupported,
                path +
                    ": its weights are a pickle, which can run code and so is not read; "
                    "scripts/unpack_nemo.py makes a folder of it that can be converted");
  }
  return Fail(ErrorCode::kUnsupported,
              path +
                  ": nothing that can be converted; give a folder of Hugging Face's with "
                  "config.json, vocab.json, preprocessor_config.json and model.safetensors, or one "
                  "that scripts/unpack_nemo.py has made");
}

Status WriteConverted(const Source& source, WeightFormat format, const std::string& path) {
  MASR_TRY(const Encoder encoder, Encoder::Create(source.config));
  MASR_RETURN_IF_ERROR(source.config.MakeVocabulary());
  const ParameterTable& table = encoder.parameters();
  MASR_RETURN_IF_ERROR(
      CheckTensors(table, source.tensors, MayBeLeft(), source.weights, source.weights_path));
  std::map<std::string, const TensorMap*> maps;
  for (const TensorMap& map : source.tensors) maps[map.ours] = &map;
  return WriteModel(
      source.config, table, source.metadata, format,
      [&](ParameterId id) { return ReadParameter(*maps.at(table[id].name), source.weights); },
      path);
}

Result<std::vector<std::string>> ConvertModel(const std::string& path, WeightFormat format,
                                              const std::string& out) {
  if (IsModelFile(path)) {
    MASR_TRY(const Model model, LoadModel(path));
    MASR_RETURN_IF_ERROR(WriteModel(
        model.config, model.encoder.parameters(), model.metadata, format,
        [&](ParameterId id) { return model.weights.ToFloat(id); }, out));
    return std::vector<std::string>();
  }
  MASR_TRY(const Source source, OpenSource(path));
  MASR_RETURN_IF_ERROR(WriteConverted(source, format, out));
  return source.notes;
}

Status ExportModel(const Model& model, const std::string& folder) {
  const auto family = model.metadata.find("convert.family");
  const bool nemo = family != model.metadata.end() && family->second == "nemo";
  if (family == model.metadata.end() || (!nemo && family->second != "huggingface")) {
    return Fail(ErrorCode::kInvalidArgument,
                "the model was not converted from elsewhere, so there is no form to go back to");
  }
  MASR_TRY(const Origin origin, nemo ? NemoOriginOf(model) : HuggingFaceOriginOf(model));
  const ParameterTable& table = model.encoder.parameters();
  if (const Status known = CheckMaps(table, origin.tensors); !known.has_value()) {
    return Fail("the model is not what its metadata say that it came from", known.error());
  }
  std::map<std::string, ParameterId> ids;
  for (ParameterId id = 0; id < table.size(); ++id) ids[table[id].name] = id;

  std::vector<TensorEntry> entries;
  std::vector<std::pair<const TensorMap*, size_t>> sources;
  for (const TensorMap& map : origin.tensors) {
    if (!ids.contains(map.ours)) {
      return Fail(ErrorCode::kCorrupt,
                  "the model has no parameter '" + map.ours + "', which its origin had");
    }
    for (size_t i = 0; i < map.theirs.size(); ++i) {
      entries.push_back({map.theirs[i], DType::kF32, map.shapes[i], {}});
      sources.emplace_back(&map, i);
    }
  }
  for (const TextFile& file : origin.files) {
    MASR_RETURN_IF_ERROR(ReplaceFile(folder + "/" + file.name, file.contents));
  }
  std::vector<float> values;  // of the tensor that is being written
  return WriteSafetensors(
      folder + "/model.safetensors", entries, {{"format", "pt"}}, [&](size_t tensor) {
        const auto [map, index] = sources[tensor];
        const bool head_bias = map->layout == Layout::kTokens && map->shapes[0].size() == 1;
        values = ToTheirs(*map, index, MergedValues(model, ids.at(map->ours)),
                          head_bias ? kNeverChosen : 0.0f);
        return std::span(reinterpret_cast<const uint8_t*>(values.data()),
                         values.size() * sizeof(float));
      });
}

}  // namespace masr
