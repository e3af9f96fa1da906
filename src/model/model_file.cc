#include <algorithm>

#include "model/adapters.h"
#include "model/model.h"
#include "tensor/quantize.h"

namespace masr {
namespace {

constexpr const char* kFormatKey = "mobileasr.format";
constexpr const char* kFormat = "1";
constexpr const char* kConfigKey = "mobileasr.config";

// The tensors of a model's file, each made when it is written: what is in memory is one at a time.
class ModelTensors {
 public:
  // Those of `model`, or `share` of the way from another one's to them.
  ModelTensors(const Model& model, WeightFormat format, const Model* from = nullptr,
               float share = 1)
      : model_(model), format_(format), from_(from), share_(share) {
    const ParameterTable& table = model.encoder.parameters();
    for (ParameterId id = 0; id < table.size(); ++id) {
      const ParameterSpec& spec = table[id];
      if (spec.adapts != kNoParameter) continue;
      const WeightFormat own = FormatOf(id);
      Add(id, /*scales=*/false, spec.name, DTypeOf(own), spec.shape);
      if (own == WeightFormat::kInt8) {
        Add(id, /*scales=*/true, spec.name + ".scales", DType::kF32, {spec.rows()});
      }
    }
  }

  const std::vector<TensorEntry>& entries() const { return entries_; }

  std::span<const uint8_t> Bytes(size_t tensor) {
    const auto [id, scales] = sources_[tensor];
    const ParameterSpec& spec = model_.encoder.parameters()[id];
    const std::vector<float> values = Values(id);
    const WeightFormat own = FormatOf(id);
    if (own == WeightFormat::kF32) return Copy(std::span<const float>(values));
    if (own == WeightFormat::kBf16) {
      std::vector<uint16_t> bits(values.size());
      std::ranges::transform(values, bits.begin(), FloatToBf16);
      return Copy(std::span<const uint16_t>(bits));
    }
    std::vector<int8_t> codes(values.size());
    std::vector<float> row_scales(static_cast<size_t>(spec.rows()));
    QuantizeRows(spec.rows(), spec.cols(), values.data(), codes.data(), row_scales.data());
    return scales ? Copy(std::span<const float>(row_scales)) : Copy(std::span<const int8_t>(codes));
  }

 private:
  struct Source {
    ParameterId id;
    bool scales;
  };

  std::vector<float> Values(ParameterId id) const {
    std::vector<float> values = MergedValues(model_, id);
    if (from_ == nullptr) return values;
    const std::vector<float> from = MergedValues(*from_, id);
    // What is the same stays the same to the bit.
    for (size_t k = 0; k < values.size(); ++k) {
      if (values[k] != from[k]) values[k] = from[k] + share_ * (values[k] - from[k]);
    }
    return values;
  }

  WeightFormat FormatOf(ParameterId id) const {
    if (!model_.encoder.parameters()[id].matrix) return WeightFormat::kF32;
    if (format_ != WeightFormat::kAsStored) return format_;
    if (model_.weights.IsWritable(id)) return WeightFormat::kBf16;
    switch (model_.weights.views().Matrix(id).type) {
      case WeightType::kInt8:
        return WeightFormat::kInt8;
      case WeightType::kBf16:
        return WeightFormat::kBf16;
      case WeightType::kF32:
        break;
    }
    return WeightFormat::kF32;
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

  const Model& model_;
  WeightFormat format_;
  const Model* from_;
  float share_;
  std::vector<TensorEntry> entries_;
  std::vector<Source> sources_;
  std::vector<uint8_t> bytes_;  // of the tensor that is being written
};

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
    MASR_TRY(Vocabulary vocabulary, Vocabulary::FromCharacters(config.characters));
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

Status Save(const Model& model, ModelTensors tensors, const std::string& path) {
  auto metadata = model.metadata;
  metadata[kFormatKey] = kFormat;
  metadata[kConfigKey] = model.config.ToJson();
  return WriteSafetensors(path, tensors.entries(), metadata,
                          [&](size_t tensor) { return tensors.Bytes(tensor); });
}

}  // namespace

Status SaveModel(const Model& model, WeightFormat format, const std::string& path) {
  return Save(model, ModelTensors(model, format), path);
}

Status SavePartWay(const Model& from, const Model& to, float share, WeightFormat format,
                   const std::string& path) {
  if (from.config.ToJson() != to.config.ToJson()) {
    return Fail(ErrorCode::kInvalidArgument,
                path + ": cannot be half of one model and half of another of another kind");
  }
  return Save(to, ModelTensors(to, format, &from, share), path);
}

}  // namespace masr
