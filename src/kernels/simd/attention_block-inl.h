// The steps that attention's forward and backward tasks share: products of a block of rows with all
// keys, panel by panel of the task's scratch.
//
// Per target: include after hwy/foreach_target.h.
#if defined(MOBILEASR_KERNELS_SIMD_ATTENTION_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MOBILEASR_KERNELS_SIMD_ATTENTION_BLOCK_INL_H_
#undef MOBILEASR_KERNELS_SIMD_ATTENTION_BLOCK_INL_H_
#else
#define MOBILEASR_KERNELS_SIMD_ATTENTION_BLOCK_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <span>

#include "base/thread_pool.h"
#include "hwy/highway.h"
#include "kernels/simd/attention_tasks.h"
#include "kernels/simd/strided_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Columns to either side of a tile of scores that the product with the positions may touch: its
// panels begin and end anywhere relative to the keys.
constexpr int64_t kTileMargin = kPanel + 8;

// out[columns] = (in + bias) * scale; bias may be null.
inline void BiasAndScale(const float* in, const float* bias, float scale, int64_t columns,
                         float* out) {
  for (int64_t c = 0; c < columns; ++c) {
    out[c] = (bias == nullptr ? in[c] : in[c] + bias[c]) * scale;
  }
}

// What a block of scores is made of: scores(i, j) = scale * ((left_i + u) . right_j + (left_i + w)
// . r_{i-j}), the second product only with positions. left, right and r point at the head's
// columns.
struct ScoreInputs {
  const float* left;
  int64_t left_stride;
  const float* right;
  int64_t right_stride;
  const float* r = nullptr;  // row max_frames - 1 has distance 0
  int64_t r_stride = 0;
  int64_t max_frames = 0;
  const float* u = nullptr;
  const float* w = nullptr;
  float scale = 1.0f;
};

// Rows task.begin .. task.end of scores [frames, frames]. Keys are taken in as many pieces as the
// scratch asks for.
inline void ScoreBlock(const attention::Task& task, const ScoreInputs& in, int64_t head_dim,
                       std::span<float> scratch, float* scores) {
  const int64_t rows = task.end - task.begin;
  const bool relative = in.r != nullptr;
  const int64_t fixed = 2 * kBlockRows * head_dim + 2 * kBlockRows * kTileMargin +
                        (relative ? head_dim * (rows + 2 * kPanel) : 0);
  const int64_t per_key = (relative ? 2 : 1) * head_dim + kBlockRows;
  const int64_t room = (static_cast<int64_t>(scratch.size()) - fixed) / per_key;
  const int64_t piece = std::min(RoundUp(task.frames, kPanel), room / kPanel * kPanel);
  MASR_DCHECK(piece > 0);

  const int64_t tile_stride = piece + 2 * kTileMargin;
  float* keys = scratch.data();
  float* positions = keys + head_dim * piece;
  float* tile = positions + (relative ? head_dim * RoundUp(piece + rows, kPanel) : 0);
  float* left_u = tile + kBlockRows * tile_stride;
  float* left_w = left_u + kBlockRows * head_dim;

  for (int64_t key = 0; key < task.frames; key += piece) {
    const int64_t count = std::min(piece, task.frames - key);
    PackTransposedPanels(in.right + key * in.right_stride, in.right_stride, count, head_dim, keys);
    if (relative) {
      // From the distance of the block's last row to the piece's first key, on.
      const int64_t first = in.max_frames - 1 - (task.end - 1) + key;
      PackTransposedPanels(in.r + first * in.r_stride, in.r_stride, rows + count - 1, head_dim,
                           positions);
    }
    for (int64_t i = task.begin; i < task.end; i += kBlockRows) {
      const int64_t group = std::min(kBlockRows, task.end - i);
      std::fill_n(tile, kBlockRows * tile_stride, 0.0f);
      for (int64_t r = 0; r < group; ++r) {
        const float* row = in.left + (i + r) * in.left_stride;
        BiasAndScale(row, in.u, in.scale, head_dim, left_u + r * head_dim);
        if (relative) BiasAndScale(row, in.w, in.scale, head_dim, left_w + r * head_dim);
      }
      BlockProduct(group, RoundUp(count, kPanel) / kPanel, head_dim, left_u, head_dim, 1, keys,
                   head_dim * kPanel, tile + kTileMargin, tile_stride);
      if (relative) {
        // One row further down, the same position belongs to the next key: a skewed tile.
        const int64_t begin = (task.end - i - group) / kPanel;
        const int64_t end = RoundUp(task.end - 1 - i + count, kPanel) / kPanel;
        BlockProduct(group, end - begin, head_dim, left_w, head_dim, 1,
                     positions + begin * head_dim * kPanel, head_dim * kPanel,
                     tile + kTileMargin + begin * kPanel - (task.end - 1 - i), tile_stride + 1);
      }
      StoreTile(tile + kTileMargin, tile_stride, group, count, scores + i * task.frames + key,
                task.frames);
    }
  }
}

// Depth that is packed at once, for panels that stay in the caches.
inline int64_t DepthPiece(int64_t padded) {
  return std::min<int64_t>(256, static_cast<int64_t>(ThreadPool::kScratchFloats) / 4 / padded);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace masr
HWY_AFTER_NAMESPACE();

#endif  // MOBILEASR_KERNELS_SIMD_ATTENTION_BLOCK_INL_H_
