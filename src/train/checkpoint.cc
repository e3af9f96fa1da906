#include "train/checkpoint.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "base/hash.h"
#include "base/number_text.h"
#include "io/safetensors.h"

namespace masr {
namespace {

constexpr const char* kStepKey = "checkpoint.step";
constexpr const char* kAverageKey = "checkpoint.ema_updates";
constexpr const char* kHashKey = "checkpoint.hash";
constexpr const char* kStateSuffix = ".optimizer";
constexpr const char* kAverageSuffix = ".ema";

std::span<const uint8_t> AsBytes(std::span<const float> values) {
  return {reinterpret_cast<const uint8_t*>(values.data()), values.size_bytes()};
}

// Of everything in the file but itself. By name: a file has its tensors in an order of its own.
// `done` is told of each that will not be read again.
std::string HashOf(std::vector<TensorEntry> entries,
                   const std::map<std::string, std::string>& metadata,
                   const std::function<void(const TensorEntry&)>& done) {
  std::ranges::sort(entries, {}, &TensorEntry::name);
  Fnv1a hash;
  for (const auto& [key, text] : metadata) {
    if (key == kHashKey) continue;
    hash.Add(key);
    hash.Add(text);
  }
  for (const TensorEntry& entry : entries) {
    hash.Add(entry.name);
    const std::span<const uint8_t> bytes = entry.bytes;
    const size_t whole = bytes.size() / sizeof(uint64_t) * sizeof(uint64_t);
    for (size_t i = 0; i < whole; i += sizeof(uint64_t)) {
      uint64_t unit;
      std::memcpy(&unit, bytes.data() + i, sizeof(unit));
      hash.AddUnit(unit);
    }
    hash.Add(bytes.subspan(whole));
    done(entry);
  }
  return hash.Text();
}

// A checkpoint from before there were hashes has none, and passes.
Status CheckHash(const SafetensorsFile& file) {
  const auto found = file.metadata().find(kHashKey);
  if (found == file.metadata().end()) return {};
  const auto release = [&](const TensorEntry& entry) { file.Release(entry); };
  if (found->second == HashOf(file.tensors(), file.metadata(), release)) return {};
  return Fail(ErrorCode::kCorrupt,
              "its bytes are not those that were written (a failing disk or memory?); remove it to "
              "begin again from the last model that was saved");
}

// -1 if there is none.
int64_t ReadCount(const SafetensorsFile& file, const char* key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) return -1;
  return ParseInteger<int64_t>(found->second).value_or(-1);
}

// Floats as what they are, anything else as bytes.
DType StateType(const Trainer& trainer) {
  return trainer.StateIsFloats() ? DType::kF32 : DType::kU8;
}

Status CheckTensor(const SafetensorsFile& file, const std::string& name, DType dtype,
                   size_t bytes) {
  const TensorEntry* entry = file.Find(name);
  if (entry == nullptr || entry->dtype != dtype || entry->bytes.size() != bytes) {
    return Fail(ErrorCode::kCorrupt, "tensor '" + name +
                                         "' is missing or of another size; this checkpoint belongs "
                                         "to another model or another choice of what to train");
  }
  return {};
}
Status CheckFloats(const SafetensorsFile& file, const std::string& name, size_t elements) {
  return CheckTensor(file, name, DType::kF32, elements * sizeof(float));
}

// Each is in memory twice only while it is copied.
template <class T>
void CopyTensor(const SafetensorsFile& file, const std::string& name, std::span<T> to) {
  const TensorEntry& entry = *file.Find(name);
  std::memcpy(to.data(), entry.bytes.data(), to.size_bytes());
  file.Release(entry);
}

}  // namespace

Status SaveCheckpoint(Trainer& trainer, WeightAverage* average,
                      const std::map<std::string, std::string>& metadata, const std::string& path,
                      std::span<const CheckpointValues> more) {
  const ParameterTable& table = trainer.model().encoder.parameters();
  std::vector<TensorEntry> entries;
  for (size_t i = 0; i < trainer.trainable().size(); ++i) {
    const ParameterId id = trainer.trainable()[i];
    const ParameterSpec& spec = table[id];
    const std::span<uint8_t> state = trainer.OptimizerState(id);
    const DType state_type = StateType(trainer);
    entries.push_back(
        {spec.name, DType::kF32, spec.shape, AsBytes(trainer.model().weights.Writable(id))});
    entries.push_back({spec.name + kStateSuffix,
                       state_type,
                       {static_cast<int64_t>(state.size() / DTypeBytes(state_type))},
                       state});
    const auto add = [&](const std::string& suffix, std::span<const float> values) {
      entries.push_back({spec.name + suffix, DType::kF32, spec.shape, AsBytes(values)});
    };
    if (average != nullptr) add(kAverageSuffix, average->Values(i));
    for (const CheckpointValues& set : more) add(set.suffix, set.values->Values(i));
  }
  auto all = metadata;
  all[kStepKey] = std::to_string(trainer.step());
  if (average != nullptr) all[kAverageKey] = std::to_string(average->updates());
  all[kHashKey] = HashOf(entries, all, [](const TensorEntry&) {});
  return WriteSafetensors(path, entries, all);
}

Result<std::map<std::string, std::string>> LoadCheckpoint(const std::string& path, Trainer& trainer,
                                                          WeightAverage* average,
                                                          std::span<const CheckpointValues> more) {
  MASR_TRY(const SafetensorsFile file, SafetensorsFile::Open(path));
  const ParameterTable& table = trainer.model().encoder.parameters();
  const int64_t step = ReadCount(file, kStepKey);
  if (step < 0) {
    return Fail(ErrorCode::kCorrupt, path + ": not a checkpoint (no step number in its metadata)");
  }
  if (auto status = CheckHash(file); !status.has_value()) {
    return Fail(path, std::move(status.error()));
  }
  const int64_t average_updates = ReadCount(file, kAverageKey);
  const bool has_average = average_updates >= 0;
  for (ParameterId id : trainer.trainable()) {
    const std::string& name = table[id].name;
    const size_t elements = trainer.model().weights.Writable(id).size();
    auto status = CheckFloats(file, name, elements);
    if (status.has_value()) {
      status = CheckTensor(file, name + kStateSuffix, StateType(trainer),
                           trainer.OptimizerState(id).size());
    }
    if (status.has_value() && has_average) {
      status = CheckFloats(file, name + kAverageSuffix, elements);
    }
    for (const CheckpointValues& set : more) {
      if (status.has_value()) status = CheckFloats(file, name + set.suffix, elements);
    }
    if (!status.has_value()) return Fail(path, std::move(status.error()));
  }
  if (file.tensors().size() != ((has_average ? 3 : 2) + more.size()) * trainer.trainable().size()) {
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
    for (const CheckpointValues& set : more) {
      CopyTensor(file, name + set.suffix, set.values->Values(i));
    }
  }
  if (average != nullptr && has_average) average->set_updates(average_updates);
  if (average != nullptr && !has_average) average->StartFromModel();
  trainer.set_step(step);
  auto metadata = file.metadata();
  metadata.erase(kStepKey);
  metadata.erase(kAverageKey);
  metadata.erase(kHashKey);
  return metadata;
}

}  // namespace masr
