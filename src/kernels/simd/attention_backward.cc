#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

#include "kernels/attention.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/attention_backward.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/attention_block-inl.h"
#include "kernels/simd/attention_tasks.h"
#include "kernels/simd/strided_block-inl.h"

#ifndef MOBILEASR_KERNELS_SIMD_ATTENTION_BACKWARD_ARGUMENTS
#define MOBILEASR_KERNELS_SIMD_ATTENTION_BACKWARD_ARGUMENTS
namespace masr::attention {

struct BackwardArguments {
  const float* q;
  const float* k;
  const float* v;
  int64_t stride;
  const float* r;
  const float* u;
  const float* w;
  const float* probabilities;
  const float* dout;
  float* dq;
  float* dk;
  float* dv;
  float* dr;
  float* du;
  float* dw;
  float* dscores;   // like probabilities
  float* partials;  // [tasks, 2, head_dim]: each block's share of du and dw
};

// Positions per task: a multiple of the kernel's rows.
inline constexpr int64_t kPositionBlock = 48;

}  // namespace masr::attention
#endif

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// From dp, the gradient of the probabilities p, to that of the scores before scaling, in place.
void SoftmaxRowBackward(int64_t count, const float* p, float scale, float* dp) {
  const BlockTag d;
  auto sums = hn::Zero(d);
  for (int64_t j = 0; j < count; j += kVector) {
    const size_t lanes = static_cast<size_t>(std::min(kVector, count - j));
    sums = hn::MulAdd(LoadPartial(d, p + j, lanes), LoadPartial(d, dp + j, lanes), sums);
  }
  const auto dot = hn::Set(d, hn::GetLane(hn::SumOfLanes(d, sums)));
  for (int64_t j = 0; j < count; j += kVector) {
    const size_t lanes = static_cast<size_t>(std::min(kVector, count - j));
    const auto scaled = hn::Mul(LoadPartial(d, p + j, lanes), hn::Set(d, scale));
    const auto value = hn::Mul(scaled, hn::Sub(LoadPartial(d, dp + j, lanes), dot));
    StorePartial(d, value, dp + j, lanes);
  }
}

void SumRows(const float* tile, int64_t tile_stride, int64_t rows, int64_t columns, float* sums) {
  std::fill_n(sums, columns, 0.0f);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t c = 0; c < columns; ++c) sums[c] += tile[i * tile_stride + c];
  }
}

// The block's rows of dscores and dq, and its shares of du and dw.
void QueryGradients(const attention::Task& task, const AttentionShape& shape,
                    const attention::BackwardArguments& args, std::span<float> scratch,
                    float* partials) {
  const int64_t head_dim = shape.head_dim();
  const int64_t column = task.head * head_dim;
  const int64_t frames = task.frames;
  const int64_t rows = task.end - task.begin;
  const float scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
  const float* p = args.probabilities + task.probabilities;
  float* ds = args.dscores + task.probabilities;
  ScoreBlock(task,
             {.left = args.dout + task.row * shape.dim + column,
              .left_stride = shape.dim,
              .right = args.v + task.row * args.stride + column,
              .right_stride = args.stride},
             head_dim, scratch, ds);
  for (int64_t i = task.begin; i < task.end; ++i) {
    SoftmaxRowBackward(frames, p + i * frames, scale, ds + i * frames);
  }

  const int64_t padded = RoundUp(head_dim, kPanel);
  const int64_t piece = DepthPiece(padded);
  float* content = scratch.data();
  float* relative = content + rows * padded;
  float* panels = relative + rows * padded;
  std::fill_n(content, 2 * rows * padded, 0.0f);
  for (int64_t key = 0; key < frames; key += piece) {
    const int64_t count = std::min(piece, frames - key);
    PackPanels(args.k + (task.row + key) * args.stride + column, args.stride, head_dim, count,
               nullptr, panels);
    BlockProduct(rows, padded / kPanel, count, ds + task.begin * frames + key, frames, 1, panels,
                 count * kPanel, content, padded);
  }
  if (args.r != nullptr) {
    const Band band = {ds, frames + 1, 1, shape.max_frames - 1, frames};
    const int64_t last = band.origin - task.begin + frames;
    for (int64_t first = band.origin - (task.end - 1); first < last; first += piece) {
      const int64_t count = std::min(piece, last - first);
      PackPanels(args.r + first * shape.dim + column, shape.dim, head_dim, count, nullptr, panels);
      BandProduct(band, task.begin, rows, first, first + count, padded / kPanel, panels,
                  count * kPanel, relative, padded);
    }
  }
  SumRows(content, padded, rows, head_dim, partials);
  SumRows(relative, padded, rows, head_dim, partials + head_dim);
  if (args.dq == nullptr) return;
  for (int64_t i = 0; i < rows * padded; ++i) content[i] += relative[i];
  StoreTile(content, padded, rows, head_dim,
            args.dq + (task.row + task.begin) * args.stride + column, args.stride);
}

// out[begin .. end] = values^T (in + bias): the sum runs over all queries. values is a head's
// [frames, frames], probabilities or gradients of scores.
void SumOverQueries(const attention::Task& task, int64_t head_dim, const float* values,
                    const float* in, int64_t in_stride, const float* bias, std::span<float> scratch,
                    float* out, int64_t out_stride) {
  const int64_t rows = task.end - task.begin;
  const int64_t padded = RoundUp(head_dim, kPanel);
  const int64_t piece = DepthPiece(padded);
  float* tile = scratch.data();
  float* panels = tile + rows * padded;
  std::fill_n(tile, rows * padded, 0.0f);
  for (int64_t i = 0; i < task.frames; i += piece) {
    const int64_t count = std::min(piece, task.frames - i);
    PackPanels(in + i * in_stride, in_stride, head_dim, count, bias, panels);
    BlockProduct(rows, padded / kPanel, count, values + i * task.frames + task.begin, 1,
                 task.frames, panels, count * kPanel, tile, padded);
  }
  StoreTile(tile, padded, rows, head_dim, out + task.begin * out_stride, out_stride);
}

void KeyGradients(const attention::Task& task, const AttentionShape& shape,
                  const attention::BackwardArguments& args, std::span<float> scratch) {
  const int64_t head_dim = shape.head_dim();
  const int64_t column = task.head * head_dim;
  const int64_t at = task.row * args.stride + column;
  if (args.dk != nullptr) {
    SumOverQueries(task, head_dim, args.dscores + task.probabilities, args.q + at, args.stride,
                   args.u == nullptr ? nullptr : args.u + column, scratch, args.dk + at,
                   args.stride);
  }
  if (args.dv != nullptr) {
    SumOverQueries(task, head_dim, args.probabilities + task.probabilities,
                   args.dout + task.row * shape.dim + column, shape.dim, nullptr, scratch,
                   args.dv + at, args.stride);
  }
}

// A block of dr's rows for one head: the sum runs over all utterances and queries.
void PositionGradients(Offsets offsets, const AttentionShape& shape,
                       const attention::BackwardArguments& args, int64_t head, int64_t begin,
                       std::span<float> scratch) {
  const int64_t head_dim = shape.head_dim();
  const int64_t column = head * head_dim;
  const int64_t rows = std::min(attention::kPositionBlock, shape.positions() - begin);
  const int64_t padded = RoundUp(head_dim, kPanel);
  const int64_t piece = DepthPiece(padded);
  const int64_t origin = shape.max_frames - 1;
  float* tile = scratch.data();
  float* panels = tile + rows * padded;
  std::fill_n(tile, rows * padded, 0.0f);
  const float* dscores = args.dscores;
  for (size_t u = 0; u + 1 < offsets.size(); ++u) {
    const int64_t frames = offsets[u + 1] - offsets[u];
    const Band band = {dscores + head * frames * frames, 1, frames + 1, origin, frames};
    dscores += shape.heads * frames * frames;
    const int64_t last = std::min(frames, origin - begin + frames);
    for (int64_t i = std::max<int64_t>(0, origin - (begin + rows - 1)); i < last; i += piece) {
      const int64_t count = std::min(piece, last - i);
      PackPanels(args.q + (offsets[u] + i) * args.stride + column, args.stride, head_dim, count,
                 args.w == nullptr ? nullptr : args.w + column, panels);
      BandProduct(band, begin, rows, i, i + count, padded / kPanel, panels, count * kPanel, tile,
                  padded);
    }
  }
  StoreTile(tile, padded, rows, head_dim, args.dr + begin * shape.dim + column, shape.dim);
}

void AttentionBackward(const KernelContext& context, Offsets offsets, const AttentionShape& shape,
                       const attention::BackwardArguments& args) {
  const int64_t head_dim = shape.head_dim();
  MASR_DCHECK(head_dim <= attention::kMaxHeadDim);
  const int64_t tasks = attention::TaskCount(offsets, shape);
  context.threads.ParallelFor(static_cast<size_t>(tasks), [&](size_t task, int thread) HWY_ATTR {
    const int64_t index = static_cast<int64_t>(task);
    QueryGradients(attention::TaskAt(offsets, shape, index), shape, args,
                   context.threads.Scratch(thread), args.partials + index * 2 * head_dim);
  });

  const int64_t position_blocks =
      args.dr == nullptr
          ? 0
          : (shape.positions() + attention::kPositionBlock - 1) / attention::kPositionBlock;
  const size_t rest = static_cast<size_t>(tasks + shape.heads * position_blocks);
  context.threads.ParallelFor(rest, [&](size_t task, int thread) HWY_ATTR {
    const int64_t index = static_cast<int64_t>(task);
    const std::span<float> scratch = context.threads.Scratch(thread);
    if (index < tasks) {
      KeyGradients(attention::TaskAt(offsets, shape, index), shape, args, scratch);
    } else {
      // There are such tasks only where there are position blocks.
      // NOLINTNEXTLINE(clang-analyzer-core.DivideZero)
      const int64_t head = (index - tasks) / position_blocks;
      const int64_t block = (index - tasks) % position_blocks;
      PositionGradients(offsets, shape, args, head, block * attention::kPositionBlock, scratch);
    }
  });

  for (int64_t index = 0; index < tasks; ++index) {
    const int64_t column = attention::TaskAt(offsets, shape, index).head * head_dim;
    const float* partial = args.partials + index * 2 * head_dim;
    for (int64_t c = 0; c < head_dim; ++c) {
      if (args.du != nullptr) args.du[column + c] += partial[c];
      if (args.dw != nullptr) args.dw[column + c] += partial[head_dim + c];
    }
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace masr
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace masr {
namespace {

HWY_EXPORT(AttentionBackward);

}  // namespace

int64_t AttentionBackwardScratchFloats(Offsets offsets, const AttentionShape& shape) {
  return AttentionProbabilityFloats(offsets, shape.heads) +
         attention::TaskCount(offsets, shape) * 2 * shape.head_dim();
}

void RelativeAttentionBackward(const KernelContext& context, Offsets offsets,
                               const AttentionShape& shape, const float* q, const float* k,
                               const float* v, int64_t stride, const float* r, const float* u,
                               const float* w, const float* probabilities, const float* dout,
                               float* dq, float* dk, float* dv, float* dr, float* du, float* dw,
                               float* scratch) {
  float* partials = scratch + AttentionProbabilityFloats(offsets, shape.heads);
  HWY_DYNAMIC_DISPATCH(AttentionBackward)
  (context, offsets, shape,
   {q, k, v, stride, r, u, w, probabilities, dout, dq, dk, dv, dr, du, dw, scratch, partials});
}

}  // namespace masr
#endif  // HWY_ONCE
