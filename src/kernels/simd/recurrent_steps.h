// How a recurrence is cut up. Threads that have a direction each walk all its steps without
// meeting; more threads than directions share the units of a step, in as many slices as its work is
// worth.
#ifndef MOBILEASR_KERNELS_SIMD_RECURRENT_STEPS_H_
#define MOBILEASR_KERNELS_SIMD_RECURRENT_STEPS_H_

#include <algorithm>
#include <array>
#include <cstdint>

#include "kernels/recurrent.h"

namespace masr::recurrent {

// Bounds for every target: vectors of at most 16 floats, panels of at most four vectors.
inline constexpr int64_t kMaxPanelUnits = 64;

// Below this many multiply-adds (one to two microseconds), handing out a slice costs more than it
// saves.
inline constexpr int64_t kSliceWork = 24 * 1024;

// Utterances whose rows a task keeps at hand at once.
inline constexpr int64_t kMaxActive = 32;

// Scratch: the packed weights; then, for the backward pass, a row of zeros [gates * hidden], what
// is carried from step to step [utterances, hidden], and the GRU's gradient of Un h' + dn [rows,
// hidden].
inline int64_t PackedFloats(const RecurrentShape& shape) {
  const int64_t units = (shape.hidden + kMaxPanelUnits - 1) / kMaxPanelUnits * kMaxPanelUnits;
  return units * shape.gates() * shape.hidden;
}

// A row of the batch that takes part in a step. `before` and `after` are the rows that the
// recurrence visits before and after it in the same utterance, or -1.
struct ActiveRow {
  int64_t utterance;
  int64_t row;
  int64_t before;
  int64_t after;
};

struct ActiveRows {
  std::array<ActiveRow, kMaxActive> rows;
  int64_t count = 0;
};

// The next rows of the step, from utterance `next` on, which moves past them.
inline ActiveRows NextActive(Offsets offsets, bool reverse, int64_t step, size_t& next) {
  ActiveRows active;
  for (; next + 1 < offsets.size() && active.count < kMaxActive; ++next) {
    const int64_t frames = offsets[next + 1] - offsets[next];
    if (step >= frames) continue;
    const int64_t row = reverse ? offsets[next + 1] - 1 - step : offsets[next] + step;
    const int64_t forward = reverse ? -1 : 1;
    active.rows[active.count++] = {static_cast<int64_t>(next), row, step == 0 ? -1 : row - forward,
                                   step + 1 == frames ? -1 : row + forward};
  }
  return active;
}

inline int64_t LongestUtterance(Offsets offsets) {
  int64_t longest = 0;
  for (size_t u = 0; u + 1 < offsets.size(); ++u) {
    longest = std::max(longest, offsets[u + 1] - offsets[u]);
  }
  return longest;
}

// Slices into which `panels` panels of a step are cut, in each direction.
inline int64_t Slices(int64_t threads, Offsets offsets, const RecurrentShape& shape, int64_t step,
                      int64_t panels) {
  int64_t active = 0;
  for (size_t u = 0; u + 1 < offsets.size(); ++u) active += step < offsets[u + 1] - offsets[u];
  const int64_t work = active * shape.gates() * shape.hidden * shape.hidden;
  return std::clamp<int64_t>(work / kSliceWork, 1, std::min(threads, panels));
}

// Calls slice(direction, step, first panel, past the last panel) for each direction, each of the
// steps from `first` on in steps of `by`, and each part of the panels; a step of a direction only
// after its step before.
template <class Slice>
void WalkSteps(const KernelContext& context, Offsets offsets, const RecurrentShape& shape,
               int64_t directions, int64_t panels, int64_t first, int64_t by, const Slice& slice) {
  const int64_t steps = LongestUtterance(offsets);
  const int64_t threads = context.threads.threads();
  if (threads <= directions) {
    context.threads.ParallelFor(static_cast<size_t>(directions), [&](size_t d, int) {
      for (int64_t i = 0; i < steps; ++i) slice(static_cast<int64_t>(d), first + i * by, 0, panels);
    });
    return;
  }
  for (int64_t i = 0; i < steps; ++i) {
    const int64_t step = first + i * by;
    const int64_t slices =
        Slices((threads + directions - 1) / directions, offsets, shape, step, panels);
    context.threads.ParallelFor(static_cast<size_t>(directions * slices), [&](size_t task, int) {
      const auto index = static_cast<int64_t>(task) % slices;
      slice(static_cast<int64_t>(task) / slices, step, panels * index / slices,
            panels * (index + 1) / slices);
    });
  }
}

}  // namespace masr::recurrent

#endif  // MOBILEASR_KERNELS_SIMD_RECURRENT_STEPS_H_
