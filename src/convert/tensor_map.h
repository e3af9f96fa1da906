// Which tensors of another framework's file make a parameter of ours, and back.
#ifndef MOBILEASR_CONVERT_TENSOR_MAP_H_
#define MOBILEASR_CONVERT_TENSOR_MAP_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/safetensors.h"
#include "layers/parameter.h"

namespace masr {

enum class Layout : uint8_t {
  kSame,          // the same numbers in the same order
  kStackedRows,   // theirs are several; ours are their rows one after the other (q, k, v)
  kChannelsLast,  // theirs [out, in, taps...], a convolution's; ours [out, taps... * in]
  // Theirs are g [1, 1, taps] and v [out, in, taps] of a weight norm over out and in (Salimans and
  // Kingma, 2016), the weight being g * v / |v|; ours is the weight, channels last.
  kWeightNorm,
  kTokens,  // theirs has a row per token of the source; ours those that we keep, in our order
};

struct TensorMap {
  std::string ours;
  std::vector<std::string> theirs;
  std::vector<std::vector<int64_t>> shapes;  // of each of theirs, as the configuration says
  Layout layout = Layout::kSame;
  std::vector<int64_t> rows = {};    // kTokens: theirs of each of ours
  std::vector<int64_t> viewed = {};  // kChannelsLast: the shape to read theirs as, if not its own
  float scale = 1;                   // ours are theirs times this
};

// Whether every parameter of `table` has a map that gives as many numbers as it has.
Status CheckMaps(const ParameterTable& table, const std::vector<TensorMap>& maps);

// Whether `file` is what the maps say: CheckMaps holds, every tensor is there
// as floating-point numbers of its shape, and none is left over, except those that `may_be_left`
// names by their ends. The error (kCorrupt) names the tensors and both shapes; `where` the file.
Status CheckTensors(const ParameterTable& table, const std::vector<TensorMap>& maps,
                    const std::vector<std::string>& may_be_left, const SafetensorsFile& file,
                    const std::string& where);

// The parameter's values, in our order, from a file that CheckTensors has passed. Of what it needs
// only this one parameter is in memory.
std::vector<float> ReadParameter(const TensorMap& map, const SafetensorsFile& file);

// What ReadParameter would make `values` from: the values of map.theirs[index], in their order. A
// weight norm gets v = the weight and g = |v|. Tokens that ours lacks get `missing` everywhere.
std::vector<float> ToTheirs(const TensorMap& map, size_t index, const std::vector<float>& values,
                            float missing = 0.0f);

}  // namespace masr

#endif  // MOBILEASR_CONVERT_TENSOR_MAP_H_
