// Figures over the epochs of all rounds, one round after the other.
#ifndef MOBILEASR_REPORT_EPOCH_FIGURES_H_
#define MOBILEASR_REPORT_EPOCH_FIGURES_H_

#include <span>

#include "report/drawing.h"
#include "train/round_record.h"

namespace masr {

// WER and CER of the speech kept aside, the epoch that was chosen in each round marked. `width` in
// pixels, at least 300.
Drawing ErrorRateFigure(std::span<const RoundRecord> rounds, double width);
// Training and validation loss.
Drawing LossFigure(std::span<const RoundRecord> rounds, double width);

// The epoch with that number, if the record has it.
const RoundEpoch* FindEpoch(const RoundRecord& round, int64_t epoch);
// What the round began with and what it offered: nullptr where it does not say.
const RoundEpoch* FirstEpoch(const RoundRecord& round);
const RoundEpoch* ChosenEpoch(const RoundRecord& round);

}  // namespace masr

#endif  // MOBILEASR_REPORT_EPOCH_FIGURES_H_
