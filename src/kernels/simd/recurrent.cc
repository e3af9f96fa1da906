#include "kernels/recurrent.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "base/check.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/recurrent.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/gru_cell-inl.h"
#include "kernels/simd/lstm_cell-inl.h"
#include "kernels/simd/math-inl.h"
#include "kernels/simd/recurrent_product-inl.h"
#include "kernels/simd/recurrent_steps.h"

#ifndef MOBILEASR_KERNELS_SIMD_RECURRENT_FORWARD_ARGUMENTS
#define MOBILEASR_KERNELS_SIMD_RECURRENT_FORWARD_ARGUMENTS
namespace masr::recurrent {

struct ForwardArguments {
  int64_t hidden;
  bool reverse;
  float* gates;
  const float* b_hh;
  float* saved;
  float* h;
  int64_t h_stride;
  const float* packed;  // panels of PackGatePanel
};

}  // namespace masr::recurrent
#endif

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// What the products are added to: bias and, but for the GRU's gate n, the input part.
template <Cell kCell>
HWY_INLINE void StartSums(const recurrent::ForwardArguments& args, int64_t row, int64_t unit,
                          size_t units, float* sums) {
  constexpr int64_t kGates = kCell == Cell::kLstm ? 4 : 3;
  const BlockTag d;
  const float* gates = args.gates + row * kGates * args.hidden + unit;
  for (int64_t g = 0; g < kGates; ++g) {
    auto sum = hn::Zero(d);
    if (kCell == Cell::kLstm || g < 2) sum = LoadPartial(d, gates + g * args.hidden, units);
    if (args.b_hh != nullptr) {
      sum = hn::Add(sum, LoadPartial(d, args.b_hh + g * args.hidden + unit, units));
    }
    hn::StoreU(sum, d, sums + g * kVector);
  }
}

template <Cell kCell>
HWY_INLINE void FinishUnits(const recurrent::ForwardArguments& args, const recurrent::ActiveRow& at,
                            int64_t unit, size_t units, const float* sums) {
  constexpr int64_t kGates = kCell == Cell::kLstm ? 4 : 3;
  float* gates = args.gates + at.row * kGates * args.hidden + unit;
  float* saved = args.saved + at.row * args.hidden + unit;
  float* h = args.h + at.row * args.h_stride + unit;
  if constexpr (kCell == Cell::kLstm) {
    const float* c_before = at.before < 0 ? nullptr : args.saved + at.before * args.hidden + unit;
    LstmUnits(sums, args.hidden, units, c_before, gates, saved, h);
  } else {
    const float* h_before = at.before < 0 ? nullptr : args.h + at.before * args.h_stride + unit;
    GruUnits(sums, args.hidden, units, h_before, gates, saved, h);
  }
}

// `count` rows of one step, the units of panel `panel` (and the next one with two_panels).
template <Cell kCell>
void ForwardPanel(const recurrent::ForwardArguments& args, const recurrent::ActiveRow* active,
                  int64_t count, int64_t panel, bool two_panels) {
  constexpr int64_t kGates = kCell == Cell::kLstm ? 4 : 3;
  HWY_ALIGN float tile[kStepRows * kStepVectors * kVector];
  const float* h_rows[kStepRows] = {};
  float* sums[kStepRows] = {};
  const int64_t panels = two_panels ? 2 : 1;
  const auto unit_at = [&](int64_t p) { return (panel + p) * kVector; };
  const auto units_at = [&](int64_t p) {
    return static_cast<size_t>(std::min(kVector, args.hidden - unit_at(p)));
  };
  for (int64_t r = 0; r < count; ++r) {
    sums[r] = tile + r * kStepVectors * kVector;
    h_rows[r] = args.h + std::max<int64_t>(active[r].before, 0) * args.h_stride;
    for (int64_t p = 0; p < panels; ++p) {
      StartSums<kCell>(args, active[r].row, unit_at(p), units_at(p),
                       sums[r] + p * kGates * kVector);
    }
  }
  const int64_t panel_stride = args.hidden * kGates * kVector;
  if (active[0].before >= 0) {
    StepProduct<kGates>(count, args.hidden, h_rows, args.packed + panel * panel_stride,
                        panel_stride, two_panels, sums);
  }
  for (int64_t r = 0; r < count; ++r) {
    for (int64_t p = 0; p < panels; ++p) {
      FinishUnits<kCell>(args, active[r], unit_at(p), units_at(p), sums[r] + p * kGates * kVector);
    }
  }
}

template <Cell kCell>
void ForwardSlice(const recurrent::ForwardArguments& args, Offsets offsets, int64_t step,
                  int64_t panel_begin, int64_t panel_end) {
  size_t next = 0;
  while (next + 1 < offsets.size()) {
    const recurrent::ActiveRows active = recurrent::NextActive(offsets, args.reverse, step, next);
    if (active.count == 0) return;
    for (int64_t panel = panel_begin; panel < panel_end;) {
      const bool two_panels = active.count == 1 && panel + 1 < panel_end;
      for (int64_t r = 0; r < active.count;) {
        const int64_t count = RowsAtOnce(active.count - r);
        ForwardPanel<kCell>(args, active.rows.data() + r, count, panel, two_panels);
        r += count;
      }
      panel += two_panels ? 2 : 1;
    }
  }
}

template <Cell kCell>
void ForwardSteps(const KernelContext& context, Offsets offsets, const RecurrentShape& shape,
                  std::span<const recurrent::ForwardArguments> args) {
  const int64_t panels = (shape.hidden + kVector - 1) / kVector;
  recurrent::WalkSteps(context, offsets, shape, static_cast<int64_t>(args.size()), panels,
                       /*first=*/0, /*by=*/1,
                       [&](int64_t direction, int64_t step, int64_t begin, int64_t end) HWY_ATTR {
                         ForwardSlice<kCell>(args[direction], offsets, step, begin, end);
                       });
}

void RecurrentForwardTarget(const KernelContext& context, Offsets offsets,
                            const RecurrentShape& shape,
                            std::span<const ForwardDirection> directions, int64_t h_stride) {
  const size_t panels = static_cast<size_t>((shape.hidden + kVector - 1) / kVector);
  context.threads.ParallelFor(panels * directions.size(), [&](size_t task, int) HWY_ATTR {
    const ForwardDirection& direction = directions[task / panels];
    WithStoredType(direction.w_hh, [&](const auto* data) HWY_ATTR {
      PackGatePanel(data, direction.w_hh, shape, static_cast<int64_t>(task % panels),
                    direction.scratch);
    });
  });
  std::array<recurrent::ForwardArguments, kMaxDirections> args;
  for (size_t i = 0; i < directions.size(); ++i) {
    const ForwardDirection& d = directions[i];
    args[i] = {shape.hidden, d.reverse, d.gates, d.b_hh, d.saved, d.h, h_stride, d.scratch};
  }
  const std::span<const recurrent::ForwardArguments> used(args.data(), directions.size());
  if (shape.cell == Cell::kLstm) {
    ForwardSteps<Cell::kLstm>(context, offsets, shape, used);
  } else {
    ForwardSteps<Cell::kGru>(context, offsets, shape, used);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace masr
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace masr {
namespace {

HWY_EXPORT(RecurrentForwardTarget);

}  // namespace

int64_t RecurrentScratchFloats(Offsets offsets, const RecurrentShape& shape) {
  const int64_t utterances = static_cast<int64_t>(offsets.size()) - 1;
  const int64_t rows = offsets.back() - offsets.front();
  const int64_t carried = (shape.gates() + utterances) * shape.hidden;
  const int64_t inner = shape.cell == Cell::kGru ? rows * shape.hidden : 0;
  return recurrent::PackedFloats(shape) + carried + inner;
}

void RecurrentForward(const KernelContext& context, Offsets offsets, const RecurrentShape& shape,
                      float* gates, const WeightView& w_hh, const float* b_hh, float* saved,
                      float* h, int64_t h_stride, float* scratch) {
  const ForwardDirection direction = {.reverse = shape.reverse,
                                      .gates = gates,
                                      .w_hh = w_hh,
                                      .b_hh = b_hh,
                                      .saved = saved,
                                      .h = h,
                                      .scratch = scratch};
  RecurrentForward(context, offsets, shape, {&direction, 1}, h_stride);
}

void RecurrentForward(const KernelContext& context, Offsets offsets, const RecurrentShape& shape,
                      std::span<const ForwardDirection> directions, int64_t h_stride) {
  MASR_DCHECK(directions.size() <= kMaxDirections);
  HWY_DYNAMIC_DISPATCH(RecurrentForwardTarget)(context, offsets, shape, directions, h_stride);
}

}  // namespace masr
#endif  // HWY_ONCE
