// What a round computes at a time: which utterances make an update, which are validated together.
// Known before it runs, so that a plan can be made of it.
#ifndef MOBILEASR_TRAIN_ROUND_SCHEDULE_H_
#define MOBILEASR_TRAIN_ROUND_SCHEDULE_H_

#include <cstdint>
#include <vector>

#include "data/speech_dataset.h"
#include "plan/round_memory.h"
#include "train/personalize.h"

namespace masr {

// options.split, or the one that a round makes of the first options.minutes.
ValidationSplit SplitOf(const SpeechDataset& data, const PersonalizeOptions& options);

// Of an epoch's batches, augmentation and dropout.
uint64_t EpochKey(const PersonalizeOptions& options, int64_t epoch);

// Utterances of each update of an epoch, as indices into the dataset.
std::vector<std::vector<int64_t>> UpdatesOf(const SpeechDataset& data,
                                            const std::vector<int64_t>& training,
                                            const PersonalizeOptions& options, int64_t epoch);

// Of speech that is validated at a time. A candidate that learns a little at a time has memory for
// no more there either.
double ValidationSeconds(const PersonalizeOptions& options);

// What a plan has to know about the speech of a round with these options.
RoundSpeech DescribeSpeech(const SpeechDataset& data, const PersonalizeOptions& options);

}  // namespace masr

#endif  // MOBILEASR_TRAIN_ROUND_SCHEDULE_H_
