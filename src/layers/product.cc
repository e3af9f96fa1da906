#include "layers/product.h"

#include <string>

#include "kernels/elementwise.h"

namespace masr {
namespace {

// Of a layer's two buffers: f(x) A^T, scaled, and its gradient; [rows, rank] both.
constexpr size_t kLow = 0;
constexpr size_t kLowGradient = 1;

}  // namespace

Product::Product(ParameterSpec weight, ParameterTable& table)
    : in_(weight.cols()), out_(weight.rows()), rank_(table.adapter_rank()) {
  weight.matrix = true;
  weight.product = true;
  const std::string stem = weight.name.substr(0, weight.name.size() - std::string("weight").size());
  weight_ = table.Add(std::move(weight));
  if (rank_ == 0) return;
  a_ = table.Add({.name = stem + "lora_a",
                  .shape = {rank_, in_},
                  .init = Init::kUniformFanIn,
                  .fan_in = in_,
                  .matrix = true,
                  .adapts = weight_});
  b_ = table.Add(
      {.name = stem + "lora_b", .shape = {out_, rank_}, .matrix = true, .adapts = weight_});
}

bool Product::NeedsInput(const Mode& mode, const LayerPlanner& planner, bool has_activation) const {
  return mode.backward && (planner.IsTrainable(weight_) || planner.IsTrainable(a_) ||
                           (has_activation && mode.input_gradient));
}

Product::Buffers Product::Plan(int64_t rows, int64_t tick, const Mode& mode,
                               LayerPlanner& planner) const {
  Buffers buffers = {kNoBuffer, kNoBuffer};
  if (!adapted()) return buffers;
  // B's gradient reads it again; nothing else does.
  buffers[kLow] = planner.IsTrainable(b_) ? planner.Saved(rows * rank_, tick, mode)
                                          : planner.ForwardScratch(rows * rank_, tick);
  buffers[kLowGradient] = planner.BackwardScratch(rows * rank_, tick, mode);
  return buffers;
}

void Product::Forward(const LayerRun& run, const BufferId* buffers, int64_t rows, const float* x,
                      const float* bias, float* y, std::optional<Activation> f) const {
  MatmulNT(run.kernels, rows, x, in_, run.parameters.Matrix(weight_), bias, y, out_,
           /*accumulate=*/false, f);
  if (!adapted()) return;
  float* low = run.Buffer(buffers[kLow]);
  MatmulNT(run.kernels, rows, x, in_, run.parameters.Matrix(a_), nullptr, low, rank_,
           /*accumulate=*/false, f);
  ScaleAdd(run.kernels, rows * rank_, LoraScale(rank_), low, 0.0f, low);
  MatmulNT(run.kernels, rows, low, rank_, run.parameters.Matrix(b_), nullptr, y, out_,
           /*accumulate=*/true);
}

void Product::Backward(const LayerRun& run, const BufferId* buffers, int64_t rows, const float* x,
                       const float* dy, float* dx, std::optional<Activation> f) const {
  const GradientViews& g = run.gradients;
  if (float* dw = g[weight_]; dw != nullptr) {
    MatmulTN(run.kernels, out_, in_, rows, dy, out_, x, in_, dw, in_, /*accumulate=*/true, f);
  }
  if (float* db = g[b_]; db != nullptr) {
    MatmulTN(run.kernels, out_, rank_, rows, dy, out_, run.Buffer(buffers[kLow]), rank_, db, rank_,
             /*accumulate=*/true);
  }
  float* dlow = nullptr;
  if (adapted() && (dx != nullptr || g[a_] != nullptr)) {
    dlow = run.Buffer(buffers[kLowGradient]);
    MatmulNN(run.kernels, rows, dy, out_, run.parameters.Matrix(b_), dlow, rank_);
    ScaleAdd(run.kernels, rows * rank_, LoraScale(rank_), dlow, 0.0f, dlow);
  }
  if (float* da = g[a_]; da != nullptr) {
    MatmulTN(run.kernels, rank_, in_, rows, dlow, rank_, x, in_, da, in_, /*accumulate=*/true, f);
  }
  if (dx == nullptr) return;
  ActivationGradient through;
  if (f) through = {*f, x, in_};
  const ActivationGradient* last = f ? &through : nullptr;
  MatmulNN(run.kernels, rows, dy, out_, run.parameters.Matrix(weight_), dx, in_,
           /*accumulate=*/false, dlow == nullptr ? last : nullptr);
  if (dlow == nullptr) return;
  MatmulNN(run.kernels, rows, dlow, rank_, run.parameters.Matrix(a_), dx, in_, /*accumulate=*/true,
           last);
}

}  // namespace masr
