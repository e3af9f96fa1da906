// Parameters as a table, weights as arrays, the model as a file.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <span>
#include <string_view>

#include "capi/model_handle.h"
#include "capi/structs.h"

namespace masr::capi {
namespace {

constexpr size_t kMostDifferences = 5;  // in a message; one is seldom alone

int32_t DTypeOf(WeightType type) {
  switch (type) {
    case WeightType::kBf16:
      return MASR_BF16;
    case WeightType::kInt8:
      return MASR_I8;
    default:
      return MASR_F32;
  }
}

int64_t StoredBytes(const WeightView& view, const ParameterSpec& spec) {
  switch (view.type) {
    case WeightType::kBf16:
      return 2 * spec.elements();
    case WeightType::kInt8:
      return spec.elements() + static_cast<int64_t>(sizeof(float)) * spec.rows();
    default:
      return static_cast<int64_t>(sizeof(float)) * spec.elements();
  }
}

void SetShape(const std::vector<int64_t>& shape, int32_t& rank, int64_t (&to)[MASR_MAX_RANK]) {
  rank = static_cast<int32_t>(std::min<size_t>(shape.size(), MASR_MAX_RANK));
  std::ranges::fill(to, 1);
  std::copy_n(shape.begin(), rank, to);
}

std::string ShapeText(std::span<const int64_t> shape) {
  std::string text;
  for (int64_t d : shape) text += (text.empty() ? "[" : ", ") + std::to_string(d);
  return text.empty() ? "[]" : text + "]";
}

size_t BlockOf(const Encoder& encoder, ParameterId id) {
  const auto& blocks = encoder.blocks();
  const auto block =
      std::ranges::find_if(blocks, [id](const EncoderBlock& b) { return id < b.end; });
  return static_cast<size_t>(block - blocks.begin());
}

// A weight that is given, against what is here; empty if they are alike.
std::string Difference(const ParameterSpec& spec, const masr_tensor& given) {
  const std::string name = "'" + spec.name + "'";
  if (given.dtype != MASR_F32) return name + " must be MASR_F32";
  if (given.rank < 0 || given.rank > MASR_MAX_RANK) {
    return name + " has a rank of " + std::to_string(given.rank);
  }
  const std::span<const int64_t> shape(given.shape, static_cast<size_t>(given.rank));
  if (!std::ranges::equal(shape, spec.shape)) {
    return name + " is " + ShapeText(spec.shape) + " here and " + ShapeText(shape) +
           " in what was given";
  }
  if (given.data == nullptr ||
      given.bytes != sizeof(float) * static_cast<size_t>(spec.elements())) {
    return name + " " + ShapeText(spec.shape) + " has " +
           std::to_string(given.data == nullptr ? 0 : given.bytes) + " bytes of data instead of " +
           std::to_string(sizeof(float) * static_cast<size_t>(spec.elements()));
  }
  const std::span<const float> values(static_cast<const float*>(given.data),
                                      static_cast<size_t>(spec.elements()));
  const auto bad = std::ranges::find_if(values, [](float v) { return !std::isfinite(v); });
  if (bad == values.end()) return {};
  return name + " " + ShapeText(spec.shape) + ": value " + std::to_string(bad - values.begin()) +
         " is not a finite number";
}

Outcome GetWeights(Learner& learner, masr_tensor* tensors, size_t* count) {
  if (count == nullptr) return Fail(ErrorCode::kInvalidArgument, "count must not be NULL");
  MASR_RETURN_IF_ERROR(learner.EnsureConfigured());
  const std::vector<ParameterId> learning = learner.Learning();
  const size_t room = *count;
  *count = learning.size();
  if (tensors == nullptr) return MASR_OK;
  if (room < learning.size()) return MASR_BUFFER_TOO_SMALL;
  bool fits = true;
  for (size_t i = 0; i < learning.size(); ++i) {
    const ParameterSpec& spec = learner.model().encoder.parameters()[learning[i]];
    const std::span<const float> values = learner.Values(learning[i]);
    masr_tensor& to = tensors[i];
    to.name = spec.name.c_str();
    to.dtype = MASR_F32;
    SetShape(spec.shape, to.rank, to.shape);
    const bool enough = to.bytes >= values.size_bytes();
    to.bytes = values.size_bytes();
    if (to.data != nullptr && enough) std::memcpy(to.data, values.data(), values.size_bytes());
    fits = fits && (to.data == nullptr || enough);
  }
  return fits ? MASR_OK : MASR_BUFFER_TOO_SMALL;
}

Status SetWeights(Learner& learner, const masr_tensor* tensors, size_t count) {
  if (tensors == nullptr) return Fail(ErrorCode::kInvalidArgument, "tensors must not be NULL");
  MASR_RETURN_IF_ERROR(learner.EnsureConfigured());
  const ParameterTable& table = learner.model().encoder.parameters();
  std::map<std::string_view, const masr_tensor*> given;
  std::vector<std::string> differences;
  for (size_t i = 0; i < count; ++i) {
    if (tensors[i].name == nullptr) {
      return Fail(ErrorCode::kInvalidArgument, "weight " + std::to_string(i) + " has no name");
    }
    if (!given.emplace(tensors[i].name, &tensors[i]).second) {
      differences.push_back("'" + std::string(tensors[i].name) + "' was given twice");
    }
  }
  const std::vector<ParameterId> learning = learner.Learning();
  for (ParameterId id : learning) {
    const auto found = given.find(table[id].name);
    if (found == given.end()) {
      differences.push_back("'" + table[id].name + "' " + ShapeText(table[id].shape) +
                            " is missing");
      continue;
    }
    std::string difference = Difference(table[id], *found->second);
    if (!difference.empty()) differences.push_back(std::move(difference));
    found->second = nullptr;
  }
  for (const auto& [name, tensor] : given) {
    if (tensor == nullptr || std::ranges::any_of(learning, [&, n = name](ParameterId id) {
          return table[id].name == n;
        })) {
      continue;
    }
    const auto rank = static_cast<size_t>(std::clamp(tensor->rank, 0, MASR_MAX_RANK));
    differences.push_back("'" + std::string(name) + "' " + ShapeText({tensor->shape, rank}) +
                          " was given and does not learn here");
  }
  if (!differences.empty()) {
    std::string message = "the weights do not fit, and none was set: ";
    for (size_t i = 0; i < std::min(differences.size(), kMostDifferences); ++i) {
      message += (i == 0 ? "" : "; ") + differences[i];
    }
    if (differences.size() > kMostDifferences) {
      message += "; and " + std::to_string(differences.size() - kMostDifferences) + " more";
    }
    return Fail(ErrorCode::kInvalidArgument, message);
  }
  for (size_t i = 0; i < count; ++i) {
    const auto id = *std::ranges::find_if(
        learning, [&](ParameterId learns) { return table[learns].name == tensors[i].name; });
    learner.SetValues(id, {static_cast<const float*>(tensors[i].data),
                           static_cast<size_t>(table[id].elements())});
  }
  return {};
}

Result<WeightFormat> FormatFrom(int32_t format) {
  switch (format) {
    case MASR_FORMAT_AS_STORED:
      return WeightFormat::kAsStored;
    case MASR_FORMAT_F32:
      return WeightFormat::kF32;
    case MASR_FORMAT_BF16:
      return WeightFormat::kBf16;
    case MASR_FORMAT_INT8:
      return WeightFormat::kInt8;
    default:
      return Fail(ErrorCode::kInvalidArgument,
                  "format " + std::to_string(format) + " is not one of masr_format (0 to 3)");
  }
}

}  // namespace

Result<masr_parameter> ParameterAt(const Learner& learner, size_t index) {
  const Encoder& encoder = learner.model().encoder;
  if (index >= static_cast<size_t>(encoder.parameters().size())) {
    return Fail(ErrorCode::kNotFound, "no parameter " + std::to_string(index) + "; there are " +
                                          std::to_string(encoder.parameters().size()));
  }
  const auto id = static_cast<ParameterId>(index);
  const ParameterSpec& spec = encoder.parameters()[id];
  const WeightView& view = learner.model().weights.views().weights[index];
  const size_t block = BlockOf(encoder, id);
  masr_parameter parameter = {.struct_size = sizeof(masr_parameter)};
  parameter.name = spec.name.c_str();
  parameter.dtype = DTypeOf(view.type);
  SetShape(spec.shape, parameter.rank, parameter.shape);
  parameter.bytes = StoredBytes(view, spec);
  parameter.trainable = !spec.trainable ? -1 : learner.Learns(id) ? 1 : 0;
  parameter.block = static_cast<int32_t>(block);
  parameter.block_name = encoder.blocks()[block].name.c_str();
  parameter.training_bytes = learner.TrainingBytes(id);
  if (learner.profile()) {
    const BlockCost& cost = learner.profile()->blocks[block];
    const bool whole = learner.options().candidate.tuning == Tuning::kFull;
    parameter.block_forward_seconds = cost.forward.speech_s;
    parameter.block_backward_seconds =
        whole ? cost.backward.speech_s : cost.vector_backward.speech_s;
    parameter.update_seconds =
        spec.trainable ? learner.profile()->update_s * static_cast<double>(spec.elements()) : 0;
  }
  return parameter;
}

}  // namespace masr::capi

using namespace masr::capi;  // NOLINT(google-build-using-namespace): this file is its border
using masr::ErrorCode;
using masr::Fail;
using masr::Status;

masr_status masr_parameter_at(masr_model* model, size_t index, masr_parameter* parameter) {
  return EnterPlain(model, [&]() -> Status {
    MASR_TRY(const Learner* learner, Ready(*model));
    MASR_RETURN_IF_ERROR(CheckSize(parameter, "masr_parameter"));
    MASR_TRY(const masr_parameter found, ParameterAt(*learner, index));
    WriteStruct(found, parameter);
    return {};
  });
}

masr_status masr_get_weights(masr_model* model, masr_tensor* tensors, size_t* count) {
  return Enter(model, [&]() -> Outcome {
    MASR_TRY(Learner * learner, Ready(*model));
    return GetWeights(*learner, tensors, count);
  });
}

masr_status masr_set_weights(masr_model* model, const masr_tensor* tensors, size_t count) {
  return EnterPlain(model, [&]() -> Status {
    MASR_TRY(Learner * learner, Ready(*model));
    return SetWeights(*learner, tensors, count);
  });
}

masr_status masr_export(masr_model* model, const char* path, int32_t format) {
  return EnterPlain(model, [&]() -> Status {
    MASR_TRY(const Learner* learner, Ready(*model));
    if (path == nullptr || *path == '\0') {
      return Fail(ErrorCode::kInvalidArgument, "a path must not be NULL or empty");
    }
    MASR_TRY(const masr::WeightFormat wanted, FormatFrom(format));
    return masr::SaveModel(learner->model(), wanted, path);
  });
}
