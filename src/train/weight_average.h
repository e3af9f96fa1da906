// The exponential moving average of what a trainer trains: smoother than the weights themselves,
// and nearly always better on speech that was not trained on.
#ifndef MOBILEASR_TRAIN_WEIGHT_AVERAGE_H_
#define MOBILEASR_TRAIN_WEIGHT_AVERAGE_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "train/trained_values.h"

namespace masr {

// The model and the list of its trainable parameters must outlive it. What is not trained (batch
// norm's statistics, which a training never changes) is the model's own and has no average.
class WeightAverage {
 public:
  // Starts as the weights that the model has now. 0 < decay < 1.
  WeightAverage(Model& model, const std::vector<ParameterId>& ids, double decay)
      : values_(model, ids), decay_(decay) {}

  // After an update of the model: average = d * average + (1 - d) * weights, where
  // d = min(decay, (1 + n) / (10 + n)) for the n-th update, as in TensorFlow's
  // ExponentialMovingAverage. The small d of the beginning corrects the bias towards the start:
  // after n updates its share is below 10! / n^9, less than one part in a hundred million for 50.
  void Update(const ThreadPool& threads) {
    ++updates_;
    const auto n = static_cast<double>(updates_);
    const double decay = std::min(decay_, (1 + n) / (10 + n));
    values_.MoveTowardsModel(threads, static_cast<float>(1 - decay));
  }

  // The model gets the average and this the model's weights, until it is called again.
  void SwapWithModel() { values_.SwapWithModel(); }
  void StartFromModel() {
    values_.CopyFromModel();
    updates_ = 0;
  }

  // For a checkpoint: values by position in the list of trainable parameters, and n.
  std::span<float> Values(size_t i) { return values_.Values(i); }
  int64_t updates() const { return updates_; }
  void set_updates(int64_t updates) { updates_ = updates; }

 private:
  TrainedValues values_;
  double decay_;
  int64_t updates_ = 0;
};

}  // namespace masr

#endif  // MOBILEASR_TRAIN_WEIGHT_AVERAGE_H_
