#include "convert/tensor_map.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "tensor/decode_floats.h"

namespace masr {
namespace {

constexpr size_t kNamed = 5;  // of a long list, in a message

std::string ShapeText(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  return text + "]";
}

int64_t Elements(const std::vector<int64_t>& shape) {
  int64_t n = 1;
  for (const int64_t d : shape) n *= d;
  return n;
}

// The product of all but the first two: a convolution's taps.
int64_t Taps(const std::vector<int64_t>& shape) { return Elements(shape) / (shape[0] * shape[1]); }

std::string List(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size() && i < kNamed; ++i) {
    text += (i == 0 ? "'" : ", '") + names[i] + "'";
  }
  if (names.size() > kNamed) text += " and " + std::to_string(names.size() - kNamed) + " more";
  return text;
}

// [out, a, b] to [out, b, a].
std::vector<float> SwapLast(int64_t out, int64_t a, int64_t b, const std::vector<float>& from) {
  std::vector<float> to(from.size());
  for (int64_t o = 0; o < out; ++o) {
    for (int64_t i = 0; i < a; ++i) {
      for (int64_t j = 0; j < b; ++j) to[(o * b + j) * a + i] = from[(o * a + i) * b + j];
    }
  }
  return to;
}

// Of `shape` [out, in, taps]: to [out, taps, in], and back.
std::vector<float> ChannelsLast(const std::vector<int64_t>& shape, const std::vector<float>& from) {
  return SwapLast(shape[0], shape[1], Taps(shape), from);
}
std::vector<float> ChannelsFirst(const std::vector<int64_t>& shape,
                                 const std::vector<float>& from) {
  return SwapLast(shape[0], Taps(shape), shape[1], from);
}

// |v| of each tap, over out and in: [taps].
std::vector<double> TapNorms(const std::vector<float>& v, int64_t taps) {
  std::vector<double> norms(static_cast<size_t>(taps));
  for (size_t i = 0; i < v.size(); ++i) {
    norms[i % static_cast<size_t>(taps)] += static_cast<double>(v[i]) * v[i];
  }
  for (double& norm : norms) norm = std::sqrt(norm);
  return norms;
}

std::vector<float> FoldWeightNorm(const std::vector<int64_t>& shape, const std::vector<float>& g,
                                  std::vector<float> v) {
  const auto taps = static_cast<size_t>(Taps(shape));
  const std::vector<double> norms = TapNorms(v, static_cast<int64_t>(taps));
  for (size_t i = 0; i < v.size(); ++i) {
    const double norm = norms[i % taps];
    v[i] = norm > 0 ? static_cast<float>(v[i] * (g[i % taps] / norm)) : 0.0f;
  }
  return ChannelsLast(shape, v);
}

const std::vector<int64_t>& Viewed(const TensorMap& map) {
  return map.viewed.empty() ? map.shapes[0] : map.viewed;
}

// Floats of one of ours' elements per row of theirs.
int64_t RowWidth(const TensorMap& map) { return Elements(map.shapes[0]) / map.shapes[0][0]; }

Status CheckOne(const TensorEntry* entry, const std::string& name,
                const std::vector<int64_t>& shape) {
  if (entry == nullptr) {
    return Fail(ErrorCode::kCorrupt, "tensor '" + name + "' is missing");
  }
  if (entry->shape != shape) {
    return Fail(ErrorCode::kCorrupt, "tensor '" + name + "' has shape " + ShapeText(entry->shape) +
                                         " but the configuration says " + ShapeText(shape));
  }
  if (!IsFloat(entry->dtype)) {
    return Fail(ErrorCode::kUnsupported, "tensor '" + name + "' is stored as " +
                                             std::string(DTypeName(entry->dtype)) +
                                             "; save the model as float32, float16 or bfloat16");
  }
  return {};
}

bool MayBeLeft(const std::string& name, const std::vector<std::string>& ends) {
  return std::ranges::any_of(ends, [&](const std::string& end) { return name.ends_with(end); });
}

std::vector<float> ReadUnscaled(const TensorMap& map, const SafetensorsFile& file) {
  const auto values_of = [&](size_t i) { return DecodeFloats(*file.Find(map.theirs[i])); };
  std::vector<float> values = values_of(0);
  switch (map.layout) {
    case Layout::kSame:
      break;
    case Layout::kStackedRows:
      for (size_t i = 1; i < map.theirs.size(); ++i) {
        const std::vector<float> more = values_of(i);
        values.insert(values.end(), more.begin(), more.end());
      }
      break;
    case Layout::kChannelsLast:
      return ChannelsLast(Viewed(map), values);
    case Layout::kWeightNorm:
      return FoldWeightNorm(map.shapes[1], values, values_of(1));
    case Layout::kTokens: {
      const int64_t width = RowWidth(map);
      std::vector<float> kept;
      for (const int64_t row : map.rows) {
        kept.insert(kept.end(), values.begin() + row * width, values.begin() + (row + 1) * width);
      }
      return kept;
    }
  }
  return values;
}

std::vector<float> Scaled(std::vector<float> values, float scale) {
  if (scale != 1) {
    for (float& value : values) value *= scale;
  }
  return values;
}

}  // namespace

Status CheckMaps(const ParameterTable& table, const std::vector<TensorMap>& maps) {
  std::set<std::string_view> mapped;
  for (const TensorMap& map : maps) mapped.insert(map.ours);
  for (const ParameterSpec& spec : table.specs()) {
    if (mapped.contains(spec.name)) continue;
    return Fail(ErrorCode::kUnsupported, "no tensor is known for the parameter '" + spec.name +
                                             "'; this converter does not know the model");
  }
  for (const ParameterSpec& spec : table.specs()) {
    const auto map = std::ranges::find(maps, spec.name, &TensorMap::ours);
    int64_t elements = 0;
    for (const auto& shape : map->shapes) elements += Elements(shape);
    if (map->layout == Layout::kWeightNorm) elements = Elements(map->shapes[1]);
    if (map->layout == Layout::kTokens) {
      elements = static_cast<int64_t>(map->rows.size()) * RowWidth(*map);
    }
    if (elements != spec.elements()) {
      return Fail(ErrorCode::kUnsupported,
                  "the parameter '" + spec.name + "' has " + std::to_string(spec.elements()) +
                      " numbers but '" + map->theirs.front() + "' would give " +
                      std::to_string(elements) + "; this converter does not know the model");
    }
  }
  return {};
}

Status CheckTensors(const ParameterTable& table, const std::vector<TensorMap>& maps,
                    const std::vector<std::string>& may_be_left, const SafetensorsFile& file,
                    const std::string& where) {
  const auto in_file = [&](Status status) -> Status {
    if (status.has_value()) return {};
    return Fail(where, std::move(status.error()));
  };
  MASR_RETURN_IF_ERROR(in_file(CheckMaps(table, maps)));
  std::set<std::string_view> used;
  for (const TensorMap& map : maps) {
    for (size_t i = 0; i < map.theirs.size(); ++i) {
      MASR_RETURN_IF_ERROR(
          in_file(CheckOne(file.Find(map.theirs[i]), map.theirs[i], map.shapes[i])));
      used.insert(map.theirs[i]);
    }
  }
  std::vector<std::string> unknown;
  for (const TensorEntry& entry : file.tensors()) {
    if (!used.contains(entry.name) && !MayBeLeft(entry.name, may_be_left)) {
      unknown.push_back(entry.name);
    }
  }
  if (unknown.empty()) return {};
  return Fail(ErrorCode::kUnsupported, where + ": the converter has no place for " + List(unknown) +
                                           "; the model is of a variant that it does not know");
}

std::vector<float> ReadParameter(const TensorMap& map, const SafetensorsFile& file) {
  return Scaled(ReadUnscaled(map, file), map.scale);
}

std::vector<float> ToTheirs(const TensorMap& map, size_t index, const std::vector<float>& ours,
                            float missing) {
  const std::vector<float> values = Scaled(ours, 1 / map.scale);
  switch (map.layout) {
    case Layout::kSame:
      break;
    case Layout::kStackedRows: {
      int64_t begin = 0;
      for (size_t i = 0; i < index; ++i) begin += Elements(map.shapes[i]);
      return {values.begin() + begin, values.begin() + begin + Elements(map.shapes[index])};
    }
    case Layout::kChannelsLast:
      return ChannelsFirst(Viewed(map), values);
    case Layout::kWeightNorm: {
      std::vector<float> v = ChannelsFirst(map.shapes[1], values);
      if (index == 1) return v;
      const std::vector<double> norms = TapNorms(v, Taps(map.shapes[1]));
      return {norms.begin(), norms.end()};
    }
    case Layout::kTokens: {
      const int64_t width = RowWidth(map);
      std::vector<float> all(static_cast<size_t>(Elements(map.shapes[0])), missing);
      for (size_t r = 0; r < map.rows.size(); ++r) {
        std::copy_n(values.begin() + static_cast<int64_t>(r) * width, width,
                    all.begin() + map.rows[r] * width);
      }
      return all;
    }
  }
  return values;
}

}  // namespace masr
