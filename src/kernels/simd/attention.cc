#include "kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/attention.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/attention_block-inl.h"
#include "kernels/simd/attention_tasks.h"
#include "kernels/simd/math-inl.h"
#include "kernels/simd/strided_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Softmax in place.
void AttentionSoftmaxRow(int64_t count, float* row) {
  const BlockTag d;
  const int64_t whole = count - count % kVector;
  const size_t tail = static_cast<size_t>(count - whole);
  auto highest = hn::Set(d, row[0]);
  for (int64_t j = 0; j < whole; j += kVector) {
    highest = hn::Max(highest, hn::LoadU(d, row + j));
  }
  float top = hn::GetLane(hn::MaxOfLanes(d, highest));
  for (int64_t j = whole; j < count; ++j) top = std::max(top, row[j]);

  const auto shift = hn::Set(d, top);
  auto sums = hn::Zero(d);
  for (int64_t j = 0; j < whole; j += kVector) {
    const auto e = Exp(d, hn::Sub(hn::LoadU(d, row + j), shift));
    hn::StoreU(e, d, row + j);
    sums = hn::Add(sums, e);
  }
  if (tail > 0) {
    const auto e = Exp(d, hn::Sub(LoadPartial(d, row + whole, tail), shift));
    StorePartial(d, e, row + whole, tail);
    sums = hn::Add(sums, LoadPartial(d, row + whole, tail));
  }
  const auto inverse = hn::Set(d, 1.0f / hn::GetLane(hn::SumOfLanes(d, sums)));
  for (int64_t j = 0; j < whole; j += kVector) {
    hn::StoreU(hn::Mul(hn::LoadU(d, row + j), inverse), d, row + j);
  }
  if (tail > 0) {
    StorePartial(d, hn::Mul(LoadPartial(d, row + whole, tail), inverse), row + whole, tail);
  }
}

// out[begin .. end] = P v for the block's rows.
void MixValues(const attention::Task& task, const float* probabilities, const float* v,
               int64_t stride, int64_t head_dim, std::span<float> scratch, float* out,
               int64_t out_stride) {
  const int64_t rows = task.end - task.begin;
  const int64_t padded = RoundUp(head_dim, kPanel);
  const int64_t piece = DepthPiece(padded);
  float* tile = scratch.data();
  float* panels = tile + rows * padded;
  std::fill_n(tile, rows * padded, 0.0f);
  for (int64_t key = 0; key < task.frames; key += piece) {
    const int64_t count = std::min(piece, task.frames - key);
    PackPanels(v + key * stride, stride, head_dim, count, nullptr, panels);
    BlockProduct(rows, padded / kPanel, count, probabilities + task.begin * task.frames + key,
                 task.frames, 1, panels, count * kPanel, tile, padded);
  }
  StoreTile(tile, padded, rows, head_dim, out + task.begin * out_stride, out_stride);
}

void AttentionForward(const KernelContext& context, Offsets offsets, const AttentionShape& shape,
                      const float* q, const float* k, const float* v, int64_t stride,
                      const float* r, const float* u, const float* w, float* probabilities,
                      float* out) {
  const int64_t head_dim = shape.head_dim();
  MASR_DCHECK(head_dim <= attention::kMaxHeadDim);
  const size_t tasks = static_cast<size_t>(attention::TaskCount(offsets, shape));
  context.threads.ParallelFor(tasks, [&](size_t index, int thread) HWY_ATTR {
    const attention::Task task = attention::TaskAt(offsets, shape, static_cast<int64_t>(index));
    const int64_t column = task.head * head_dim;
    const auto at_head = [column](const float* p) { return p == nullptr ? p : p + column; };
    const std::span<float> scratch = context.threads.Scratch(thread);
    float* p = probabilities + task.probabilities;
    const ScoreInputs inputs = {.left = q + task.row * stride + column,
                                .left_stride = stride,
                                .right = k + task.row * stride + column,
                                .right_stride = stride,
                                .r = at_head(r),
                                .r_stride = shape.dim,
                                .max_frames = shape.max_frames,
                                .u = at_head(u),
                                .w = at_head(w),
                                .scale = 1.0f / std::sqrt(static_cast<float>(head_dim))};
    ScoreBlock(task, inputs, head_dim, scratch, p);
    for (int64_t i = task.begin; i < task.end; ++i) {
      AttentionSoftmaxRow(task.frames, p + i * task.frames);
    }
    MixValues(task, p, v + task.row * stride + column, stride, head_dim, scratch,
              out + task.row * shape.dim + column, shape.dim);
  });
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace masr
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace masr {
namespace {

HWY_EXPORT(AttentionForward);

}  // namespace

void RelativePositions(int64_t max_frames, int64_t dim, float* out) {
  // A sine and a cosine per element would cost more than the attention itself. Turning the pair of
  // distance m by one step gives that of m + 1; in double, the error stays below 1e-12.
  float* zero = out + (max_frames - 1) * dim;
  for (int64_t c = 0; c < dim; c += 2) {
    const double step = std::pow(10000.0, -static_cast<double>(c) / static_cast<double>(dim));
    const double step_sin = std::sin(step);
    const double step_cos = std::cos(step);
    double sin = 0.0;
    double cos = 1.0;
    for (int64_t m = 0; m < max_frames; ++m) {
      float* past = zero - m * dim + c;
      float* future = zero + m * dim + c;
      future[0] = static_cast<float>(-sin);
      future[1] = static_cast<float>(cos);
      past[0] = static_cast<float>(sin);
      past[1] = static_cast<float>(cos);
      const double turned = sin * step_cos + cos * step_sin;
      cos = cos * step_cos - sin * step_sin;
      sin = turned;
    }
  }
}

int64_t AttentionProbabilityFloats(Offsets offsets, int64_t heads) {
  int64_t floats = 0;
  for (size_t u = 0; u + 1 < offsets.size(); ++u) {
    const int64_t frames = offsets[u + 1] - offsets[u];
    floats += heads * frames * frames;
  }
  return floats;
}

void RelativeAttentionForward(const KernelContext& context, Offsets offsets,
                              const AttentionShape& shape, const float* q, const float* k,
                              const float* v, int64_t stride, const float* r, const float* u,
                              const float* w, float* probabilities, float* out) {
  HWY_DYNAMIC_DISPATCH(AttentionForward)
  (context, offsets, shape, q, k, v, stride, r, u, w, probabilities, out);
}

}  // namespace masr
#endif  // HWY_ONCE
