// How attention is cut into tasks: (utterance, head, block of rows), the blocks fixed by the shape
// alone, so that sums per block do not depend on the number of threads.
#ifndef MOBILEASR_KERNELS_SIMD_ATTENTION_TASKS_H_
#define MOBILEASR_KERNELS_SIMD_ATTENTION_TASKS_H_

#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "kernels/attention.h"

namespace masr::attention {

// Tasks pack their operands into ThreadPool::kScratchFloats; wider heads would not fit.
inline constexpr int64_t kMaxHeadDim = 1024;

struct Task {
  int64_t row = 0;     // first row of the utterance in the packed batch
  int64_t frames = 0;  // of the utterance
  int64_t head = 0;
  int64_t begin = 0;  // rows of the block within the utterance
  int64_t end = 0;
  int64_t probabilities = 0;  // where the head's [frames, frames] begins
};

// Most rows of a block: enough to pay for the packing of the keys, few enough to share the work.
inline int64_t MaxBlock(int64_t head_dim) { return head_dim <= 256 ? 96 : 24; }

inline int64_t Blocks(int64_t frames, int64_t head_dim) {
  const int64_t most = MaxBlock(head_dim);
  return (frames + most - 1) / most;
}

// Blocks of nearly equal size; a multiple of the kernel's six rows, but for the last.
inline int64_t BlockSize(int64_t frames, int64_t head_dim) {
  const int64_t blocks = Blocks(frames, head_dim);
  return ((frames + blocks - 1) / blocks + 5) / 6 * 6;
}

inline int64_t TaskCount(Offsets offsets, const AttentionShape& shape) {
  int64_t count = 0;
  for (size_t u = 0; u + 1 < offsets.size(); ++u) {
    count += Blocks(offsets[u + 1] - offsets[u], shape.head_dim());
  }
  return count * shape.heads;
}

inline Task TaskAt(Offsets offsets, const AttentionShape& shape, int64_t index) {
  Task task;
  for (size_t u = 0; u + 1 < offsets.size(); ++u) {
    task.row = offsets[u];
    task.frames = offsets[u + 1] - offsets[u];
    const int64_t blocks = Blocks(task.frames, shape.head_dim());
    if (index < blocks * shape.heads) {
      task.head = index / blocks;
      const int64_t size = BlockSize(task.frames, shape.head_dim());
      task.begin = std::min(index % blocks * size, task.frames);
      task.end = std::min(task.begin + size, task.frames);
      task.probabilities += task.head * task.frames * task.frames;
      return task;
    }
    index -= blocks * shape.heads;
    task.probabilities += shape.heads * task.frames * task.frames;
  }
  MASR_DCHECK(false);
  return task;
}

}  // namespace masr::attention

#endif  // MOBILEASR_KERNELS_SIMD_ATTENTION_TASKS_H_
