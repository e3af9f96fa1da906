// The clock and the buffer requests of one pass over a network, forward and back.
//
// Every leaf layer takes one tick of the forward clock; its backward happens at the mirrored tick.
// A buffer asks for bytes from its first tick to its last; PlanMemory then lays all of them into
// one arena.
#ifndef MOBILEASR_LAYERS_LAYER_PLANNER_H_
#define MOBILEASR_LAYERS_LAYER_PLANNER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "layers/parameter.h"
#include "tensor/memory_planner.h"

namespace masr {

using BufferId = int32_t;
constexpr BufferId kNoBuffer = -1;

// What a layer must be able to do in this plan.
struct Mode {
  bool backward = false;        // Backward will be called
  bool input_gradient = false;  // ... and must give dx: something below is trainable
};

class LayerPlanner {
 public:
  static constexpr int64_t kEnd = int64_t{1} << 40;  // mirror of tick 0
  static constexpr int64_t BackwardOf(int64_t tick) { return kEnd - tick; }

  // trainable[id] says which parameters get gradients; empty: none. `stochastic`: dropout is
  // active. A part of a network that is planned on its own begins with the tick that it would have
  // in the whole: dropout is drawn by tick.
  LayerPlanner(std::span<const uint8_t> trainable, bool stochastic, int64_t last_tick = 0)
      : trainable_(trainable), stochastic_(stochastic), tick_(last_tick) {}

  int64_t NextTick() { return ++tick_; }
  int64_t last_tick() const { return tick_; }
  bool stochastic() const { return stochastic_; }
  bool IsTrainable(ParameterId id) const {
    return id != kNoParameter && !trainable_.empty() && trainable_[id] != 0;
  }
  bool AnyTrainable(ParameterId begin, ParameterId end) const {
    for (ParameterId id = begin; id < end; ++id) {
      if (IsTrainable(id)) return true;
    }
    return false;
  }

  BufferId Request(int64_t floats, int64_t first, int64_t last) {
    requests_.push_back({floats * static_cast<int64_t>(sizeof(float)), first, last});
    return static_cast<BufferId>(requests_.size() - 1);
  }
  // Written by the forward of `tick`, read by its backward if there is one.
  BufferId Saved(int64_t floats, int64_t tick, const Mode& mode) {
    return Request(floats, tick, mode.backward ? BackwardOf(tick) : tick);
  }
  BufferId ForwardScratch(int64_t floats, int64_t tick) { return Request(floats, tick, tick); }
  BufferId BackwardScratch(int64_t floats, int64_t tick, const Mode& mode) {
    return mode.backward ? Request(floats, BackwardOf(tick), BackwardOf(tick)) : kNoBuffer;
  }

  // The sinusoids of RelativePositions(max_frames, dim): one table for all layers that ask alike,
  // filled before the first layer runs.
  struct PositionTable {
    int64_t max_frames;
    int64_t dim;
    BufferId buffer;
  };
  BufferId Positions(int64_t max_frames, int64_t dim) {
    for (const PositionTable& table : positions_) {
      if (table.max_frames == max_frames && table.dim == dim) return table.buffer;
    }
    const BufferId buffer = Request((2 * max_frames - 1) * dim, 0, kEnd);
    positions_.push_back({max_frames, dim, buffer});
    return buffer;
  }

  std::span<const BufferRequest> requests() const { return requests_; }
  std::span<const PositionTable> positions() const { return positions_; }

 private:
  std::span<const uint8_t> trainable_;
  bool stochastic_;
  int64_t tick_;
  std::vector<BufferRequest> requests_;
  std::vector<PositionTable> positions_;
};

}  // namespace masr

#endif  // MOBILEASR_LAYERS_LAYER_PLANNER_H_
