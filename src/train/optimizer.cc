#include "train/optimizer.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "base/rng.h"
#include "kernels/optimizer_step.h"
#include "kernels/optimizer_step_8bit.h"

namespace masr {
namespace {

float* AsFloats(std::byte* state) { return reinterpret_cast<float*>(state); }

AdamWStep StepOf(const OptimizerOptions& options, int64_t step, float learning_rate,
                 float gradient_scale, bool decay) {
  const auto t = static_cast<double>(step);
  const double correction1 = 1.0 - std::pow(static_cast<double>(options.beta1), t);
  const double correction2 = 1.0 - std::pow(static_cast<double>(options.beta2), t);
  return {.beta1 = options.beta1,
          .beta2 = options.beta2,
          .rate = static_cast<float>(learning_rate / correction1),
          .inverse_v = static_cast<float>(1.0 / std::sqrt(correction2)),
          .epsilon = options.epsilon,
          .decay = decay ? learning_rate * options.weight_decay : 0.0f,
          .gradient_scale = gradient_scale};
}

class AdamW final : public Optimizer {
 public:
  explicit AdamW(const OptimizerOptions& options) : options_(options) {}

  int64_t StatePerParameter() const override { return 2; }
  void Step(const KernelContext& context, int64_t step, float learning_rate, float gradient_scale,
            bool decay, int64_t count, const float* gradient, float* parameter,
            std::byte* state) const override {
    ApplyAdamW(context, StepOf(options_, step, learning_rate, gradient_scale, decay), count,
               gradient, parameter, AsFloats(state), AsFloats(state) + count);
  }

 private:
  OptimizerOptions options_;
};

class AdamW8 final : public Optimizer {
 public:
  explicit AdamW8(const OptimizerOptions& options) : options_(options) {}

  int64_t StatePerParameter() const override { return 2; }
  int64_t StateBytes(int64_t count) const override { return Moments8Bytes(count); }
  bool StateIsFloats() const override { return false; }
  void Step(const KernelContext& context, int64_t step, float learning_rate, float gradient_scale,
            bool decay, int64_t count, const float* gradient, float* parameter,
            std::byte* state) const override {
    // Other steps round other numbers up.
    const auto key = static_cast<uint32_t>(SplitMix64(static_cast<uint64_t>(step)));
    ApplyAdamW8(context, StepOf(options_, step, learning_rate, gradient_scale, decay), key, count,
                gradient, parameter, Moments8At(state, count));
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
            std::byte* state) const override {
    ApplySgd(context,
             {.learning_rate = learning_rate,
              .momentum = options_.momentum,
              .weight_decay = decay ? options_.weight_decay : 0.0f,
              .gradient_scale = gradient_scale},
             count, gradient, parameter, AsFloats(state));
  }

 private:
  OptimizerOptions options_;
};

}  // namespace

std::unique_ptr<Optimizer> MakeOptimizer(const OptimizerOptions& options) {
  if (options.kind == OptimizerOptions::Kind::kSgd) return std::make_unique<Sgd>(options);
  if (options.state_bits == 8) return std::make_unique<AdamW8>(options);
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
