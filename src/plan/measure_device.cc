#include "plan/measure_device.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "audio/resampler.h"
#include "base/rng.h"
#include "kernels/optimizer_step.h"
#include "model/feature_extractor.h"
#include "plan/candidate.h"
#include "tensor/arena.h"

namespace masr {
namespace {

std::vector<float> Noise(int64_t count, float scale) {
  Rng rng(1);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& v : values) v = scale * static_cast<float>(rng.Normal());
  return values;
}

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The line through two measurements; one that falls, or starts below nothing, is noise.
PassCost Fit(double few_s, double few_took, double many_s, double many_took) {
  const double slope = (many_took - few_took) / (many_s - few_s);
  const double start = few_took - slope * few_s;
  if (slope < 0) return {.pass_s = many_took};
  if (start < 0) return {.speech_s = many_took / many_s};
  return {.pass_s = start, .speech_s = slope};
}

// What a pass over a block took.
struct Took {
  std::vector<double> forward;
  std::vector<double> backward;
};

class BlockMeter {
 public:
  static constexpr size_t kCacheFloats = 2 << 20;  // 8 MiB: as large as the caches of phones

  BlockMeter(const Model& model, const ThreadPool& threads, const ClockS& clock,
             const MeasureOptions& options)
      : model_(model), threads_(threads), clock_(clock), options_(options) {}

  // `few` and `many`: frames of the utterances that enter the block; they become those that leave
  // it.
  Result<BlockCost> Measure(size_t block, std::vector<int64_t>& few, std::vector<int64_t>& many) {
    const EncoderBlock& parameters = model_.encoder.blocks()[block];
    const ParameterTable& table = model_.encoder.parameters();
    Weights learning = model_.weights.Clone();
    std::vector<uint8_t> all(static_cast<size_t>(table.size()), 0);
    for (ParameterId id = parameters.first; id < parameters.end; ++id) {
      if (!table[id].trainable) continue;
      learning.MakeWritable(id);
      all[static_cast<size_t>(id)] = 1;
    }
    std::vector<uint8_t> vectors = all;
    for (ParameterId id = parameters.first; id < parameters.end; ++id) {
      if (table[id].matrix) vectors[static_cast<size_t>(id)] = 0;
    }
    MASR_TRY(const auto frozen, Both(block, model_.weights, {}, few, many));
    MASR_TRY(const auto whole, Both(block, learning, all, few, many));
    MASR_TRY(const auto some, Both(block, learning, vectors, few, many));
    MASR_TRY(few, FramesAfter(block, few));
    MASR_TRY(many, FramesAfter(block, many));
    return BlockCost{.frozen_forward = frozen.first,
                     .forward = whole.first,
                     .backward = whole.second,
                     .vector_backward = some.second};
  }

 private:
  using Costs = std::pair<PassCost, PassCost>;  // forward, backward

  Result<Costs> Both(size_t block, const Weights& weights, const std::vector<uint8_t>& trainable,
                     const std::vector<int64_t>& few, const std::vector<int64_t>& many) {
    MASR_TRY(const Took one, Run(block, weights, trainable, few));
    MASR_TRY(const Took all, Run(block, weights, trainable, many));
    const double one_s = options_.utterance_s;
    const double all_s = options_.utterance_s * options_.utterances;
    return Costs{Fit(one_s, Median(one.forward), all_s, Median(all.forward)),
                 Fit(one_s, Median(one.backward), all_s, Median(all.backward))};
  }

  Result<Took> Run(size_t block, const Weights& weights, const std::vector<uint8_t>& trainable,
                   const std::vector<int64_t>& frames) {
    const Encoder& encoder = model_.encoder;
    const bool learns = std::ranges::any_of(trainable, [](uint8_t t) { return t != 0; });
    LayerPlanner planner(trainable, /*stochastic=*/learns);
    const Mode mode = {.backward = learns, .input_gradient = learns && block > 0};
    MASR_TRY(const LayerPlan plan, encoder.PlanBlocks({block, block + 1}, frames, mode, planner));
    const MemoryPlan memory = PlanMemory(planner.requests());
    MASR_RETURN_IF_ERROR(arena_.Reserve(static_cast<size_t>(memory.peak_bytes)));
    std::vector<float> gradient_storage;
    const std::vector<float*> gradients = Gradients(trainable, gradient_storage);
    const LayerRun run = {.kernels = {threads_},
                          .parameters = weights.views(),
                          .gradients = {gradients},
                          .memory = memory,
                          .arena = arena_.data(),
                          .step_key = 1};
    const std::vector<float> x = Noise(plan.in.floats(), 1);
    const std::vector<float> dy = Noise(plan.out.floats(), 1e-3f);
    std::vector<float> y(static_cast<size_t>(plan.out.floats()));
    std::vector<float> dx(mode.input_gradient ? static_cast<size_t>(plan.in.floats()) : 0);
    Took took;
    // The first one touches memory for the first time, and does not count.
    for (int i = 0; i <= options_.repetitions; ++i) {
      LeaveCaches();
      const double begin = clock_();
      encoder.Forward(run, plan, planner, x.data(), y.data());
      const double forward = clock_() - begin;
      LeaveCaches();
      const double middle = clock_();
      if (learns) {
        encoder.Backward(run, plan, x.data(), y.data(), dy.data(),
                         mode.input_gradient ? dx.data() : nullptr);
      }
      const double end = clock_();
      if (i == 0) continue;
      took.forward.push_back(forward);
      took.backward.push_back(end - middle);
    }
    return took;
  }

  // In a round all other blocks run in between: a block finds its weights and its gradients far
  // away.
  void LeaveCaches() {
    ++other_value_;
    std::ranges::fill(others_, other_value_);
  }

  std::vector<float*> Gradients(const std::vector<uint8_t>& trainable,
                                std::vector<float>& storage) const {
    const ParameterTable& table = model_.encoder.parameters();
    int64_t total = 0;
    for (size_t id = 0; id < trainable.size(); ++id) {
      if (trainable[id] != 0) total += table[static_cast<ParameterId>(id)].elements();
    }
    storage.assign(static_cast<size_t>(total), 0.0f);
    std::vector<float*> gradients(static_cast<size_t>(table.size()), nullptr);
    float* next = storage.data();
    for (size_t id = 0; id < trainable.size(); ++id) {
      if (trainable[id] == 0) continue;
      gradients[id] = next;
      next += table[static_cast<ParameterId>(id)].elements();
    }
    return gradients;
  }

  Result<std::vector<int64_t>> FramesAfter(size_t block, const std::vector<int64_t>& frames) const {
    LayerPlanner planner({}, /*stochastic=*/false);
    MASR_TRY(const LayerPlan plan,
             model_.encoder.PlanBlocks({block, block + 1}, frames, {}, planner));
    std::vector<int64_t> after;
    for (size_t u = 0; u < frames.size(); ++u) {
      after.push_back(plan.out.offsets[u + 1] - plan.out.offsets[u]);
    }
    return after;
  }

  const Model& model_;
  const ThreadPool& threads_;
  const ClockS& clock_;
  const MeasureOptions& options_;
  Arena arena_;
  std::vector<float> others_ = std::vector<float>(kCacheFloats);
  float other_value_ = 0;
};

// In a scope of its own: what it takes is given back before the rest is measured.
Result<std::vector<BlockCost>> MeasureBlocks(const Model& model, const ThreadPool& threads,
                                             const ClockS& clock, const MeasureOptions& options) {
  BlockMeter meter(model, threads, clock, options);
  const auto frames = static_cast<int64_t>(options.utterance_s / model.config.features.frame_s());
  std::vector<int64_t> few = {frames};
  std::vector<int64_t> many(static_cast<size_t>(options.utterances), frames);
  std::vector<BlockCost> costs;
  for (size_t b = 0; b < model.encoder.blocks().size(); ++b) {
    MASR_TRY(const BlockCost cost, meter.Measure(b, few, many));
    costs.push_back(cost);
  }
  return costs;
}

template <class Work>
double MedianTime(const ClockS& clock, int repetitions, const Work& work) {
  std::vector<double> took;
  for (int i = 0; i <= repetitions; ++i) {
    const double begin = clock();
    work();
    if (i > 0) took.push_back(clock() - begin);
  }
  return Median(std::move(took));
}

// Utterances are made ready by several threads at once, each by one.
Status MeasureFeatures(const Model& model, const ThreadPool& threads, const ClockS& clock,
                       const MeasureOptions& options, DeviceProfile& profile) {
  MASR_TRY(const FeatureExtractor features, FeatureExtractor::Create(model.config.features));
  const double rate = model.config.features.sample_rate_hz();
  const std::vector<float> samples = Noise(static_cast<int64_t>(rate * options.utterance_s), 0.1f);
  const auto count = static_cast<size_t>(std::max(options.utterances, threads.threads()));
  const double speech = options.utterance_s * static_cast<double>(count);
  profile.features_s = MedianTime(clock, options.repetitions,
                                  [&] {
                                    threads.ParallelFor(count, [&](size_t, int) {
                                      (void)features.Features(samples);
                                    });
                                  }) /
                       speech;
  profile.augmented_features_s = MedianTime(clock, options.repetitions,
                                            [&] {
                                              threads.ParallelFor(count, [&](size_t, int) {
                                                const auto slower =
                                                    Resample(samples, rate, rate / 0.95);
                                                if (slower.has_value())
                                                  (void)features.Features(*slower);
                                              });
                                            }) /
                                 speech;
  return {};
}

// Per number: gradients cleared, their norm, the optimizer (of which AdamW is the slowest), and the
// running mean, one after the other over all of them.
double MeasureUpdate(const ThreadPool& threads, const ClockS& clock, int repetitions) {
  constexpr int64_t kNumbers = 1 << 20;  // five arrays of them are more than a phone's caches hold
  constexpr size_t kParts = 16;
  constexpr size_t kPart = kNumbers / kParts;
  std::vector<float> gradient = Noise(kNumbers, 1e-3f);
  std::vector<float> value = gradient;
  std::vector<float> mean = gradient;
  std::vector<float> m(gradient.size());
  std::vector<float> v(gradient.size());
  double norm = 0;
  const auto update = [&] {
    threads.ParallelFor(kParts, [&](size_t i, int) {
      // Not zero: numbers that AdamW finds are as in a training.
      std::fill_n(gradient.data() + i * kPart, kPart, 1e-3f);
    });
    norm += SumOfSquares(kNumbers, gradient.data());
    const AdamWStep step = {.beta1 = 0.9f,
                            .beta2 = 0.98f,
                            .rate = 1e-4f,
                            .inverse_v = 1,
                            .epsilon = 1e-8f,
                            .decay = 1e-6f,
                            .gradient_scale = norm > 0 ? 1.0f : 0.0f};
    ApplyAdamW({threads}, step, kNumbers, gradient.data(), value.data(), m.data(), v.data());
    threads.ParallelFor(kParts, [&](size_t i, int) {
      for (size_t k = i * kPart; k < (i + 1) * kPart; ++k) mean[k] += 0.01f * (value[k] - mean[k]);
    });
  };
  return MedianTime(clock, repetitions, update) / kNumbers;
}

}  // namespace

Result<DeviceProfile> MeasureDevice(const Model& model, const ThreadPool& threads,
                                    const ClockS& clock, const MeasureOptions& options) {
  DeviceProfile profile = {
      .name = options.name, .threads = threads.threads(), .encoder = model.config.encoder_json};
  MASR_TRY(profile.blocks, MeasureBlocks(model, threads, clock, options));
  MASR_RETURN_IF_ERROR(MeasureFeatures(model, threads, clock, options, profile));
  profile.update_s = MeasureUpdate(threads, clock, options.repetitions);
  return profile;
}

}  // namespace masr
