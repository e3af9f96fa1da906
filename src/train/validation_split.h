// Which utterances a round learns from, and which it keeps aside to judge what it has learned.
#ifndef MOBILEASR_TRAIN_VALIDATION_SPLIT_H_
#define MOBILEASR_TRAIN_VALIDATION_SPLIT_H_

#include <cstdint>
#include <vector>

#include "data/speech_dataset.h"

namespace masr {

// Utterances that are learned from and those that are kept aside, as indices into the dataset.
struct ValidationSplit {
  std::vector<int64_t> training;
  std::vector<int64_t> validation;
};

// Takes those that are longer out of `indices`; none if `seconds` is 0.
void LeaveOutLonger(const SpeechDataset& data, double seconds, std::vector<int64_t>& indices);

// The split that a round makes of `indices`: utterances with the same text go to the same side,
// unless so many share theirs (spoken digits, say) that whole texts would never be learned.
ValidationSplit SplitForValidation(const SpeechDataset& data, const std::vector<int64_t>& indices,
                                   double share, uint64_t seed);

}  // namespace masr

#endif  // MOBILEASR_TRAIN_VALIDATION_SPLIT_H_
