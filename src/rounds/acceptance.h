// Whether what a round has learned takes the place of what there was.
#ifndef MOBILEASR_ROUNDS_ACCEPTANCE_H_
#define MOBILEASR_ROUNDS_ACCEPTANCE_H_

#include <optional>
#include <string>

#include "train/evaluate.h"
#include "train/round_record.h"

namespace masr {

struct AcceptanceInput {
  // On the owner's speech that was kept aside.
  const Evaluation& before;
  const Evaluation& after;
  // On other people's speech, where there is such a set: what the base makes of it, and what the
  // candidate does.
  std::optional<ErrorRates> general_base;
  std::optional<ErrorRates> general_after;
  double max_general_cer_rise = 0;  // points
};

struct Acceptance {
  bool accepted = false;
  bool forgets = false;  // refused for other people's speech alone: a smaller change may pass
  std::string why;       // a sentence with the figures
};

// Better for its owner: no more wrong words in the speech kept aside, and fewer wrong characters;
// or as many and fewer wrong words; or as many of both and a lower loss. Characters decide, because
// a dozen utterances have too few words to tell (ChooseEpoch). And not much worse for others: their
// CER at most `max_general_cer_rise` points above the base's, so that many rounds do not drift
// where one would not. Pure.
Acceptance Judge(const AcceptanceInput& input);

}  // namespace masr

#endif  // MOBILEASR_ROUNDS_ACCEPTANCE_H_
