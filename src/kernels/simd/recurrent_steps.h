// How a recurrence is cut up: a step of all utterances that are still running is one parallel call,
// its units are shared among the threads in as many slices as the step's work is worth.
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

// Slices into which `panels` panels of a step are cut.
inline int64_t Slices(const KernelContext& context, Offsets offsets, const RecurrentShape& shape,
                      int64_t step, int64_t panels) {
  int64_t active = 0;
  for (size_t u = 0; u + 1 < offsets.size(); ++u) active += step < offsets[u + 1] - offsets[u];
  const int64_t work = active * shape.gates() * shape.hidden * shape.hidden;
  const int64_t most = std::min<int64_t>(context.threads.threads(), panels);
  return std::clamp<int64_t>(work / kSliceWork, 1, most);
}

}  // namespace masr::recurrent

#endif  // MOBILEASR_KERNELS_SIMD_RECURRENT_STEPS_H_
