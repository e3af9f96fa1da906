// The learning rate range test (Smith, "Cyclical Learning Rates for Training Neural Networks",
// 2017): the rate rises from update to update, and the loss says where it is too small, right, and
// too large.
#ifndef MOBILEASR_TRAIN_LEARNING_RATE_FINDER_H_
#define MOBILEASR_TRAIN_LEARNING_RATE_FINDER_H_

#include <atomic>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "train/pretrain.h"

namespace masr {

struct LearningRateRange {
  int64_t updates = 100;  // at least 10
  double low = 1e-6;      // below what any optimizer here learns with
  double high = 1;        // above what any of them survives
};

struct LearningRatePoint {
  double learning_rate = 0;
  double loss = 0;      // nats per token
  double smoothed = 0;  // exponential mean (0.9), its bias corrected
  double gradient_norm = 0;
};

struct LearningRateCurve {
  std::vector<LearningRatePoint> points;  // of the updates made
  bool diverged = false;                  // ended early: the loss grew beyond four times its best
  double at_minimum = 0;                  // rate of the smallest smoothed loss
  double steepest = 0;  // rate at which the smoothed loss fell fastest over the rate's logarithm
  double suggested = 0;
  std::string rule;  // how the suggestion came from the curve, for people
};

// Fills in what follows from the points; at least one.
void SuggestLearningRate(LearningRateCurve& curve);

// Makes updates as the recipe's stage would, but for the rate: low * (high / low)^(n / (updates -
// 1)). From a fresh model, or with options.resume from the checkpoint, whose stage is then used.
// Writes nothing. options.collective as for Pretrain.
Result<LearningRateCurve> FindLearningRate(const PretrainConfig& config,
                                           const PretrainOptions& options,
                                           const LearningRateRange& range,
                                           const ThreadPool& threads, const PretrainEvents& events,
                                           const std::atomic<bool>* cancel);

}  // namespace masr

#endif  // MOBILEASR_TRAIN_LEARNING_RATE_FINDER_H_
