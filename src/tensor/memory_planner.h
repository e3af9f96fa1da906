// From sizes and lifetimes to offsets in one arena.
//
// Two buffers may share bytes if their lifetimes do not meet. Placement is greedy by decreasing
// size, each buffer into the lowest gap that is free during its whole life: the heuristic of
// Pisarchyk and Lee (2020, "Efficient memory management for deep neural net inference").
#ifndef MOBILEASR_TENSOR_MEMORY_PLANNER_H_
#define MOBILEASR_TENSOR_MEMORY_PLANNER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace masr {

struct BufferRequest {
  int64_t bytes = 0;
  int64_t first_use = 0;  // inclusive
  int64_t last_use = 0;   // inclusive
};

struct MemoryPlan {
  std::vector<int64_t> offsets;  // bytes from the arena's start, one per request
  int64_t peak_bytes = 0;        // size of the arena
  // The most that is alive at one time: no placement can be smaller.
  int64_t floor_bytes = 0;
};

MemoryPlan PlanMemory(std::span<const BufferRequest> requests);

}  // namespace masr

#endif  // MOBILEASR_TENSOR_MEMORY_PLANNER_H_
