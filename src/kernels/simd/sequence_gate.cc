#include "kernels/sequence_gate.h"

#include <algorithm>

#include "kernels/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/sequence_gate.cc"
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
void MeanColumns(int64_t frames, int64_t dim, size_t columns, const float* x, float* mean) {
  const size_t lanes = hn::Lanes(df);
  const V per_frame = hn::Set(df, 1.0f / static_cast<float>(frames));
  for (size_t i = 0; i < columns; i += lanes) {
    const size_t count = std::min(lanes, columns - i);
    const V sum = SumOverFrames(df, frames,
                                [&](int64_t t) { return LoadPartial(df, x + t * dim + i, count); });
    StorePartial(df, hn::Mul(sum, per_frame), mean + i, count);
  }
}

void GateColumns(int64_t frames, int64_t dim, size_t columns, const float* gate, const float* x,
                 float* y) {
  const size_t lanes = hn::Lanes(df);
  for (size_t i = 0; i < columns; i += lanes) {
    const size_t count = std::min(lanes, columns - i);
    const V factor = Sigmoid(df, LoadPartial(df, gate + i, count));
    for (int64_t t = 0; t < frames; ++t) {
      const int64_t at = t * dim + static_cast<int64_t>(i);
      StorePartial(df, hn::Mul(LoadPartial(df, x + at, count), factor), y + at, count);
    }
  }
}

void GateBackwardColumns(int64_t frames, int64_t dim, size_t columns, const float* gate,
                         const float* x, const float* dy, float* dgate) {
  const size_t lanes = hn::Lanes(df);
  for (size_t i = 0; i < columns; i += lanes) {
    const size_t count = std::min(lanes, columns - i);
    const V factor = Sigmoid(df, LoadPartial(df, gate + i, count));
    const V dot = SumOverFrames(df, frames, [&](int64_t t) {
      const int64_t at = t * dim + static_cast<int64_t>(i);
      return hn::Mul(LoadPartial(df, x + at, count), LoadPartial(df, dy + at, count));
    });
    const V slope = hn::Mul(factor, hn::Sub(hn::Set(df, 1.0f), factor));
    StorePartial(df, hn::Mul(dot, slope), dgate + i, count);
  }
}

void GateInputBackwardColumns(int64_t frames, int64_t dim, size_t columns, const float* gate,
                              const float* dmean, const float* dy, float* dx) {
  const size_t lanes = hn::Lanes(df);
  const V per_frame = hn::Set(df, 1.0f / static_cast<float>(frames));
  for (size_t i = 0; i < columns; i += lanes) {
    const size_t count = std::min(lanes, columns - i);
    const V factor = Sigmoid(df, LoadPartial(df, gate + i, count));
    const V share = hn::Mul(LoadPartial(df, dmean + i, count), per_frame);
    for (int64_t t = 0; t < frames; ++t) {
      const int64_t at = t * dim + static_cast<int64_t>(i);
      StorePartial(df, hn::MulAdd(LoadPartial(df, dy + at, count), factor, share), dx + at, count);
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

HWY_EXPORT(MeanColumns);
HWY_EXPORT(GateColumns);
HWY_EXPORT(GateBackwardColumns);
HWY_EXPORT(GateInputBackwardColumns);

// One task's channels: whole cache lines.
constexpr int64_t kColumns = 32;

// task(frames, columns, first float of the rows, first of what there is one of per utterance), for
// every utterance that has frames.
template <class Task>
void ForEachPart(const KernelContext& context, Offsets offsets, int64_t channels,
                 const Task& task) {
  ParallelTasks(context, DivideRoundUp(channels, kColumns), offsets.back() * channels,
                [&](int64_t index, int) {
                  const int64_t begin = index * kColumns;
                  const int64_t columns = std::min(kColumns, channels - begin);
                  for (size_t u = 0; u + 1 < offsets.size(); ++u) {
                    task(offsets[u + 1] - offsets[u], columns, offsets[u] * channels + begin,
                         static_cast<int64_t>(u) * channels + begin);
                  }
                });
}

}  // namespace

void SequenceMeans(const KernelContext& context, Offsets offsets, int64_t channels, const float* x,
                   float* mean) {
  ForEachPart(context, offsets, channels,
              [&](int64_t frames, int64_t columns, int64_t row, int64_t utterance) {
                if (frames == 0) {
                  std::fill_n(mean + utterance, columns, 0.0f);
                  return;
                }
                HWY_DYNAMIC_DISPATCH(MeanColumns)
                (frames, channels, columns, x + row, mean + utterance);
              });
}

void SequenceGateForward(const KernelContext& context, Offsets offsets, int64_t channels,
                         const float* gate, const float* x, float* y) {
  ForEachPart(context, offsets, channels,
              [&](int64_t frames, int64_t columns, int64_t row, int64_t utterance) {
                HWY_DYNAMIC_DISPATCH(GateColumns)
                (frames, channels, columns, gate + utterance, x + row, y + row);
              });
}

void SequenceGateBackward(const KernelContext& context, Offsets offsets, int64_t channels,
                          const float* gate, const float* x, const float* dy, float* dgate) {
  ForEachPart(context, offsets, channels,
              [&](int64_t frames, int64_t columns, int64_t row, int64_t utterance) {
                HWY_DYNAMIC_DISPATCH(GateBackwardColumns)
                (frames, channels, columns, gate + utterance, x + row, dy + row, dgate + utterance);
              });
}

void SequenceGateInputBackward(const KernelContext& context, Offsets offsets, int64_t channels,
                               const float* gate, const float* dmean, const float* dy, float* dx) {
  ForEachPart(context, offsets, channels,
              [&](int64_t frames, int64_t columns, int64_t row, int64_t utterance) {
                if (frames == 0) return;
                HWY_DYNAMIC_DISPATCH(GateInputBackwardColumns)
                (frames, channels, columns, gate + utterance, dmean + utterance, dy + row,
                 dx + row);
              });
}

}  // namespace masr
#endif  // HWY_ONCE
