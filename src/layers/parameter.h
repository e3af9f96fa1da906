// Names, shapes and views of a model's parameters. A table is filled once, while the layers are
// made; after that a parameter is its index.
#ifndef MOBILEASR_LAYERS_PARAMETER_H_
#define MOBILEASR_LAYERS_PARAMETER_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/matmul.h"

namespace masr {

using ParameterId = int32_t;
constexpr ParameterId kNoParameter = -1;

enum class Init : uint8_t {
  kZeros,
  kOnes,
  kUniformFanIn,  // U(-b, b), b = sqrt(3 / fan_in): keeps the variance of unit inputs (LeCun)
  kReluFanIn,     // U(-b, b), b = sqrt(6 / fan_in): He et al. (2015), before a rectifier
  kBranchOut,  // a tenth of kUniformFanIn's: the last product of a residual branch, so that a deep
               // stack begins near the identity (a 12-block Conformer does not leave CTC's plateau
               // otherwise)
  kRecurrent,  // U(-b, b), b = 1 / sqrt(fan_in): PyTorch's for LSTM and GRU
};

struct ParameterSpec {
  std::string name;            // "blocks.3.conv.pointwise1.weight"
  std::vector<int64_t> shape;  // a matrix is [outputs, inputs...]
  Init init = Init::kZeros;
  int64_t fan_in = 1;
  bool matrix = false;    // the right operand of a product: may be stored as int8 or bf16
  bool trainable = true;  // false for statistics (batch norm's mean and variance)
  bool product = false;   // a matrix that can have a low-rank pair beside it (layers/product.h)
  ParameterId adapts = kNoParameter;  // of such a pair: the matrix, which comes right before it

  int64_t elements() const {
    int64_t n = 1;
    for (int64_t d : shape) n *= d;
    return n;
  }
  int64_t rows() const { return shape.empty() ? 1 : shape[0]; }
  int64_t cols() const { return elements() / rows(); }
};

// alpha / r of a low-rank pair. With alpha fixed a step changes the product alike for any rank r
// (Hu et al., 2021, section 4.1).
constexpr float kLoraAlpha = 16.0f;
constexpr float LoraScale(int64_t rank) { return kLoraAlpha / static_cast<float>(rank); }

class ParameterTable {
 public:
  ParameterId Add(ParameterSpec spec) {
    spec.name = prefix_ + spec.name;
    specs_.push_back(std::move(spec));
    return static_cast<ParameterId>(specs_.size() - 1);
  }
  ParameterId size() const { return static_cast<ParameterId>(specs_.size()); }
  const ParameterSpec& operator[](ParameterId id) const { return specs_[id]; }
  std::span<const ParameterSpec> specs() const { return specs_; }

  // Products that are added get low-rank pairs of this rank; 0: none.
  int64_t adapter_rank() const { return adapter_rank_; }
  void set_adapter_rank(int64_t rank) { adapter_rank_ = rank; }

 private:
  friend class ParameterScope;
  std::vector<ParameterSpec> specs_;
  std::string prefix_;
  int64_t adapter_rank_ = 0;
};

// While it lives, names get "<name>." in front.
class ParameterScope {
 public:
  ParameterScope(ParameterTable& table, const std::string& name)
      : table_(table), saved_(table.prefix_) {
    table.prefix_ += name + ".";
  }
  ~ParameterScope() { table_.prefix_ = saved_; }
  ParameterScope(const ParameterScope&) = delete;
  ParameterScope& operator=(const ParameterScope&) = delete;

 private:
  ParameterTable& table_;
  std::string saved_;
};

// What a layer sees when it runs, indexed by ParameterId. Vectors are always f32.
struct ParameterViews {
  std::span<const WeightView> weights;

  const WeightView& Matrix(ParameterId id) const { return weights[id]; }
  const float* Vector(ParameterId id) const {
    return id == kNoParameter ? nullptr : static_cast<const float*>(weights[id].data);
  }
};

// Null where frozen.
struct GradientViews {
  std::span<float* const> gradients;

  float* operator[](ParameterId id) const {
    return id == kNoParameter || gradients.empty() ? nullptr : gradients[id];
  }
};

}  // namespace masr

#endif  // MOBILEASR_LAYERS_PARAMETER_H_
