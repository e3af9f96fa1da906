#include "model/weights.h"

#include <cmath>
#include <cstring>
#include <map>
#include <string_view>
#include <utility>

#include "base/rng.h"
#include "tensor/decode_floats.h"
#include "tensor/quantize.h"

namespace masr {
namespace {

// Limit of the uniform distribution that gives the init's variance.
double UniformBound(const ParameterSpec& spec) {
  const auto fan_in = static_cast<double>(spec.fan_in);
  switch (spec.init) {
    case Init::kUniformFanIn:
      return std::sqrt(3.0 / fan_in);
    case Init::kBranchOut:
      return 0.1 * std::sqrt(3.0 / fan_in);
    case Init::kReluFanIn:
      return std::sqrt(6.0 / fan_in);
    case Init::kRecurrent:
      return 1.0 / std::sqrt(fan_in);
    default:
      return 0.0;
  }
}

std::vector<float> InitialValues(const ParameterTable& table, ParameterId id, uint64_t seed) {
  const ParameterSpec& spec = table[id];
  std::vector<float> values(static_cast<size_t>(spec.elements()),
                            spec.init == Init::kOnes ? 1.0f : 0.0f);
  if (const double bound = UniformBound(spec); bound > 0) {
    Rng rng(MixKeys(seed, static_cast<uint64_t>(id)));
    for (float& v : values) v = static_cast<float>(rng.Uniform(-bound, bound));
  }
  return values;
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  return text + "]";
}

bool IsAligned(const void* data, size_t alignment) {
  return reinterpret_cast<uintptr_t>(data) % alignment == 0;
}

}  // namespace

Weights Weights::Initialize(const ParameterTable& table, uint64_t seed) {
  Weights weights;
  for (ParameterId id = 0; id < table.size(); ++id) {
    const ParameterSpec& spec = table[id];
    weights.owned_.push_back(InitialValues(table, id, seed));
    weights.views_.push_back(F32Weight(weights.owned_.back().data(), spec.rows(), spec.cols()));
  }
  return weights;
}

Weights Weights::MoveTo(const ParameterTable& from, const ParameterTable& to, uint64_t seed) && {
  std::map<std::string_view, ParameterId> ids;
  for (ParameterId id = 0; id < from.size(); ++id) ids[from[id].name] = id;
  Weights moved;
  moved.file_ = file_;
  for (ParameterId id = 0; id < to.size(); ++id) {
    const ParameterSpec& spec = to[id];
    if (const auto found = ids.find(spec.name); found != ids.end()) {
      moved.views_.push_back(views_[found->second]);
      moved.owned_.push_back(std::move(owned_[found->second]));
      continue;
    }
    moved.owned_.push_back(InitialValues(to, id, seed));
    moved.views_.push_back(F32Weight(moved.owned_.back().data(), spec.rows(), spec.cols()));
  }
  return moved;
}

Result<Weights> Weights::FromFile(const ParameterTable& table,
                                  std::shared_ptr<const SafetensorsFile> file) {
  Weights weights;
  for (ParameterId id = 0; id < table.size(); ++id) {
    const ParameterSpec& spec = table[id];
    const TensorEntry* entry = file->Find(spec.name);
    if (entry == nullptr) {
      return Fail(ErrorCode::kCorrupt,
                  "tensor '" + spec.name + "' is missing; the file does not hold this model");
    }
    if (entry->shape != spec.shape) {
      return Fail(ErrorCode::kCorrupt, "tensor '" + spec.name + "' has shape " +
                                           ShapeText(entry->shape) + " but the model needs " +
                                           ShapeText(spec.shape));
    }
    WeightView view = F32Weight(nullptr, spec.rows(), spec.cols());
    std::vector<float> owned;
    const uint8_t* data = entry->bytes.data();
    if (entry->dtype == DType::kI8 && spec.matrix) {
      const TensorEntry* scales = file->Find(spec.name + ".scales");
      if (scales == nullptr || scales->dtype != DType::kF32 ||
          scales->shape != std::vector<int64_t>{spec.rows()} ||
          !IsAligned(scales->bytes.data(), alignof(float))) {
        return Fail(ErrorCode::kCorrupt, "tensor '" + spec.name +
                                             ".scales' must be F32 with one value per row of '" +
                                             spec.name + "'");
      }
      view.type = WeightType::kInt8;
      view.data = data;
      view.scales = reinterpret_cast<const float*>(scales->bytes.data());
    } else if (entry->dtype == DType::kBf16 && spec.matrix && IsAligned(data, 2)) {
      view.type = WeightType::kBf16;
      view.data = data;
    } else if (entry->dtype == DType::kF32 && IsAligned(data, alignof(float))) {
      view.data = data;
    } else if (IsFloat(entry->dtype)) {
      owned = DecodeFloats(*entry);
      view.data = owned.data();
    } else {
      return Fail(ErrorCode::kCorrupt, "tensor '" + spec.name + "' is stored as " +
                                           std::string(DTypeName(entry->dtype)) +
                                           ", which is not understood for it");
    }
    weights.owned_.push_back(std::move(owned));
    weights.views_.push_back(view);
  }
  weights.file_ = std::move(file);
  return weights;
}

Weights Weights::Clone() const {
  Weights copy;
  copy.views_ = views_;
  copy.owned_ = owned_;
  copy.file_ = file_;
  for (size_t i = 0; i < copy.views_.size(); ++i) {
    if (!copy.owned_[i].empty()) copy.views_[i].data = copy.owned_[i].data();
  }
  return copy;
}

void Weights::MakeWritable(ParameterId id) {
  if (IsWritable(id)) return;
  owned_[id] = ToFloat(id);
  WeightView& view = views_[id];
  view = F32Weight(owned_[id].data(), view.rows, view.cols);
}

std::vector<float> Weights::ToFloat(ParameterId id) const {
  const WeightView& view = views_[id];
  std::vector<float> values(static_cast<size_t>(view.rows * view.cols));
  for (int64_t r = 0; r < view.rows; ++r) {
    for (int64_t c = 0; c < view.cols; ++c) {
      const int64_t from = r * view.stride + c;
      float& to = values[static_cast<size_t>(r * view.cols + c)];
      switch (view.type) {
        case WeightType::kF32:
          to = static_cast<const float*>(view.data)[from];
          break;
        case WeightType::kBf16:
          to = Bf16ToFloat(static_cast<const uint16_t*>(view.data)[from]);
          break;
        case WeightType::kInt8:
          to = view.scales[r] * static_cast<float>(static_cast<const int8_t*>(view.data)[from]);
          break;
      }
    }
  }
  return values;
}

int64_t Weights::StoredBytes() const {
  int64_t bytes = 0;
  for (const WeightView& view : views_) {
    const int64_t n = view.rows * view.cols;
    switch (view.type) {
      case WeightType::kF32:
        bytes += 4 * n;
        break;
      case WeightType::kBf16:
        bytes += 2 * n;
        break;
      case WeightType::kInt8:
        bytes += n + 4 * view.rows;
        break;
    }
  }
  return bytes;
}

}  // namespace masr
