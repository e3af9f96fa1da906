// How kernels cut their work into tasks: by rows, by columns, by chunks of utterances.
//
// The cuts depend on shapes alone, never on the number of threads. What is too small to be worth
// waking the workers runs on the caller.
#ifndef MOBILEASR_KERNELS_PARALLEL_H_
#define MOBILEASR_KERNELS_PARALLEL_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "kernels/context.h"

namespace masr {

// Elements that one task should have: some microseconds of work, against about one to hand it out.
inline constexpr int64_t kTaskElements = 16 * 1024;

constexpr int64_t DivideRoundUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Calls task(index, thread) for each index in [0, count); `elements` is the work of all together.
template <class Task>
void ParallelTasks(const KernelContext& context, int64_t count, int64_t elements,
                   const Task& task) {
  if (elements < kTaskElements) {
    for (int64_t i = 0; i < count; ++i) task(i, 0);
    return;
  }
  context.threads.ParallelFor(static_cast<size_t>(count), [&](size_t index, int thread) {
    task(static_cast<int64_t>(index), thread);
  });
}

// Calls task(begin, end, thread) on ranges that cover [0, rows).
template <class Task>
void ParallelRows(const KernelContext& context, int64_t rows, int64_t elements_per_row,
                  const Task& task) {
  const int64_t step = std::max<int64_t>(1, kTaskElements / std::max<int64_t>(1, elements_per_row));
  ParallelTasks(context, DivideRoundUp(rows, step), rows * elements_per_row,
                [&](int64_t index, int thread) {
                  task(index * step, std::min(rows, (index + 1) * step), thread);
                });
}

// Frames [begin, end) of one utterance, counted from its first.
struct UtteranceChunk {
  size_t utterance = 0;
  int64_t begin = 0;
  int64_t end = 0;
};

inline int64_t CountChunks(Offsets offsets, int64_t frames_per_chunk) {
  int64_t count = 0;
  for (size_t u = 0; u + 1 < offsets.size(); ++u) {
    count += DivideRoundUp(offsets[u + 1] - offsets[u], frames_per_chunk);
  }
  return count;
}

// Chunk `index` of those that CountChunks counts.
inline UtteranceChunk FindChunk(Offsets offsets, int64_t frames_per_chunk, int64_t index) {
  for (size_t u = 0; u + 1 < offsets.size(); ++u) {
    const int64_t frames = offsets[u + 1] - offsets[u];
    const int64_t chunks = DivideRoundUp(frames, frames_per_chunk);
    if (index < chunks) {
      return {u, index * frames_per_chunk, std::min(frames, (index + 1) * frames_per_chunk)};
    }
    index -= chunks;
  }
  return {};
}

}  // namespace masr

#endif  // MOBILEASR_KERNELS_PARALLEL_H_
