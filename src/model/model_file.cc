#include <algorithm>
#include <map>
#include <string_view>

#include "layers/residual_adapter.h"
#include "model/adapters.h"
#include "model/model.h"
#include "tensor/clipped_quantize.h"
#include "tensor/quantize.h"

namespace masr {
namespace {

constexpr const char* kFormatKey = "mobileasr.format";
constexpr const char* kFormat = "1";
constexpr const char* kConfigKey = "mobileasr.config";

// The tensors of a model's file, each made when it is written: what is in memory is one at a time.
class ModelTensors {
 public:
  using FormatOf = std::function<WeightFormat(ParameterId matrix)>;
  using Quantize = void (*)(int64_t rows, int64_t cols, const float* values, int8_t* out,
                            float* scales);

  ModelTensors(const ParameterTable& table, FormatOf format_of, const ParameterValues& values,
               Quantize quantize)
      : table_(table), format_of_(std::move(format_of)), values_(values), quantize_(quantize) {
    for (ParameterId id = 0; id < table.size(); ++id) {
      const ParameterSpec& spec = table[id];
      if (spec.adapts != kNoParameter) continue;
      const WeightFormat own = Format(id);
      Add(id, /*scales=*/false, spec.name, DTypeOf(own), spec.shape);
      if (own == WeightFormat::kInt8) {
        Add(id, /*scales=*/true, spec.name + ".scales", DType::kF32, {spec.rows()});
      }
    }
  }

  const std::vector<TensorEntry>& entries() const { return entries_; }

  std::span<const uint8_t> Bytes(size_t tensor) {
    const auto [id, scales] = sources_[tensor];
    const ParameterSpec& spec = table_[id];
    const std::vector<float> values = values_(id);
    const WeightFormat own = Format(id);
    if (own == WeightFormat::kF32) return Copy(std::span<const float>(values));
    if (own == WeightFormat::kBf16) {
      std::vector<uint16_t> bits(values.size());
      std::transform(values.begin(), values.end(), bits.begin(), FloatToBf16);
      return Copy(std::span<const uint16_t>(bits));
    }
    std::vector<int8_t> codes(values.size());
    std::vector<float> row_scales(static_cast<size_t>(spec.rows()));
    quantize_(spec.rows(), spec.cols(), values.data(), codes.data(), row_scales.data());
    return scales ? Copy(std::span<const float>(row_scales)) : Copy(std::span<const int8_t>(codes));
  }

 private:
  struct Source {
    ParameterId id;
    bool scales;
  };

  WeightFormat Format(ParameterId id) const {
    return table_[id].matrix ? format_of_(id) : WeightFormat::kF32;
  }

  static DType DTypeOf(WeightFormat format) {
    if (format == WeightFormat::kInt8) return DType::kI8;
    return format == WeightFormat::kBf16 ? DType::kBf16 : DType::kF32;
  }

  void Add(ParameterId id, bool scales, const std::string& name, DType dtype,
           const std::vector<int64_t>& shape) {
    entries_.push_back({name, dtype, shape, {}});
    sources_.push_back({id, scales});
  }

  template <class T>
  std::span<const uint8_t> Copy(std::span<const T> values) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(values.data());
    bytes_.assign(bytes, bytes + values.size_bytes());
    return bytes_;
  }

  const ParameterTable& table_;
  FormatOf format_of_;
  const ParameterValues& values_;
  Quantize quantize_;
  std::vector<TensorEntry> entries_;
  std::vector<Source> sources_;
  std::vector<uint8_t> bytes_;  // of the tensor that is being written
};

WeightFormat StoredFormat(const Weights& weights, ParameterId matrix) {
  if (weights.IsWritable(matrix)) return WeightFormat::kBf16;
  switch (weights.views().Matrix(matrix).type) {
    case WeightType::kInt8:
      return WeightFormat::kInt8;
    case WeightType::kBf16:
      return WeightFormat::kBf16;
    case WeightType::kF32:
      break;
  }
  return WeightFormat::kF32;
}

Status Write(const ModelConfig& config, std::map<std::string, std::string> metadata,
             ModelTensors tensors, const std::string& path) {
  metadata[kFormatKey] = kFormat;
  metadata[kConfigKey] = config.ToJson();
  return WriteSafetensors(path, tensors.entries(), metadata,
                          [&](size_t tensor) { return tensors.Bytes(tensor); });
}

}  // namespace

Result<Model> LoadModel(const std::string& path) {
  MASR_TRY(SafetensorsFile file, SafetensorsFile::Open(path));
  return ParseModel(std::make_shared<const SafetensorsFile>(std::move(file)), path);
}

Result<Model> ParseModel(std::shared_ptr<const SafetensorsFile> file, const std::string& where) {
  const auto& metadata = file->metadata();
  const auto format = metadata.find(kFormatKey);
  const auto config_text = metadata.find(kConfigKey);
  if (format == metadata.end() || config_text == metadata.end()) {
    return Fail(ErrorCode::kCorrupt, where +
                                         ": a safetensors file, but not a MobileASR model (no '" +
                                         std::string(kConfigKey) + "' in its metadata)");
  }
  if (format->second != kFormat) {
    return Fail(ErrorCode::kUnsupported, where + ": model format " + format->second +
                                             " is newer than this program; update it");
  }
  auto load = [&]() -> Result<Model> {
    MASR_TRY(ModelConfig config, ModelConfig::FromJson(config_text->second, "configuration"));
    MASR_TRY(Encoder encoder, Encoder::Create(config));
    MASR_TRY(Vocabulary vocabulary, config.MakeVocabulary());
    MASR_TRY(Weights weights, Weights::FromFile(encoder.parameters(), file));
    Model model{std::move(config), std::move(encoder), std::move(vocabulary), std::move(weights),
                metadata};
    model.metadata.erase(kFormatKey);
    model.metadata.erase(kConfigKey);
    return model;
  };
  auto model = load();
  if (!model.has_value()) return Fail(where, std::move(model.error()));
  return model;
}

namespace {

// What a model would be with other values.
Status SaveValues(const Model& model, WeightFormat format, const ParameterValues& values,
                  const std::string& path) {
  const auto format_of = [&](ParameterId id) {
    return format == WeightFormat::kAsStored ? StoredFormat(model.weights, id) : format;
  };
  return Write(model.config, model.metadata,
               ModelTensors(model.encoder.parameters(), format_of, values, QuantizeRows), path);
}

// What a parameter of one model was in another.
struct Twin {
  ParameterId id = kNoParameter;  // none: of an adapter that the other lacks
  // Then: of its last product, which began at zero and in which what it adds is linear; the rest of
  // it may stay as it is.
  bool zero = false;
};

// For each parameter of `to`.
Result<std::vector<Twin>> TwinsOf(const Model& from, const Model& to, const std::string& path) {
  std::map<std::string_view, ParameterId> ids;
  const ParameterTable& table = from.encoder.parameters();
  for (ParameterId id = 0; id < table.size(); ++id) ids[table[id].name] = id;
  std::vector<Twin> twins;
  ParameterId found = 0;
  for (const EncoderBlock& block : to.encoder.blocks()) {
    const std::string last_product = block.name + "." + kAdapterName + "." + kAdapterOut + ".";
    for (ParameterId id = block.first; id < block.end; ++id) {
      const ParameterSpec& spec = to.encoder.parameters()[id];
      const auto twin = ids.find(spec.name);
      if (twin != ids.end() && table[twin->second].shape == spec.shape) {
        twins.push_back({.id = twin->second});
        ++found;
      } else if (id >= block.adapter) {
        twins.push_back({.zero = spec.name.starts_with(last_product)});
      }
    }
  }
  ModelConfig config = from.config;
  config.encoder_json = to.config.encoder_json;
  if (found != table.size() || std::ssize(twins) != to.encoder.parameters().size() ||
      config.ToJson() != to.config.ToJson()) {
    return Fail(ErrorCode::kInvalidArgument,
                path + ": cannot be half of one model and half of another of another kind");
  }
  return twins;
}

}  // namespace

Status SaveModel(const Model& model, WeightFormat format, const std::string& path) {
  return SaveValues(
      model, format, [&](ParameterId id) { return MergedValues(model, id); }, path);
}

Status SavePartWay(const Model& from, const Model& to, float share, WeightFormat format,
                   const std::string& path) {
  MASR_TRY(const std::vector<Twin> twins, TwinsOf(from, to, path));
  const ParameterValues values = [&](ParameterId id) {
    std::vector<float> mixed = MergedValues(to, id);
    const Twin& twin = twins[static_cast<size_t>(id)];
    std::vector<float> old = mixed;
    if (twin.id != kNoParameter) old = MergedValues(from, twin.id);
    if (twin.zero) std::ranges::fill(old, 0.0f);
    // What is the same stays the same to the bit.
    for (size_t k = 0; k < mixed.size(); ++k) {
      if (mixed[k] != old[k]) mixed[k] = old[k] + share * (mixed[k] - old[k]);
    }
    return mixed;
  };
  return SaveValues(to, format, values, path);
}

Status WriteModel(const ModelConfig& config, const ParameterTable& parameters,
                  std::map<std::string, std::string> metadata, WeightFormat format,
                  const ParameterValues& values, const std::string& path) {
  const auto format_of = [format](ParameterId) { return format; };
  return Write(config, std::move(metadata),
               ModelTensors(parameters, format_of, values, QuantizeRowsClipped), path);
}

}  // namespace masr
