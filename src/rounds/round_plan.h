// What a round's record says of its plan and of its policy, and what a plan has to know of the
// process: the same for everybody who runs rounds.
#ifndef MOBILEASR_ROUNDS_ROUND_PLAN_H_
#define MOBILEASR_ROUNDS_ROUND_PLAN_H_

#include <cstdint>
#include <map>
#include <string>

#include "model/model.h"
#include "plan/round_memory.h"
#include "resources/resource_policy.h"
#include "train/round_record.h"

namespace masr {

// What this process holds before a round, without the pages of the model that it has read already.
int64_t ProcessBytes(const Model& model);

// For RoundRecord::thresholds.
std::map<std::string, double> ThresholdsOf(const ResourcePolicy& policy);

// Its items and their sum.
void NoteMemory(const RoundMemory& memory, RoundRecord& record);

}  // namespace masr

#endif  // MOBILEASR_ROUNDS_ROUND_PLAN_H_
