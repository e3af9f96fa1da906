#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "kernels/recurrent.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/recurrent_backward.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/gru_cell-inl.h"
#include "kernels/simd/lstm_cell-inl.h"
#include "kernels/simd/math-inl.h"
#include "kernels/simd/recurrent_product-inl.h"
#include "kernels/simd/recurrent_steps.h"

#ifndef MOBILEASR_KERNELS_SIMD_RECURRENT_BACKWARD_ARGUMENTS
#define MOBILEASR_KERNELS_SIMD_RECURRENT_BACKWARD_ARGUMENTS
namespace masr::recurrent {

struct BackwardArguments {
  int64_t hidden;
  bool reverse;
  float* gates;
  const float* saved;
  const float* h;
  int64_t h_stride;
  const float* dh;
  const float* packed;  // panels of PackUnitPanel
  const float* zeros;   // [G * hidden]: the gradients after an utterance's last step
  float* carried;       // [utterances, hidden]: the LSTM's dc, the GRU's dh * z
  float* inner;         // GRU: [rows, hidden], the gradient of Un h' + dn; the batch's first row
  int64_t first_row;    // is this one
};

}  // namespace masr::recurrent
#endif

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// `count` rows of one step, the units of panel `panel` (and the next one with two_panels).
template <Cell kCell>
void BackwardPanel(const recurrent::BackwardArguments& args, const recurrent::ActiveRow* active,
                   int64_t count, int64_t panel, bool two_panels) {
  constexpr int64_t kGates = kCell == Cell::kLstm ? 4 : 3;
  const BlockTag d;
  HWY_ALIGN float tile[kStepRows * kStepVectors * kVector];
  const float* dgates[kStepRows] = {};
  const float* dinner[kStepRows] = {};
  float* dh[kStepRows] = {};
  const int64_t hidden = args.hidden;
  const int64_t unit_begin = panel * 4 * kVector;
  const int64_t unit_end = std::min(hidden, unit_begin + (two_panels ? 8 : 4) * kVector);
  for (int64_t r = 0; r < count; ++r) {
    const recurrent::ActiveRow& at = active[r];
    dh[r] = tile + r * kStepVectors * kVector;
    dgates[r] = at.after < 0 ? args.zeros : args.gates + at.after * kGates * hidden;
    dinner[r] = at.after < 0 || kCell == Cell::kLstm
                    ? args.zeros
                    : args.inner + (at.after - args.first_row) * hidden;
    for (int64_t unit = unit_begin; unit < unit_end; unit += kVector) {
      const size_t units = static_cast<size_t>(std::min(kVector, unit_end - unit));
      auto sum = LoadPartial(d, args.dh + at.row * args.h_stride + unit, units);
      if (kCell == Cell::kGru) {
        sum = hn::Add(sum, LoadPartial(d, args.carried + at.utterance * hidden + unit, units));
      }
      hn::StoreU(sum, d, dh[r] + (unit - unit_begin));
    }
    // Padding of the last panel: summed, never read.
    std::fill(dh[r] + RoundUp(unit_end - unit_begin, kVector), dh[r] + kStepVectors * kVector,
              0.0f);
  }

  const int64_t panel_stride = kGates * hidden * 4 * kVector;
  const float* packed = args.packed + panel * panel_stride;
  if constexpr (kCell == Cell::kLstm) {
    StepProduct<4>(count, kGates * hidden, dgates, packed, panel_stride, two_panels, dh);
  } else {
    StepProduct<4>(count, 2 * hidden, dgates, packed, panel_stride, two_panels, dh);
    StepProduct<4>(count, hidden, dinner, packed + 2 * hidden * 4 * kVector, panel_stride,
                   two_panels, dh);
  }

  for (int64_t r = 0; r < count; ++r) {
    const recurrent::ActiveRow& at = active[r];
    for (int64_t unit = unit_begin; unit < unit_end; unit += kVector) {
      const size_t units = static_cast<size_t>(std::min(kVector, unit_end - unit));
      const float* sum = dh[r] + (unit - unit_begin);
      const float* saved = args.saved + at.row * hidden + unit;
      float* gates = args.gates + at.row * kGates * hidden + unit;
      float* carried = args.carried + at.utterance * hidden + unit;
      if constexpr (kCell == Cell::kLstm) {
        const float* c_before = at.before < 0 ? nullptr : args.saved + at.before * hidden + unit;
        LstmUnitsBackward(sum, hidden, units, c_before, saved, gates, carried);
      } else {
        const float* h_before = at.before < 0 ? nullptr : args.h + at.before * args.h_stride + unit;
        GruUnitsBackward(sum, hidden, units, h_before, saved, gates,
                         args.inner + (at.row - args.first_row) * hidden + unit, carried);
      }
    }
  }
}

template <Cell kCell>
void BackwardSlice(const recurrent::BackwardArguments& args, Offsets offsets, int64_t step,
                   int64_t panel_begin, int64_t panel_end) {
  size_t next = 0;
  while (next + 1 < offsets.size()) {
    const recurrent::ActiveRows active = recurrent::NextActive(offsets, args.reverse, step, next);
    if (active.count == 0) return;
    for (int64_t panel = panel_begin; panel < panel_end;) {
      const bool two_panels = active.count == 1 && panel + 1 < panel_end;
      for (int64_t r = 0; r < active.count;) {
        const int64_t count = RowsAtOnce(active.count - r);
        BackwardPanel<kCell>(args, active.rows.data() + r, count, panel, two_panels);
        r += count;
      }
      panel += two_panels ? 2 : 1;
    }
  }
}

template <Cell kCell>
void BackwardSteps(const KernelContext& context, Offsets offsets, const RecurrentShape& shape,
                   std::span<const recurrent::BackwardArguments> args) {
  const int64_t panels = (shape.hidden + 4 * kVector - 1) / (4 * kVector);
  recurrent::WalkSteps(context, offsets, shape, static_cast<int64_t>(args.size()), panels,
                       /*first=*/recurrent::LongestUtterance(offsets) - 1, /*by=*/-1,
                       [&](int64_t direction, int64_t step, int64_t begin, int64_t end) HWY_ATTR {
                         BackwardSlice<kCell>(args[direction], offsets, step, begin, end);
                       });
}

void RecurrentBackwardTarget(const KernelContext& context, Offsets offsets,
                             const RecurrentShape& shape,
                             std::span<const BackwardDirection> directions,
                             std::span<const recurrent::BackwardArguments> args) {
  const size_t panels = static_cast<size_t>((shape.hidden + 4 * kVector - 1) / (4 * kVector));
  context.threads.ParallelFor(panels * directions.size(), [&](size_t task, int) HWY_ATTR {
    const BackwardDirection& direction = directions[task / panels];
    WithStoredType(direction.w_hh, [&](const auto* data) HWY_ATTR {
      PackUnitPanel(data, direction.w_hh, shape, static_cast<int64_t>(task % panels),
                    direction.scratch);
    });
  });
  if (shape.cell == Cell::kLstm) {
    BackwardSteps<Cell::kLstm>(context, offsets, shape, args);
  } else {
    BackwardSteps<Cell::kGru>(context, offsets, shape, args);
  }
}

// sums[columns] += column sums of in [rows, columns], rows `stride` apart.
void AddStridedColumnSums(int64_t rows, int64_t columns, const float* in, int64_t stride,
                          float* sums) {
  const BlockTag d;
  for (int64_t j = 0; j < columns; j += kVector) {
    const size_t lanes = static_cast<size_t>(std::min(kVector, columns - j));
    auto sum = hn::Zero(d);
    for (int64_t i = 0; i < rows; ++i) {
      sum = hn::Add(sum, LoadPartial(d, in + i * stride + j, lanes));
    }
    StorePartial(d, hn::Add(LoadPartial(d, sums + j, lanes), sum), sums + j, lanes);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace masr
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace masr {
namespace {

HWY_EXPORT(RecurrentBackwardTarget);
HWY_EXPORT(AddStridedColumnSums);

// Lays out the scratch and clears what the last step reads.
recurrent::BackwardArguments PrepareBackward(Offsets offsets, const RecurrentShape& shape,
                                             const BackwardDirection& direction, int64_t h_stride) {
  const int64_t utterances = static_cast<int64_t>(offsets.size()) - 1;
  float* zeros = direction.scratch + recurrent::PackedFloats(shape);
  float* carried = zeros + shape.gates() * shape.hidden;
  float* inner = carried + utterances * shape.hidden;
  std::fill(zeros, inner, 0.0f);
  return {.hidden = shape.hidden,
          .reverse = direction.reverse,
          .gates = direction.gates,
          .saved = direction.saved,
          .h = direction.h,
          .h_stride = h_stride,
          .dh = direction.dh,
          .packed = direction.scratch,
          .zeros = zeros,
          .carried = carried,
          .inner = inner,
          .first_row = offsets.front()};
}

// dw_hh += sum over steps of the recurrent products' gradients (outer) h of the step before: in
// each utterance one product of rows that are one apart. The GRU's last gate has gradients of its
// own.
void AddWeightGradients(const KernelContext& context, Offsets offsets, const RecurrentShape& shape,
                        const recurrent::BackwardArguments& args, float* dw_hh) {
  const int64_t hidden = shape.hidden;
  const int64_t width = shape.gates() * hidden;
  const int64_t shared = shape.cell == Cell::kLstm ? width : 2 * hidden;
  for (size_t u = 0; u + 1 < offsets.size(); ++u) {
    const int64_t steps = offsets[u + 1] - offsets[u] - 1;
    if (steps < 1) continue;
    const int64_t row = offsets[u] + (args.reverse ? 0 : 1);
    const float* h = args.h + (offsets[u] + (args.reverse ? 1 : 0)) * args.h_stride;
    MatmulTN(context, shared, hidden, steps, args.gates + row * width, width, h, args.h_stride,
             dw_hh, hidden, true);
    if (shape.cell == Cell::kLstm) continue;
    MatmulTN(context, hidden, hidden, steps, args.inner + (row - args.first_row) * hidden, hidden,
             h, args.h_stride, dw_hh + shared * hidden, hidden, true);
  }
}

void AddBiasGradients(const KernelContext& context, Offsets offsets, const RecurrentShape& shape,
                      const recurrent::BackwardArguments& args, float* db_hh) {
  const int64_t hidden = shape.hidden;
  const int64_t width = shape.gates() * hidden;
  const int64_t rows = offsets.back() - offsets.front();
  const float* dgates = args.gates + offsets.front() * width;
  if (shape.cell == Cell::kLstm) {
    AddColumnSums(context, rows, width, dgates, db_hh);
  } else {
    HWY_DYNAMIC_DISPATCH(AddStridedColumnSums)(rows, 2 * hidden, dgates, width, db_hh);
    AddColumnSums(context, rows, hidden, args.inner, db_hh + 2 * hidden);
  }
}

}  // namespace

void RecurrentBackward(const KernelContext& context, Offsets offsets, const RecurrentShape& shape,
                       float* gates, const WeightView& w_hh, const float* saved, const float* h,
                       int64_t h_stride, const float* dh, float* dw_hh, float* db_hh,
                       float* scratch) {
  const BackwardDirection direction = {.reverse = shape.reverse,
                                       .gates = gates,
                                       .w_hh = w_hh,
                                       .saved = saved,
                                       .h = h,
                                       .dh = dh,
                                       .dw_hh = dw_hh,
                                       .db_hh = db_hh,
                                       .scratch = scratch};
  RecurrentBackward(context, offsets, shape, {&direction, 1}, h_stride);
}

void RecurrentBackward(const KernelContext& context, Offsets offsets, const RecurrentShape& shape,
                       std::span<const BackwardDirection> directions, int64_t h_stride) {
  MASR_DCHECK(directions.size() <= kMaxDirections);
  std::array<recurrent::BackwardArguments, kMaxDirections> args;
  for (size_t i = 0; i < directions.size(); ++i) {
    args[i] = PrepareBackward(offsets, shape, directions[i], h_stride);
  }
  HWY_DYNAMIC_DISPATCH(RecurrentBackwardTarget)
  (context, offsets, shape, directions, {args.data(), directions.size()});
  for (size_t i = 0; i < directions.size(); ++i) {
    const BackwardDirection& d = directions[i];
    if (d.dw_hh != nullptr) AddWeightGradients(context, offsets, shape, args[i], d.dw_hh);
    if (d.db_hh != nullptr) AddBiasGradients(context, offsets, shape, args[i], d.db_hh);
  }
}

}  // namespace masr
#endif  // HWY_ONCE
