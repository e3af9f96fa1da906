#include <cstring>
#include <deque>

#include "model/model.h"
#include "tensor/quantize.h"

namespace masr {
namespace {

constexpr const char* kFormatKey = "mobileasr.format";
constexpr const char* kFormat = "1";
constexpr const char* kConfigKey = "mobileasr.config";

// Entries and the memory behind those that had to be converted.
struct Encoded {
  std::vector<TensorEntry> entries;
  std::deque<std::vector<uint8_t>> storage;

  uint8_t* Add(const std::string& name, DType dtype, const std::vector<int64_t>& shape,
               size_t elements) {
    TensorEntry entry{name, dtype, shape, {}};
    storage.emplace_back(elements * DTypeBytes(dtype));
    entry.bytes = storage.back();
    entries.push_back(std::move(entry));
    return storage.back().data();
  }
};

void EncodeParameter(const ParameterSpec& spec, const std::vector<float>& values,
                     WeightFormat format, Encoded& out) {
  if (!spec.matrix || format == WeightFormat::kF32) {
    std::memcpy(out.Add(spec.name, DType::kF32, spec.shape, values.size()), values.data(),
                values.size() * sizeof(float));
    return;
  }
  if (format == WeightFormat::kBf16) {
    uint8_t* to = out.Add(spec.name, DType::kBf16, spec.shape, values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      const uint16_t bits = FloatToBf16(values[i]);
      std::memcpy(to + 2 * i, &bits, 2);
    }
    return;
  }
  uint8_t* to = out.Add(spec.name, DType::kI8, spec.shape, values.size());
  std::vector<float> scales(static_cast<size_t>(spec.rows()));
  QuantizeRows(spec.rows(), spec.cols(), values.data(), reinterpret_cast<int8_t*>(to),
               scales.data());
  std::memcpy(out.Add(spec.name + ".scales", DType::kF32, {spec.rows()}, scales.size()),
              scales.data(), scales.size() * sizeof(float));
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

Status SaveModel(const Model& model, WeightFormat format, const std::string& path) {
  Encoded encoded;
  const ParameterTable& table = model.encoder.parameters();
  for (ParameterId id = 0; id < table.size(); ++id) {
    EncodeParameter(table[id], model.weights.ToFloat(id), format, encoded);
  }
  auto metadata = model.metadata;
  metadata[kFormatKey] = kFormat;
  metadata[kConfigKey] = model.config.ToJson();
  return WriteSafetensors(path, encoded.entries, metadata);
}

}  // namespace masr
