#include "rounds/round_plan.h"

#include <limits>

#include "resources/process_memory.h"

namespace masr {

int64_t ProcessBytes(const Model& model) {
  // Pages of the program and of its libraries that a round is the first to touch, and what it
  // allocates in small pieces: measured by bench/plan_accuracy.py.
  constexpr int64_t kLaterBytes = int64_t{5} << 19;
  return ResidentBytes() - model.weights.StoredBytes() + kLaterBytes;
}

std::map<std::string, double> ThresholdsOf(const ResourcePolicy& policy) {
  std::map<std::string, double> thresholds = {
      {"min_battery_percent", policy.min_battery_percent},
      {"min_available_bytes", static_cast<double>(policy.min_available_bytes)},
      {"max_temperature_c", policy.max_temperature_c},
      {"max_battery_temperature_c", policy.max_battery_temperature_c}};
  if (policy.max_seconds < std::numeric_limits<double>::infinity()) {
    thresholds["max_seconds"] = policy.max_seconds;
  }
  return thresholds;
}

void NoteMemory(const RoundMemory& memory, RoundRecord& record) {
  record.memory.clear();
  for (const auto& [item, bytes] : memory.items()) record.memory[item] = bytes;
  record.planned_peak_bytes = memory.total();
}

}  // namespace masr
