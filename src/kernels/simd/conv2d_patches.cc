#include "kernels/simd/conv2d_patches.h"

#include <algorithm>
#include <cstdint>

#include "kernels/conv_taps.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/conv2d_patches.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/highway.h"
#include "kernels/simd/math-inl.h"

#ifndef MOBILEASR_KERNELS_SIMD_CONV2D_PATCHES_SOURCES
#define MOBILEASR_KERNELS_SIMD_CONV2D_PATCHES_SOURCES
namespace masr {

// The places in the patches that one bin of one frame went to: rows of `columns`, evenly spaced.
struct PatchSources {
  int64_t rows;
  int64_t row_step;
  int64_t columns;
  int64_t column_step;
};

}  // namespace masr
#endif

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {
namespace {

const hn::ScalableTag<float> df;
using V = hn::Vec<decltype(df)>;

// to[lanes .. 4 * lanes] += the sources, in their order.
HWY_INLINE void AddFourVectors(const PatchSources& sources, const float* from, float* to) {
  const size_t lanes = hn::Lanes(df);
  V sum0 = hn::LoadU(df, to);
  V sum1 = hn::LoadU(df, to + lanes);
  V sum2 = hn::LoadU(df, to + 2 * lanes);
  V sum3 = hn::LoadU(df, to + 3 * lanes);
  for (int64_t r = 0; r < sources.rows; ++r) {
    const float* at = from + r * sources.row_step;
    for (int64_t c = 0; c < sources.columns; ++c) {
      sum0 = hn::Add(sum0, hn::LoadU(df, at));
      sum1 = hn::Add(sum1, hn::LoadU(df, at + lanes));
      sum2 = hn::Add(sum2, hn::LoadU(df, at + 2 * lanes));
      sum3 = hn::Add(sum3, hn::LoadU(df, at + 3 * lanes));
      at += sources.column_step;
    }
  }
  hn::StoreU(sum0, df, to);
  hn::StoreU(sum1, df, to + lanes);
  hn::StoreU(sum2, df, to + 2 * lanes);
  hn::StoreU(sum3, df, to + 3 * lanes);
}

HWY_INLINE void AddVector(const PatchSources& sources, size_t count, const float* from, float* to) {
  V sum = LoadPartial(df, to, count);
  for (int64_t r = 0; r < sources.rows; ++r) {
    const float* at = from + r * sources.row_step;
    for (int64_t c = 0; c < sources.columns; ++c) {
      sum = hn::Add(sum, LoadPartial(df, at, count));
      at += sources.column_step;
    }
  }
  StorePartial(df, sum, to, count);
}

void AddSources(const PatchSources& sources, size_t channels, const float* from, float* to) {
  const size_t lanes = hn::Lanes(df);
  size_t i = 0;
  for (; i + 4 * lanes <= channels; i += 4 * lanes) AddFourVectors(sources, from + i, to + i);
  for (; i < channels; i += lanes) {
    AddVector(sources, std::min(lanes, channels - i), from + i, to + i);
  }
}

void AddPatchesTarget(const Conv2dShape& shape, int64_t frame, int64_t begin, int64_t end,
                      const float* patches, float* dx) {
  const int64_t channels = shape.in_channels;
  const int64_t length = shape.taps() * channels;
  const int64_t out_bins = shape.out_bins();
  const int64_t time_tap = shape.frequency.kernel * channels;
  const TapRange time = TapsOfInput(frame, begin, end, shape.time);
  if (time.count == 0) return;
  for (int64_t b = 0; b < shape.in_bins; ++b) {
    const TapRange frequency = TapsOfInput(b, 0, out_bins, shape.frequency);
    if (frequency.count == 0) continue;
    const PatchSources sources = {
        .rows = time.count,
        .row_step = time.position_step * out_bins * length + time.tap_step * time_tap,
        .columns = frequency.count,
        .column_step = frequency.position_step * length + frequency.tap_step * channels};
    const int64_t first = ((time.position - begin) * out_bins + frequency.position) * length +
                          time.tap * time_tap + frequency.tap * channels;
    AddSources(sources, static_cast<size_t>(channels), patches + first, dx + b * channels);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace masr
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace masr {

HWY_EXPORT(AddPatchesTarget);

void AddPatchesToFrame(const Conv2dShape& shape, int64_t frame, int64_t begin, int64_t end,
                       const float* patches, float* dx) {
  HWY_DYNAMIC_DISPATCH(AddPatchesTarget)(shape, frame, begin, end, patches, dx);
}

}  // namespace masr
#endif  // HWY_ONCE
