#include "model/adapters.h"

#include <algorithm>
#include <span>

namespace masr {
namespace {

// Whether `id` is a matrix with a pair: A is the next parameter, B the one after it.
bool HasPair(const ParameterTable& table, ParameterId id) {
  return id + 2 < table.size() && table[id + 1].adapts == id;
}

// values += (alpha / r) B A.
void AddPair(const Model& model, ParameterId id, std::span<float> values) {
  const ParameterTable& table = model.encoder.parameters();
  const std::vector<float> a = model.weights.ToFloat(id + 1);
  const std::vector<float> b = model.weights.ToFloat(id + 2);
  const auto rank = static_cast<size_t>(table[id + 1].rows());
  const auto cols = static_cast<size_t>(table[id].cols());
  const float scale = LoraScale(table[id + 1].rows());
  for (size_t row = 0; row * cols < values.size(); ++row) {
    const std::span<float> w = values.subspan(row * cols, cols);
    for (size_t r = 0; r < rank; ++r) {
      const float factor = scale * b[row * rank + r];
      for (size_t c = 0; c < cols; ++c) w[c] += factor * a[r * cols + c];
    }
  }
}

bool HasLearned(const Model& model, ParameterId id) {
  const std::vector<float> b = model.weights.ToFloat(id + 2);
  return std::any_of(b.begin(), b.end(), [](float v) { return v != 0; });
}

}  // namespace

std::vector<float> MergedValues(const Model& model, ParameterId id) {
  std::vector<float> values = model.weights.ToFloat(id);
  if (HasPair(model.encoder.parameters(), id)) AddPair(model, id, values);
  return values;
}

Status SetAdapters(Model& model, const AdapterShape& shape, uint64_t seed) {
  if (shape == model.encoder.adapters()) return {};
  if (shape.rank < 0) {
    return Fail(ErrorCode::kInvalidArgument, "a LoRA rank must be at least 1");
  }
  MASR_TRY(Encoder encoder, Encoder::Create(model.config, shape));
  const ParameterTable& from = model.encoder.parameters();
  for (ParameterId id = 0; id < from.size(); ++id) {
    if (!HasPair(from, id) || !HasLearned(model, id)) continue;
    model.weights.MakeWritable(id);
    AddPair(model, id, model.weights.Writable(id));
  }
  // Names alone would keep pairs whose rank is another one.
  if (model.encoder.adapters().rank != 0 && shape.rank != 0) {
    MASR_TRY(Encoder plain, Encoder::Create(model.config));
    model.weights = std::move(model.weights).MoveTo(from, plain.parameters(), seed);
    model.encoder = std::move(plain);
  }
  model.weights =
      std::move(model.weights).MoveTo(model.encoder.parameters(), encoder.parameters(), seed);
  model.encoder = std::move(encoder);
  return {};
}

}  // namespace masr
