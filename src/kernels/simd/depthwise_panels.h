// Panels: rows of 16 channels, cut out of a matrix with their padding, in a thread's scratch.
#ifndef MOBILEASR_KERNELS_SIMD_DEPTHWISE_PANELS_H_
#define MOBILEASR_KERNELS_SIMD_DEPTHWISE_PANELS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/check.h"

namespace masr::depthwise {

inline constexpr int64_t kPanel = 16;  // channels of a task: one cache line of a row

// Panels of rows of kPanel floats, one after the other in a thread's scratch.
class PanelScratch {
 public:
  explicit PanelScratch(std::span<float> memory) : memory_(memory) {}
  float* Take(int64_t rows) {
    MASR_DCHECK(static_cast<size_t>(rows * kPanel) <= memory_.size());
    float* panel = memory_.data();
    memory_ = memory_.subspan(rows * kPanel);
    return panel;
  }

 private:
  std::span<float> memory_;
};

inline void ZeroRows(float* panel, int64_t rows) { std::fill_n(panel, rows * kPanel, 0.0f); }

// Copies the first row into the others; doubling makes few and long copies.
inline void RepeatFirstRow(float* panel, int64_t rows) {
  for (int64_t done = 1; done < rows; done *= 2) {
    std::copy_n(panel, std::min(done, rows - done) * kPanel, panel + done * kPanel);
  }
}

// What of a [rows, channels] matrix belongs to one panel.
struct PanelColumns {
  PanelColumns(int64_t panel, int64_t all_channels)
      : begin(panel * kPanel),
        count(std::min(kPanel, all_channels - begin)),
        stride(all_channels) {}
  int64_t begin;
  int64_t count;
  int64_t stride;
};

// panel[0, rows) = the utterance's rows [first, first + rows), zeros outside of [0, frames).
inline void ReadRows(const float* utterance, int64_t frames, PanelColumns columns, int64_t first,
                     int64_t rows, float* panel) {
  const int64_t begin = std::clamp<int64_t>(-first, 0, rows);
  const int64_t end = std::clamp<int64_t>(frames - first, begin, rows);
  ZeroRows(panel, begin);
  ZeroRows(panel + end * kPanel, rows - end);
  if (begin == end) return;  // there may be no rows at all to point to
  const float* from = utterance + (first + begin) * columns.stride + columns.begin;
  if (columns.count == kPanel) {
    for (int64_t r = begin; r < end; ++r, from += columns.stride) {
      std::memcpy(panel + r * kPanel, from, kPanel * sizeof(float));
    }
  } else {
    ZeroRows(panel + begin * kPanel, end - begin);
    for (int64_t r = begin; r < end; ++r, from += columns.stride) {
      std::copy_n(from, columns.count, panel + r * kPanel);
    }
  }
}

inline void WriteRows(const float* panel, int64_t rows, PanelColumns columns, float* first_row) {
  float* to = first_row + columns.begin;
  if (columns.count == kPanel) {
    for (int64_t r = 0; r < rows; ++r, to += columns.stride) {
      std::memcpy(to, panel + r * kPanel, kPanel * sizeof(float));
    }
  } else {
    for (int64_t r = 0; r < rows; ++r, to += columns.stride) {
      std::copy_n(panel + r * kPanel, columns.count, to);
    }
  }
}

// panel[tap][channel] = w[channel][tap].
inline void ReadTaps(const float* w, int64_t kernel, PanelColumns columns, float* panel) {
  if (columns.count < kPanel) ZeroRows(panel, kernel);
  for (int64_t c = 0; c < columns.count; ++c) {
    const float* from = w + (columns.begin + c) * kernel;
    for (int64_t j = 0; j < kernel; ++j) panel[j * kPanel + c] = from[j];
  }
}

}  // namespace masr::depthwise

#endif  // MOBILEASR_KERNELS_SIMD_DEPTHWISE_PANELS_H_
