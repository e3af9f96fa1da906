// Smaller n-gram models for little loss.
#ifndef MOBILEASR_LM_PRUNE_H_
#define MOBILEASR_LM_PRUNE_H_

#include "lm/ngram_model.h"

namespace masr {

// Entropy pruning (Stolcke, 1998): takes out every n-gram above order 1 without which the model's
// perplexity grows by less than the share `threshold` (1e-8, say), highest order first, and
// re-computes the back-off weights. The history's probability comes from the model itself; with
// Kneser-Ney that is an approximation.
void PruneByEntropy(NgramModel& model, double threshold);

}  // namespace masr

#endif  // MOBILEASR_LM_PRUNE_H_
