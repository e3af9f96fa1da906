#include "kernels/instance_norm.h"

#include <algorithm>
#include <cmath>

#include "kernels/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/instance_norm.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/highway.h"
#include "kernels/simd/frame_sum-inl.h"
#include "kernels/simd/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {
namespace {

const hn::ScalableTag<float> df;
using V = hn::Vec<decltype(df)>;

// `columns` neighbouring channels of one utterance; rows are `dim` floats apart. All pointers are
// to the first of them.
void InstanceNormForwardColumns(int64_t frames, int64_t dim, size_t columns, float epsilon,
                                const float* x, const float* gamma, const float* beta, float* y,
                                float* mean, float* inv_std) {
  const size_t lanes = hn::Lanes(df);
  const V per_frame = hn::Set(df, 1.0f / static_cast<float>(frames));
  for (size_t i = 0; i < columns; i += lanes) {
    const size_t count = std::min(lanes, columns - i);
    const auto at = [&](int64_t t) { return LoadPartial(df, x + t * dim + i, count); };
    const V center = hn::Mul(SumOverFrames(df, frames, at), per_frame);
    // A second pass: E[x^2] - E[x]^2 cancels when the mean is large.
    const V variance = hn::Mul(SumOverFrames(df, frames,
                                             [&](int64_t t) {
                                               const V difference = hn::Sub(at(t), center);
                                               return hn::Mul(difference, difference);
                                             }),
                               per_frame);
    const V scale = hn::Div(hn::Set(df, 1.0f), hn::Sqrt(hn::Add(variance, hn::Set(df, epsilon))));
    StorePartial(df, center, mean + i, count);
    StorePartial(df, scale, inv_std + i, count);
    const V factor = hn::Mul(scale, LoadPartial(df, gamma + i, count));
    const V shift = LoadPartial(df, beta + i, count);
    for (int64_t t = 0; t < frames; ++t) {
      StorePartial(df, hn::MulAdd(hn::Sub(at(t), center), factor, shift), y + t * dim + i, count);
    }
  }
}

// With n = (x - mean) * inv_std: dgamma += sum(dy * n), dbeta += sum(dy),
// dx = gamma * inv_std * (dy - mean(dy) - n * mean(dy * n)), sums and means over the frames.
void InstanceNormBackwardColumns(int64_t frames, int64_t dim, size_t columns, const float* x,
                                 const float* gamma, const float* mean, const float* inv_std,
                                 const float* dy, float* dx, float* dgamma, float* dbeta) {
  const size_t lanes = hn::Lanes(df);
  const V per_frame = hn::Set(df, 1.0f / static_cast<float>(frames));
  for (size_t i = 0; i < columns; i += lanes) {
    const size_t count = std::min(lanes, columns - i);
    const V center = LoadPartial(df, mean + i, count);
    const V scale = LoadPartial(df, inv_std + i, count);
    const auto normal = [&](int64_t t) {
      return hn::Mul(hn::Sub(LoadPartial(df, x + t * dim + i, count), center), scale);
    };
    const auto gradient = [&](int64_t t) { return LoadPartial(df, dy + t * dim + i, count); };
    const V sum = SumOverFrames(df, frames, gradient);
    const V dot =
        SumOverFrames(df, frames, [&](int64_t t) { return hn::Mul(gradient(t), normal(t)); });
    if (dgamma != nullptr) {
      StorePartial(df, hn::Add(LoadPartial(df, dgamma + i, count), dot), dgamma + i, count);
    }
    if (dbeta != nullptr) {
      StorePartial(df, hn::Add(LoadPartial(df, dbeta + i, count), sum), dbeta + i, count);
    }
    if (dx == nullptr) continue;
    const V factor = hn::Mul(scale, LoadPartial(df, gamma + i, count));
    const V sum_mean = hn::Mul(sum, per_frame);
    const V dot_mean = hn::Mul(dot, per_frame);
    for (int64_t t = 0; t < frames; ++t) {
      const V centered = hn::NegMulAdd(normal(t), dot_mean, hn::Sub(gradient(t), sum_mean));
      StorePartial(df, hn::Mul(factor, centered), dx + t * dim + i, count);
    }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace masr
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace masr {
namespace {

HWY_EXPORT(InstanceNormForwardColumns);
HWY_EXPORT(InstanceNormBackwardColumns);

// One task's channels: whole cache lines, and enough tasks for two threads of a narrow layer.
constexpr int64_t kColumns = 32;

template <class Task>
void ParallelColumns(const KernelContext& context, int64_t rows, int64_t channels,
                     const Task& task) {
  ParallelTasks(context, DivideRoundUp(channels, kColumns), rows * channels,
                [&](int64_t index, int) {
                  const int64_t begin = index * kColumns;
                  task(begin, std::min(kColumns, channels - begin));
                });
}

}  // namespace

void InstanceNormForward(const KernelContext& context, Offsets offsets, int64_t channels,
                         float epsilon, const float* x, const float* gamma, const float* beta,
                         float* y, float* mean, float* inv_std) {
  ParallelColumns(context, offsets.back(), channels, [&](int64_t begin, int64_t columns) {
    for (size_t u = 0; u + 1 < offsets.size(); ++u) {
      const int64_t frames = offsets[u + 1] - offsets[u];
      const int64_t statistic = static_cast<int64_t>(u) * channels + begin;
      if (frames == 0) {
        std::fill_n(mean + statistic, columns, 0.0f);
        std::fill_n(inv_std + statistic, columns, 0.0f);
        continue;
      }
      const int64_t first = offsets[u] * channels + begin;
      HWY_DYNAMIC_DISPATCH(InstanceNormForwardColumns)
      (frames, channels, columns, epsilon, x + first, gamma + begin, beta + begin, y + first,
       mean + statistic, inv_std + statistic);
    }
  });
}

void InstanceNormBackward(const KernelContext& context, Offsets offsets, int64_t channels,
                          const float* x, const float* gamma, const float* mean,
                          const float* inv_std, const float* dy, float* dx, float* dgamma,
                          float* dbeta) {
  // A task has all utterances of its channels, so that sums over them need no second thread.
  ParallelColumns(context, offsets.back(), channels, [&](int64_t begin, int64_t columns) {
    for (size_t u = 0; u + 1 < offsets.size(); ++u) {
      const int64_t frames = offsets[u + 1] - offsets[u];
      if (frames == 0) continue;
      const int64_t statistic = static_cast<int64_t>(u) * channels + begin;
      const int64_t first = offsets[u] * channels + begin;
      HWY_DYNAMIC_DISPATCH(InstanceNormBackwardColumns)
      (frames, channels, columns, x + first, gamma + begin, mean + statistic, inv_std + statistic,
       dy + first, dx == nullptr ? nullptr : dx + first,
       dgamma == nullptr ? nullptr : dgamma + begin, dbeta == nullptr ? nullptr : dbeta + begin);
    }
  });
}

}  // namespace masr
#endif  // HWY_ONCE
