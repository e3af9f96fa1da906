// Two directions side by side against one after the other.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/recurrent.h"
#include "kernels/reference/testing.h"

namespace masr {
namespace {

using reference::RandomFloats;
using reference::SameBits;

struct Direction {
  Direction(int64_t rows, const RecurrentShape& shape, int64_t scratch_floats, uint64_t seed)
      : gates(RandomFloats(rows * shape.gates() * shape.hidden, seed, 2.0)),
        w_hh(RandomFloats(shape.gates() * shape.hidden * shape.hidden, seed + 1, 0.2)),
        b_hh(RandomFloats(shape.gates() * shape.hidden, seed + 2)),
        saved(rows * shape.hidden),
        dw_hh(w_hh.size(), 0.5f),
        db_hh(b_hh.size(), -0.25f),
        scratch(scratch_floats) {}

  std::vector<float> gates, w_hh, b_hh, saved, dw_hh, db_hh, scratch;
};

// A bidirectional layer's operands: both directions write to one h.
struct Layer {
  Layer(const std::vector<int64_t>& lengths, Cell cell, int64_t hidden)
      : offsets(reference::PackedOffsets(lengths)),
        shape{.cell = cell, .hidden = hidden},
        h(offsets.back() * 2 * hidden),
        dh(RandomFloats(offsets.back() * 2 * hidden, 9)),
        directions{Direction(offsets.back(), shape, RecurrentScratchFloats(offsets, shape), 10),
                   Direction(offsets.back(), shape, RecurrentScratchFloats(offsets, shape), 20)} {}

  WeightView Weight(int d) const {
    return F32Weight(directions[d].w_hh.data(), shape.gates() * shape.hidden, shape.hidden);
  }

  void OneAfterTheOther(const KernelContext& context) {
    for (int d = 0; d < 2; ++d) {
      Direction& own = directions[d];
      RecurrentShape one = shape;
      one.reverse = d == 1;
      float* own_h = h.data() + d * shape.hidden;
      RecurrentForward(context, offsets, one, own.gates.data(), Weight(d), own.b_hh.data(),
                       own.saved.data(), own_h, 2 * shape.hidden, own.scratch.data());
      RecurrentBackward(context, offsets, one, own.gates.data(), Weight(d), own.saved.data(), own_h,
                        2 * shape.hidden, dh.data() + d * shape.hidden, own.dw_hh.data(),
                        own.db_hh.data(), own.scratch.data());
    }
  }

  void SideBySide(const KernelContext& context) {
    std::array<ForwardDirection, 2> forward;
    std::array<BackwardDirection, 2> backward;
    for (int d = 0; d < 2; ++d) {
      Direction& own = directions[d];
      float* own_h = h.data() + d * shape.hidden;
      forward[d] = {.reverse = d == 1,
                    .gates = own.gates.data(),
                    .w_hh = Weight(d),
                    .b_hh = own.b_hh.data(),
                    .saved = own.saved.data(),
                    .h = own_h,
                    .scratch = own.scratch.data()};
      backward[d] = {.reverse = d == 1,
                     .gates = own.gates.data(),
                     .w_hh = Weight(d),
                     .saved = own.saved.data(),
                     .h = own_h,
                     .dh = dh.data() + d * shape.hidden,
                     .dw_hh = own.dw_hh.data(),
                     .db_hh = own.db_hh.data(),
                     .scratch = own.scratch.data()};
    }
    RecurrentForward(context, offsets, shape, forward, 2 * shape.hidden);
    RecurrentBackward(context, offsets, shape, backward, 2 * shape.hidden);
  }

  std::vector<int64_t> offsets;
  RecurrentShape shape;
  std::vector<float> h, dh;
  std::array<Direction, 2> directions;
};

TEST(RecurrentDirections, SideBySideEqualOneAfterTheOther) {
  reference::ForEachTarget([] {
    for (const Cell cell : {Cell::kLstm, Cell::kGru}) {
      // Of the second size, a step is worth several threads.
      for (const int64_t hidden : {19, 96}) {
        const std::vector<int64_t> lengths = {6, 1, 11};
        Layer expected(lengths, cell, hidden);
        expected.OneAfterTheOther({ThreadPool(1)});
        for (const int threads : {1, 2, 3, 4}) {
          Layer layer(lengths, cell, hidden);
          layer.SideBySide({ThreadPool(threads)});
          EXPECT_TRUE(SameBits(layer.h, expected.h)) << threads << " threads";
          for (int d = 0; d < 2; ++d) {
            const Direction& got = layer.directions[d];
            const Direction& want = expected.directions[d];
            EXPECT_TRUE(SameBits(got.gates, want.gates)) << threads << " threads, " << d;
            EXPECT_TRUE(SameBits(got.dw_hh, want.dw_hh)) << threads << " threads, " << d;
            EXPECT_TRUE(SameBits(got.db_hh, want.db_hh)) << threads << " threads, " << d;
          }
        }
      }
    }
  });
}

}  // namespace
}  // namespace masr
