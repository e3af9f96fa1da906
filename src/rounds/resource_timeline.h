// What the device and the process had while a round ran, kept small however long that takes.
#ifndef MOBILEASR_ROUNDS_RESOURCE_TIMELINE_H_
#define MOBILEASR_ROUNDS_RESOURCE_TIMELINE_H_

#include <algorithm>
#include <cstddef>
#include <vector>

#include "train/round_record.h"

namespace masr {

// Between `most` / 2 and `most` samples, evenly spread in number, and the last one.
class ResourceTimeline {
 public:
  explicit ResourceTimeline(size_t most = 512) : most_(std::max<size_t>(most, 2)) {}

  void Add(const ResourceSample& sample) {
    last_ = sample;
    if (count_++ % every_ != 0) return;
    samples_.push_back(sample);
    if (samples_.size() < most_) return;
    // Every other one goes.
    for (size_t i = 0; 2 * i < samples_.size(); ++i) samples_[i] = samples_[2 * i];
    samples_.resize((samples_.size() + 1) / 2);
    every_ *= 2;
  }

  std::vector<ResourceSample> samples() const {
    std::vector<ResourceSample> samples = samples_;
    if (count_ > 0 && samples.back().time_s != last_.time_s) samples.push_back(last_);
    return samples;
  }

 private:
  size_t most_;
  size_t count_ = 0;
  size_t every_ = 1;
  std::vector<ResourceSample> samples_;
  ResourceSample last_;
};

}  // namespace masr

#endif  // MOBILEASR_ROUNDS_RESOURCE_TIMELINE_H_
