// Measures what a device computes in a second, on a model's own blocks, in about a second.
#ifndef MOBILEASR_PLAN_MEASURE_DEVICE_H_
#define MOBILEASR_PLAN_MEASURE_DEVICE_H_

#include <functional>
#include <string>

#include "base/result.h"
#include "base/thread_pool.h"
#include "model/model.h"
#include "plan/device_profile.h"

namespace masr {

struct MeasureOptions {
  std::string name;  // of the device
  // Two shapes tell what grows with speech from what each pass takes: an utterance alone, as long
  // as people speak in one go, and several.
  double utterance_s = 3;
  int utterances = 4;
  // Of which the median counts: one disturbance does no harm.
  int repetitions = 3;
};

// Monotonic seconds.
using ClockS = std::function<double()>;

// Every block forward and backward, alone, on noise; feature extraction; an update. Holds one
// block's f32 weights, gradients and activations at a time, 36 MB at most for the shipped models.
// The model is not changed. Battery and power are the caller's to add. Fails on utterances that are
// too short for the encoder.
Result<DeviceProfile> MeasureDevice(const Model& model, const ThreadPool& threads,
                                    const ClockS& clock, const MeasureOptions& options);

}  // namespace masr

#endif  // MOBILEASR_PLAN_MEASURE_DEVICE_H_
