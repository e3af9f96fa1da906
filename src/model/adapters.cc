#include "model/adapters.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

namespace masr {
namespace {

using Json = nlohmann::json;

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

// The list of layers with "adapter" where `encoder`, made of it, has one; if one is new, entries
// that are alike stand together again.
std::string WithAdaptersOf(const Encoder& encoder, const std::string& encoder_json, int64_t width) {
  Json list = Json::array();
  size_t block = 0;
  bool added = false;
  for (const Json& entry : Json::parse(encoder_json)) {
    const int64_t repeat = entry.value("repeat", int64_t{1});
    for (int64_t i = 0; i < repeat; ++i, ++block) {
      Json one = entry;
      one.erase("repeat");
      const EncoderBlock& made = encoder.blocks()[block];
      if (made.adapter != made.end && one.value("adapter", int64_t{0}) == 0) {
        one["adapter"] = width;
        added = true;
      }
      Json last = list.empty() ? Json::object() : list.back();
      const int64_t times = last.value("repeat", int64_t{1});
      last.erase("repeat");
      if (last == one) {
        list.back()["repeat"] = times + 1;
      } else {
        list.push_back(std::move(one));
      }
    }
  }
  return added ? list.dump() : encoder_json;
}

// The model's network becomes `encoder`, its new parameters what `seed` draws.
void MoveInto(Encoder encoder, uint64_t seed, Model& model) {
  model.weights =
      std::move(model.weights).MoveTo(model.encoder.parameters(), encoder.parameters(), seed);
  model.encoder = std::move(encoder);
}

Status AddResidualAdapters(Model& model, const AdapterShape& shape, uint64_t seed) {
  if (shape.width == 0) return {};
  const AdapterShape& has = model.encoder.adapters();
  MASR_TRY(Encoder wider,
           Encoder::Create(model.config, {.width = shape.width, .first_block = shape.first_block}));
  ModelConfig config = model.config;
  config.encoder_json = WithAdaptersOf(wider, config.encoder_json, shape.width);
  if (config.encoder_json == model.config.encoder_json) return {};
  MASR_TRY(Encoder encoder, Encoder::Create(config, has));
  model.config = std::move(config);
  MoveInto(std::move(encoder), seed, model);
  return {};
}

Status SetPairs(Model& model, const AdapterShape& shape, uint64_t seed) {
  if (shape == model.encoder.adapters()) return {};
  MASR_TRY(Encoder encoder, Encoder::Create(model.config, shape));
  const ParameterTable& from = model.encoder.parameters();
  for (ParameterId id = 0; id < from.size(); ++id) {
    if (!HasPair(from, id) || !HasLearned(model, id)) continue;
    model.weights.MakeWritable(id);
    AddPair(model, id, model.weights.Writable(id));
  }
  // Names alone would keep pairs whose rank is another one.
  if (model.encoder.adapters().any() && shape.any()) {
    MASR_TRY(Encoder plain, Encoder::Create(model.config));
    MoveInto(std::move(plain), seed, model);
  }
  MoveInto(std::move(encoder), seed, model);
  return {};
}

}  // namespace

std::vector<float> MergedValues(const Model& model, ParameterId id) {
  std::vector<float> values = model.weights.ToFloat(id);
  if (HasPair(model.encoder.parameters(), id)) AddPair(model, id, values);
  return values;
}

Status SetAdapters(Model& model, const AdapterShape& shape, uint64_t seed) {
  if (shape.rank < 0 || shape.width < 0) {
    return Fail(ErrorCode::kInvalidArgument,
                "a LoRA rank and the width of an adapter must be at least 1");
  }
  MASR_RETURN_IF_ERROR(AddResidualAdapters(model, shape, seed));
  return SetPairs(model, {.rank = shape.rank, .first_block = shape.first_block}, seed);
}

}  // namespace masr
