// One epoch of a round: what it offers, and how good that is.
#ifndef MOBILEASR_TRAIN_ROUND_EPOCH_H_
#define MOBILEASR_TRAIN_ROUND_EPOCH_H_

#include <cstdint>

namespace masr {

struct RoundEpoch {
  int64_t epoch = 0;      // 0: the base, before any update
  double train_loss = 0;  // nats per token, of the weights that train
  // Of what the epoch offers: the mean of the weights so far, or the last ones.
  bool mean = true;
  double validation_loss = 0;
  double validation_wer = 0;  // percent
  double validation_cer = 0;
  double cer_error = 0;  // its standard error, as if characters failed independently
  double seconds = 0;
};

}  // namespace masr

#endif  // MOBILEASR_TRAIN_ROUND_EPOCH_H_
