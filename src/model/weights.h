// The values of a model's parameters: frozen ones as stored (f32, bf16, int8; owned or mapped from
// a file), trainable ones as f32 that the optimizer writes.
#ifndef MOBILEASR_MODEL_WEIGHTS_H_
#define MOBILEASR_MODEL_WEIGHTS_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/safetensors.h"
#include "layers/parameter.h"

namespace masr {

class Weights {
 public:
  // Random values as the table's specs say; the same for the same seed.
  static Weights Initialize(const ParameterTable& table, uint64_t seed);

  // Views into `file`, which is kept alive. Every parameter must be there with its shape: F32, BF16
  // or F16 (converted), or for matrices I8 with "<name>.scales". The error names the tensor.
  static Result<Weights> FromFile(const ParameterTable& table,
                                  std::shared_ptr<const SafetensorsFile> file);

  // Move-only: views point into what it owns. Clone() copies the values (mapped ones stay shared).
  Weights(Weights&&) = default;
  Weights& operator=(Weights&&) = default;
  Weights Clone() const;

  // These values under another table: what both tables name moves along, what only `to` names gets
  // the values that Initialize would give it, and the rest is dropped. Nothing is copied.
  Weights MoveTo(const ParameterTable& from, const ParameterTable& to, uint64_t seed) &&;

  ParameterViews views() const { return {views_}; }

  // Makes f32 copies of what is not yet owned f32, so that it can be written. Idempotent.
  void MakeWritable(ParameterId id);
  // The values of a writable parameter.
  std::span<float> Writable(ParameterId id) { return owned_[id]; }
  std::span<const float> Values(ParameterId id) const { return owned_[id]; }
  bool IsWritable(ParameterId id) const { return !owned_[id].empty(); }

  // As f32, whatever the storage.
  std::vector<float> ToFloat(ParameterId id) const;

  // Bytes of the stored values, mapped ones included.
  int64_t StoredBytes() const;

 private:
  Weights() = default;

  std::vector<WeightView> views_;
  std::vector<std::vector<float>> owned_;  // empty where the value is only mapped
  std::shared_ptr<const SafetensorsFile> file_;
};

}  // namespace masr

#endif  // MOBILEASR_MODEL_WEIGHTS_H_
