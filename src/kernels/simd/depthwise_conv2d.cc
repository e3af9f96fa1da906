#include <algorithm>

#include "base/check.h"
#include "kernels/conv2d.h"
#include "kernels/conv_taps.h"
#include "kernels/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/depthwise_conv2d.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/highway.h"
#include "kernels/simd/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {
namespace {

const hn::ScalableTag<float> df;
using V = hn::Vec<decltype(df)>;

// The channels of one task of the weight gradient are at most kPanelLanes, in one or more vectors.
constexpr size_t kPanelLanes = 16;
const hn::CappedTag<float, kPanelLanes> dp;
using PanelV = hn::Vec<decltype(dp)>;

// out[channels] = initial + sum over the taps of w * x. A row of x is one frame; w [taps,
// channels].
void SumTaps(const TapRange& time, const TapRange& frequency, int64_t frequency_kernel,
             int64_t channels, int64_t x_row, const float* x, const float* w, const float* initial,
             float* out) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(df));
  int64_t c = 0;
  for (; c + 4 * lanes <= channels; c += 4 * lanes) {
    V s0 = hn::Zero(df), s1 = s0, s2 = s0, s3 = s0;
    if (initial != nullptr) {
      s0 = hn::LoadU(df, initial + c);
      s1 = hn::LoadU(df, initial + c + lanes);
      s2 = hn::LoadU(df, initial + c + 2 * lanes);
      s3 = hn::LoadU(df, initial + c + 3 * lanes);
    }
    for (int64_t t = 0; t < time.count; ++t) {
      const float* frame = x + (time.position + t * time.position_step) * x_row + c;
      const float* taps = w + (time.tap + t * time.tap_step) * frequency_kernel * channels + c;
      for (int64_t f = 0; f < frequency.count; ++f) {
        const float* from = frame + (frequency.position + f * frequency.position_step) * channels;
        const float* tap = taps + (frequency.tap + f * frequency.tap_step) * channels;
        s0 = hn::MulAdd(hn::LoadU(df, tap), hn::LoadU(df, from), s0);
        s1 = hn::MulAdd(hn::LoadU(df, tap + lanes), hn::LoadU(df, from + lanes), s1);
        s2 = hn::MulAdd(hn::LoadU(df, tap + 2 * lanes), hn::LoadU(df, from + 2 * lanes), s2);
        s3 = hn::MulAdd(hn::LoadU(df, tap + 3 * lanes), hn::LoadU(df, from + 3 * lanes), s3);
      }
    }
    hn::StoreU(s0, df, out + c);
    hn::StoreU(s1, df, out + c + lanes);
    hn::StoreU(s2, df, out + c + 2 * lanes);
    hn::StoreU(s3, df, out + c + 3 * lanes);
  }
  for (; c < channels; c += lanes) {
    const size_t count = std::min(lanes, channels - c);
    V sum = initial != nullptr ? LoadPartial(df, initial + c, count) : hn::Zero(df);
    for (int64_t t = 0; t < time.count; ++t) {
      const float* frame = x + (time.position + t * time.position_step) * x_row + c;
      const float* taps = w + (time.tap + t * time.tap_step) * frequency_kernel * channels + c;
      for (int64_t f = 0; f < frequency.count; ++f) {
        const float* from = frame + (frequency.position + f * frequency.position_step) * channels;
        const float* tap = taps + (frequency.tap + f * frequency.tap_step) * channels;
        sum = hn::MulAdd(LoadPartial(df, tap, count), LoadPartial(df, from, count), sum);
      }
    }
    StorePartial(df, sum, out + c, count);
  }
}

// Sum over n of a[n * a_step] * b[n * b_step] for `count` channels, in four chains to hide latency.
HWY_INLINE PanelV Dot(int64_t n, const float* a, int64_t a_step, const float* b, int64_t b_step,
                      size_t count) {
  PanelV s0 = hn::Zero(dp), s1 = s0, s2 = s0, s3 = s0;
  int64_t i = 0;
  for (; i + 4 <= n; i += 4, a += 4 * a_step, b += 4 * b_step) {
    s0 = hn::MulAdd(LoadPartial(dp, a, count), LoadPartial(dp, b, count), s0);
    s1 = hn::MulAdd(LoadPartial(dp, a + a_step, count), LoadPartial(dp, b + b_step, count), s1);
    s2 = hn::MulAdd(LoadPartial(dp, a + 2 * a_step, count), LoadPartial(dp, b + 2 * b_step, count),
                    s2);
    s3 = hn::MulAdd(LoadPartial(dp, a + 3 * a_step, count), LoadPartial(dp, b + 3 * b_step, count),
                    s3);
  }
  for (; i < n; ++i, a += a_step, b += b_step) {
    s0 = hn::MulAdd(LoadPartial(dp, a, count), LoadPartial(dp, b, count), s0);
  }
  return hn::Add(hn::Add(s0, s1), hn::Add(s2, s3));
}

// One out frame's part of the gradients of `columns` channels (at most kPanelLanes): sums
// [taps, kPanelLanes] and bias_sum [kPanelLanes] accumulate.
void AddFrameGradient(const Conv2dShape& shape, const TapRange& time, size_t columns,
                      const float* x, const float* dy, float* sums, float* bias_sum) {
  const size_t lanes = hn::Lanes(dp);
  const int64_t channels = shape.in_channels;
  const int64_t out_bins = shape.out_bins();
  const Conv1dShape& filter = shape.frequency;
  for (size_t c = 0; c < columns; c += lanes) {
    const size_t count = std::min(lanes, columns - c);
    PanelV bias = hn::Load(dp, bias_sum + c);
    for (int64_t b = 0; b < out_bins; ++b) {
      bias = hn::Add(bias, LoadPartial(dp, dy + b * channels + c, count));
    }
    hn::Store(bias, dp, bias_sum + c);
    for (int64_t f = 0; f < filter.kernel; ++f) {
      // The out bins whose tap f lies on an in bin.
      const int64_t shift = filter.padding - f * filter.dilation;
      const int64_t begin = shift > 0 ? (shift + filter.stride - 1) / filter.stride : 0;
      const int64_t last = shape.in_bins - 1 + shift;
      const int64_t end = last < 0 ? 0 : std::min(out_bins, last / filter.stride + 1);
      if (begin >= end) continue;
      for (int64_t t = 0; t < time.count; ++t) {
        const float* frame =
            x + (time.position + t * time.position_step) * shape.in_bins * channels;
        const float* from = frame + (begin * filter.stride - shift) * channels + c;
        float* sum = sums + ((time.tap + t) * filter.kernel + f) * kPanelLanes + c;
        const PanelV dot = Dot(end - begin, dy + begin * channels + c, channels, from,
                               filter.stride * channels, count);
        hn::Store(hn::Add(hn::Load(dp, sum), dot), dp, sum);
      }
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

HWY_EXPORT(SumTaps);
HWY_EXPORT(AddFrameGradient);

constexpr int64_t kPanel = 16;  // channels of a task of the weight gradient: one cache line

void InputGradient(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                   const Conv2dShape& shape, const float* w, const float* dy, float* dx) {
  const int64_t channels = shape.in_channels;
  const int64_t in_row = shape.in_bins * channels;
  const int64_t out_row = shape.out_bins() * channels;
  for (size_t u = 0; u + 1 < in_offsets.size(); ++u) {
    const int64_t out_frames = out_offsets[u + 1] - out_offsets[u];
    const float* utterance = dy + out_offsets[u] * out_row;
    float* rows = dx + in_offsets[u] * in_row;
    ParallelRows(
        context, in_offsets[u + 1] - in_offsets[u], in_row, [&](int64_t begin, int64_t end, int) {
          for (int64_t i = begin; i < end; ++i) {
            const TapRange time = TapsOfInput(i, 0, out_frames, shape.time);
            for (int64_t b = 0; b < shape.in_bins; ++b) {
              const TapRange frequency = TapsOfInput(b, 0, shape.out_bins(), shape.frequency);
              HWY_DYNAMIC_DISPATCH(SumTaps)
              (time, frequency, shape.frequency.kernel, channels, out_row, utterance, w, nullptr,
               rows + i * in_row + b * channels);
            }
          }
        });
  }
}

// A task owns its channels and walks all frames in order: the sum's order is fixed.
void ParameterGradient(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                       const Conv2dShape& shape, const float* x, const float* dy, float* dw,
                       float* dbias) {
  const int64_t channels = shape.in_channels;
  const int64_t in_row = shape.in_bins * channels;
  const int64_t out_row = shape.out_bins() * channels;
  const int64_t work = out_offsets.back() * out_row;
  ParallelTasks(context, DivideRoundUp(channels, kPanel), work, [&](int64_t index, int thread) {
    const int64_t begin = index * kPanel;
    const int64_t columns = std::min(kPanel, channels - begin);
    float* bias_sum = context.threads.Scratch(thread).data();
    float* sums = bias_sum + kPanel;
    MASR_DCHECK(DepthwiseConv2dFits(shape));
    std::fill_n(bias_sum, (shape.taps() + 1) * kPanel, 0.0f);
    for (size_t u = 0; u + 1 < out_offsets.size(); ++u) {
      const int64_t in_frames = in_offsets[u + 1] - in_offsets[u];
      for (int64_t i = 0; i < out_offsets[u + 1] - out_offsets[u]; ++i) {
        HWY_DYNAMIC_DISPATCH(AddFrameGradient)
        (shape, TapsOfOutput(i, in_frames, shape.time), columns, x + in_offsets[u] * in_row + begin,
         dy + (out_offsets[u] + i) * out_row + begin, sums, bias_sum);
      }
    }
    for (int64_t tap = 0; dw != nullptr && tap < shape.taps(); ++tap) {
      for (int64_t c = 0; c < columns; ++c) {
        dw[tap * channels + begin + c] += sums[tap * kPanel + c];
      }
    }
    for (int64_t c = 0; dbias != nullptr && c < columns; ++c) dbias[begin + c] += bias_sum[c];
  });
}

}  // namespace

bool DepthwiseConv2dFits(const Conv2dShape& shape) {
  return (shape.taps() + 1) * kPanel <= static_cast<int64_t>(ThreadPool::kScratchFloats);
}

void DepthwiseConv2dForward(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                            const Conv2dShape& shape, const float* x, const float* w,
                            const float* bias, float* y) {
  const int64_t channels = shape.in_channels;
  const int64_t in_row = shape.in_bins * channels;
  const int64_t out_row = shape.out_bins() * channels;
  for (size_t u = 0; u + 1 < in_offsets.size(); ++u) {
    const int64_t in_frames = in_offsets[u + 1] - in_offsets[u];
    const float* utterance = x + in_offsets[u] * in_row;
    float* rows = y + out_offsets[u] * out_row;
    ParallelRows(context, out_offsets[u + 1] - out_offsets[u], out_row,
                 [&](int64_t begin, int64_t end, int) {
                   for (int64_t i = begin; i < end; ++i) {
                     const TapRange time = TapsOfOutput(i, in_frames, shape.time);
                     for (int64_t b = 0; b < shape.out_bins(); ++b) {
                       const TapRange frequency = TapsOfOutput(b, shape.in_bins, shape.frequency);
                       HWY_DYNAMIC_DISPATCH(SumTaps)
                       (time, frequency, shape.frequency.kernel, channels, in_row, utterance, w,
                        bias, rows + i * out_row + b * channels);
                     }
                   }
                 });
  }
}

void DepthwiseConv2dBackward(const KernelContext& context, Offsets in_offsets, Offsets out_offsets,
                             const Conv2dShape& shape, const float* x, const float* w,
                             const float* dy, float* dx, float* dw, float* dbias) {
  if (dw != nullptr || dbias != nullptr) {
    ParameterGradient(context, in_offsets, out_offsets, shape, x, dy, dw, dbias);
  }
  if (dx != nullptr) InputGradient(context, in_offsets, out_offsets, shape, w, dy, dx);
}

}  // namespace masr
#endif  // HWY_ONCE
