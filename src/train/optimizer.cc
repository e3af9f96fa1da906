#include "train/optimizer.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "kernels/optimizer_step.h"

namespace masr {
namespace {

class AdamW final : public Optimizer {
 public:
  explicit AdamW(const OptimizerOptions& options) : options_(options) {}

  int64_t StatePerParameter() const override { return 2; }
  void Step(const KernelContext& context, int64_t step, float learning_rate, float gradient_scale,
            bool decay, int64_t count, const float* gradient, float* parameter,
            float* state) const override {
    const auto t = static_cast<double>(step);
    const double correction1 = 1.0 - std::pow(static_cast<double>(options_.beta1), t);
    const double correction2 = 1.0 - std::pow(static_cast<double>(options_.beta2), t);
    ApplyAdamW(context,
               {.beta1 = options_.beta1,
                .beta2 = options_.beta2,
                .rate = static_cast<float>(learning_rate / correction1),
                .inverse_v = static_cast<float>(1.0 / std::sqrt(correction2)),
                .epsilon = options_.epsilon,
                .decay = decay ? learning_rate * options_.weight_decay : 0.0f,
                .gradient_scale = gradient_scale},
               count, gradient, parameter, state, state + count);
  }

 private:
  OptimizerOptions options_;
};

class Sgd final : public Optimizer {
 public:
  explicit Sgd(const OptimizerOptions& options) : options_(options) {}

  int64_t StatePerParameter() const override { return 1; }
  void Step(const KernelContext& context, int64_t, float learning_rate, float gradient_scale,
            bool decay, int64_t count, const float* gradient, float* parameter,
            float* state) const override {
    ApplySgd(context,
             {.learning_rate = learning_rate,
              .momentum = options_.momentum,
              .weight_decay = decay ? options_.weight_decay : 0.0f,
              .gradient_scale = gradient_scale},
             count, gradient, parameter, state);
  }

 private:
  OptimizerOptions options_;
};

}  // namespace

std::unique_ptr<Optimizer> MakeOptimizer(const OptimizerOptions& options) {
  if (options.kind == OptimizerOptions::Kind::kSgd) return std::make_unique<Sgd>(options);
  return std::make_unique<AdamW>(options);
}

double SumOfSquares(const KernelContext& context, int64_t count, const float* gradient) {
  // Blocks of a fixed size, summed in order: the same whatever the number of threads.
  constexpr int64_t kBlock = 1 << 16;
  const int64_t blocks = (count + kBlock - 1) / kBlock;
  std::vector<double> sums(static_cast<size_t>(blocks));
  context.threads.ParallelFor(sums.size(), [&](size_t b, int) {
    const int64_t begin = static_cast<int64_t>(b) * kBlock;
    sums[b] = SumOfSquares(std::min(kBlock, count - begin), gradient + begin);
  });
  double sum = 0;
  for (double s : sums) sum += s;
  return sum;
}

float ClipScale(double norm, double max_norm) {
  if (max_norm <= 0 || norm <= max_norm) return 1.0f;
  return static_cast<float>(max_norm / norm);
}

float LearningRate(const ScheduleOptions& options, int64_t step) {
  const double peak = options.peak;
  const double floor = std::min<double>(options.floor, peak);
  const auto warmup = static_cast<double>(options.warmup_steps);
  const auto now = static_cast<double>(step);
  if (now < warmup) return static_cast<float>(peak * now / warmup);
  // How far between the end of the warm-up and the end of the schedule.
  const double length = std::max(1.0, static_cast<double>(options.total_steps) - warmup);
  const double progress = std::clamp((now - warmup) / length, 0.0, 1.0);
  switch (options.kind) {
    case ScheduleOptions::Kind::kCosine:
      return static_cast<float>(floor + (peak - floor) * 0.5 *
                                            (1.0 + std::cos(std::numbers::pi * progress)));
    case ScheduleOptions::Kind::kLinear:
      return static_cast<float>(peak + (floor - peak) * progress);
    case ScheduleOptions::Kind::kNoam:
      return static_cast<float>(peak * std::sqrt(std::max(warmup, 1.0) / std::max(now, 1.0)));
    case ScheduleOptions::Kind::kConstant:
      break;
  }
  return static_cast<float>(peak);
}

}  // namespace masr
