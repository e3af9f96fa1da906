// A second set of values for what a trainer trains.
#ifndef MOBILEASR_TRAIN_TRAINED_VALUES_H_
#define MOBILEASR_TRAIN_TRAINED_VALUES_H_

#include <algorithm>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "model/model.h"

namespace masr {

// The model and the list of its writable parameters must outlive it.
class TrainedValues {
 public:
  // Those that the model has now.
  TrainedValues(Model& model, const std::vector<ParameterId>& ids) : model_(model), ids_(ids) {
    for (ParameterId id : ids_) {
      const std::span<const float> now = model_.weights.Values(id);
      values_.emplace_back(now.begin(), now.end());
    }
  }

  // Moves these towards the model's by `share` of the way.
  void MoveTowardsModel(const ThreadPool& threads, float share) {
    threads.ParallelFor(ids_.size(), [&](size_t i, int) {
      const std::span<const float> model = model_.weights.Values(ids_[i]);
      std::vector<float>& mine = values_[i];
      for (size_t k = 0; k < mine.size(); ++k) mine[k] += share * (model[k] - mine[k]);
    });
  }
  // The model gets these, and these are what it had.
  void SwapWithModel() {
    for (size_t i = 0; i < ids_.size(); ++i) {
      std::swap_ranges(values_[i].begin(), values_[i].end(),
                       model_.weights.Writable(ids_[i]).begin());
    }
  }
  // Those of the i-th parameter of the list.
  std::span<float> Values(size_t i) { return values_[i]; }
  void CopyFrom(const TrainedValues& other) { values_ = other.values_; }
  void CopyFromModel() {
    for (size_t i = 0; i < ids_.size(); ++i) {
      const std::span<const float> model = model_.weights.Values(ids_[i]);
      std::copy(model.begin(), model.end(), values_[i].begin());
    }
  }

 private:
  Model& model_;
  const std::vector<ParameterId>& ids_;
  std::vector<std::vector<float>> values_;
};

}  // namespace masr

#endif  // MOBILEASR_TRAIN_TRAINED_VALUES_H_
