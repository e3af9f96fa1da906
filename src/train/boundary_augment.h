// What training does to the frames that enter a block, where those below it are not run again.
#ifndef MOBILEASR_TRAIN_BOUNDARY_AUGMENT_H_
#define MOBILEASR_TRAIN_BOUNDARY_AUGMENT_H_

#include <cstdint>
#include <vector>

#include "base/rng.h"
#include "train/augmentation.h"

namespace masr {

struct BoundaryAugmentOptions {
  std::vector<double> speeds = {};  // one is drawn per utterance; empty: none
  // As SpecAugment's, but on what the blocks below gave: stretches of time, and channels. What is
  // masked takes the utterance's mean of each channel, because zero, which is the mean of features,
  // is far from what a block has ever seen in those channels of a residual stream that are large.
  int time_masks = 0;
  double time_fraction = 0;  // each at most this share of the utterance
  int channel_masks = 0;
  double channel_fraction = 0;  // each at most this share of the channels
};

// What comes nearest to a recipe for samples and features: tempo, and masks in time. Masks of
// channels in place of those of frequencies were measured and are no better (docs/resources.md).
// Gain has no equal: features are normalised. Noise and rooms have none either.
BoundaryAugmentOptions BoundaryAugmentOf(const AugmentOptions& augment);

// [frames, width] -> [max(1, round(frames / speed)), width], linear between neighbours in time:
// speed 1.1 makes speech shorter, without making it higher.
std::vector<float> ResampleFrames(std::vector<float> rows, int64_t width, double speed);

// Masks in place on [frames, width].
void MaskFrames(const BoundaryAugmentOptions& options, int64_t width, std::vector<float>& rows,
                Rng& rng);

}  // namespace masr

#endif  // MOBILEASR_TRAIN_BOUNDARY_AUGMENT_H_
