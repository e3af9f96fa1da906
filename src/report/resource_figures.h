// Figures of what a round took of the device.
#ifndef MOBILEASR_REPORT_RESOURCE_FIGURES_H_
#define MOBILEASR_REPORT_RESOURCE_FIGURES_H_

#include <optional>

#include "report/drawing.h"
#include "train/round_record.h"

namespace masr {

// RAM over time: the process against its plan and its budget; above it, where known, what the
// device had left. Epochs and pauses are shaded. Empty without samples. `width` in pixels, at least
// 300, here and below.
std::optional<Drawing> MemoryFigure(const RoundRecord& round, double width);

// The plan item by item, each beginning where the one before ends; the measured peak and the budget
// as lines. Empty without a plan.
std::optional<Drawing> MemoryPlanFigure(const RoundRecord& round, double width);

// Battery, temperature and power over time with the policy's limits: those of them that are known.
// Empty if none is.
std::optional<Drawing> DeviceFigure(const RoundRecord& round, double width);

}  // namespace masr

#endif  // MOBILEASR_REPORT_RESOURCE_FIGURES_H_
