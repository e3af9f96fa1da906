#include "train/checkpoint.h"

#include <charconv>
#include <cstring>

#include "io/safetensors.h"

namespace masr {
namespace {

constexpr const char* kStepKey = "checkpoint.step";
constexpr const char* kAverageKey = "checkpoint.ema_updates";
constexpr const char* kStateSuffix = ".optimizer";
constexpr const char* kAverageSuffix = ".ema";

std::span<const uint8_t> AsBytes(std::span<const float> values) {
  return {reinterpret_cast<const uint8_t*>(values.data()), values.size_bytes()};
}

// -1 if there is none.
int64_t ReadCount(const SafetensorsFile& file, const char* key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) return -1;
  const std::string& text = found->second;
  const char* end = text.data() + text.size();
  int64_t count = -1;
  const auto parsed = std::from_chars(text.data(), end, count);
  return parsed.ec == std::errc() && parsed.ptr == end ? count : -1;
}

Status CheckTensor(const SafetensorsFile& file, const std::string& name, size_t elements) {
  const TensorEntry* entry = file.Find(name);
  if (entry == nullptr || entry->dtype != DType::kF32 ||
      entry->bytes.size() != elements * sizeof(float)) {
    return Fail(ErrorCode::kCorrupt, "tensor '" + name +
                                         "' is missing or of another size; this checkpoint belongs "
                                         "to another model or another choice of what to train");
  }
  return {};
}

void CopyTensor(const SafetensorsFile& file, const std::string& name, std::span<float> to) {
  std::memcpy(to.data(), file.Find(name)->bytes.data(), to.size_bytes());
}

}  // namespace

Status SaveCheckpoint(Trainer& trainer, WeightAverage* average,
                      const std::map<std::string, std::string>& metadata, const std::string& path) {
  const ParameterTable& table = trainer.model().encoder.parameters();
  std::vector<TensorEntry> entries;
  for (size_t i = 0; i < trainer.trainable().size(); ++i) {
    const ParameterId id = trainer.trainable()[i];
    const ParameterSpec& spec = table[id];
    const std::span<float> state = trainer.OptimizerState(id);
    entries.push_back(
        {spec.name, DType::kF32, spec.shape, AsBytes(trainer.model().weights.Writable(id))});
    entries.push_back({spec.name + kStateSuffix,
                       DType::kF32,
                       {static_cast<int64_t>(state.size())},
                       AsBytes(state)});
    if (average == nullptr) continue;
    entries.push_back(
        {spec.name + kAverageSuffix, DType::kF32, spec.shape, AsBytes(average->Values(i))});
  }
  auto all = metadata;
  all[kStepKey] = std::to_string(trainer.step());
  if (average != nullptr) all[kAverageKey] = std::to_string(average->updates());
  return WriteSafetensors(path, entries, all);
}

Result<std::map<std::string, std::string>> LoadCheckpoint(const std::string& path, Trainer& trainer,
                                                          WeightAverage* average) {
  MASR_TRY(const SafetensorsFile file, SafetensorsFile::Open(path));
  const ParameterTable& table = trainer.model().encoder.parameters();
  const int64_t step = ReadCount(file, kStepKey);
  if (step < 0) {
    return Fail(ErrorCode::kCorrupt, path + ": not a checkpoint (no step number in its metadata)");
  }
  const int64_t average_updates = ReadCount(file, kAverageKey);
  const bool has_average = average_updates >= 0;
  for (ParameterId id : trainer.trainable()) {
    const std::string& name = table[id].name;
    const size_t elements = trainer.model().weights.Writable(id).size();
    auto status = CheckTensor(file, name, elements);
    if (status.has_value()) {
      status = CheckTensor(file, name + kStateSuffix, trainer.OptimizerState(id).size());
    }
    if (status.has_value() && has_average) {
      status = CheckTensor(file, name + kAverageSuffix, elements);
    }
    if (!status.has_value()) return Fail(path, std::move(status.error()));
  }
  if (file.tensors().size() != (has_average ? 3 : 2) * trainer.trainable().size()) {
    return Fail(ErrorCode::kCorrupt, path +
                                         ": holds tensors that are not being trained; it belongs "
                                         "to another choice of what to train");
  }
  for (size_t i = 0; i < trainer.trainable().size(); ++i) {
    const ParameterId id = trainer.trainable()[i];
    const std::string& name = table[id].name;
    CopyTensor(file, name, trainer.model().weights.Writable(id));
    CopyTensor(file, name + kStateSuffix, trainer.OptimizerState(id));
    if (average != nullptr && has_average) {
      CopyTensor(file, name + kAverageSuffix, average->Values(i));
    }
  }
  if (average != nullptr && has_average) average->set_updates(average_updates);
  if (average != nullptr && !has_average) average->StartFromModel();
  trainer.set_step(step);
  auto metadata = file.metadata();
  metadata.erase(kStepKey);
  metadata.erase(kAverageKey);
  return metadata;
}

}  // namespace masr
