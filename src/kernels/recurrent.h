// LSTM (Hochreiter and Schmidhuber, 1997) and GRU (Cho et al., 2014) over packed utterances of
// different lengths, one direction or two side by side; PyTorch's gate order and its two bias
// vectors.
//
// LSTM gates i, f, g, o, G = 4:  c = f * c' + i * g;  h = o * tanh(c).
// GRU gates r, z, n, G = 3:      n = tanh(Wn x + bn + r * (Un h' + dn));  h = (1 - z) * n + z * h'.
//
// The caller has already made the input part for all frames in one product:
// gates[rows, G * hidden] = x W_ih^T + b_ih (for the LSTM, b_hh may be added there as well).
// `reverse` walks each utterance from its last frame to its first. Initial states are zero.
#ifndef MOBILEASR_KERNELS_RECURRENT_H_
#define MOBILEASR_KERNELS_RECURRENT_H_

#include <cstdint>
#include <span>

#include "kernels/context.h"
#include "kernels/matmul.h"

namespace masr {

enum class Cell : uint8_t { kLstm, kGru };

struct RecurrentShape {
  Cell cell = Cell::kLstm;
  int64_t hidden = 0;
  bool reverse = false;

  int64_t gates() const { return cell == Cell::kLstm ? 4 : 3; }
  // Floats per row and unit saved for the backward pass beside the gates: the LSTM's cell state c;
  // the GRU's Un h' + dn.
  int64_t saved() const { return 1; }
};

int64_t RecurrentScratchFloats(Offsets offsets, const RecurrentShape& shape);

// gates [rows, G * hidden]: in, the input part; out, the gates after their nonlinearities. w_hh [G
// * hidden, hidden]; b_hh [G * hidden] or null. saved [rows, hidden]. h rows are h_stride floats
// apart (so that two directions can share one [rows, 2 * hidden] output).
void RecurrentForward(const KernelContext& context, Offsets offsets, const RecurrentShape& shape,
                      float* gates, const WeightView& w_hh, const float* b_hh, float* saved,
                      float* h, int64_t h_stride, float* scratch);

// From dh (rows h_stride apart) to dgates: gates [rows, G * hidden] is overwritten by the gradient
// of the pre-activation gates with respect to the input part (so dW_ih, db_ih and dx are ordinary
// products of it, made by the caller). dw_hh [G * hidden, hidden] and db_hh [G * hidden]
// accumulate, or are null.
void RecurrentBackward(const KernelContext& context, Offsets offsets, const RecurrentShape& shape,
                       float* gates, const WeightView& w_hh, const float* saved, const float* h,
                       int64_t h_stride, const float* dh, float* dw_hh, float* db_hh,
                       float* scratch);

// The operands of one direction, as above. Each direction has scratch of its own.
struct ForwardDirection {
  bool reverse = false;
  float* gates = nullptr;
  WeightView w_hh;
  const float* b_hh = nullptr;
  float* saved = nullptr;
  float* h = nullptr;
  float* scratch = nullptr;
};

struct BackwardDirection {
  bool reverse = false;
  float* gates = nullptr;
  WeightView w_hh;
  const float* saved = nullptr;
  const float* h = nullptr;
  const float* dh = nullptr;
  float* dw_hh = nullptr;
  float* db_hh = nullptr;
  float* scratch = nullptr;
};

// One or two directions of a batch, with shape.reverse left aside. The results are those of a call
// per direction, but threads meet less often: once, where each has a direction to itself, else once
// per step of both.
inline constexpr int64_t kMaxDirections = 2;
void RecurrentForward(const KernelContext& context, Offsets offsets, const RecurrentShape& shape,
                      std::span<const ForwardDirection> directions, int64_t h_stride);
void RecurrentBackward(const KernelContext& context, Offsets offsets, const RecurrentShape& shape,
                       std::span<const BackwardDirection> directions, int64_t h_stride);

}  // namespace masr

#endif  // MOBILEASR_KERNELS_RECURRENT_H_
