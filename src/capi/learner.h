// A model that runs and learns batch by batch: what stands behind the six functions.
#ifndef MOBILEASR_CAPI_LEARNER_H_
#define MOBILEASR_CAPI_LEARNER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "model/inference.h"
#include "model/model.h"
#include "plan/candidate.h"
#include "plan/device_profile.h"
#include "tensor/arena.h"
#include "train/batch_loader.h"
#include "train/trainer.h"

namespace masr::capi {

struct LearnerOptions {
  Candidate candidate = {};
  float learning_rate = 3e-4f;
  uint64_t seed = 1;
};

// At a fixed place: the trainer points to the model. One thread at a time; the pool and the flag
// must outlive it.
class Learner {
 public:
  static Result<std::unique_ptr<Learner>> Load(const std::string& path, const ThreadPool& threads,
                                               const std::atomic<bool>& cancelled);
  // As fresh as `learner`, which has not been configured, and then gone on from the checkpoint.
  static Result<std::unique_ptr<Learner>> LoadCheckpointInto(const Learner& learner,
                                                             const std::string& path);
  Learner(const Learner&) = delete;
  Learner& operator=(const Learner&) = delete;

  const Model& model() const { return model_; }
  const ThreadPool& threads() const { return *threads_; }
  const LearnerOptions& options() const { return options_; }
  bool configured() const { return trainer_.has_value(); }
  int64_t step() const { return configured() ? trainer_->step() : 0; }

  // Refused where something learns already, and where the model does not have it.
  Status Configure(const LearnerOptions& options);
  // With the defaults, if nobody has chosen.
  Status EnsureConfigured();
  void set_learning_rate(float learning_rate) { options_.learning_rate = learning_rate; }
  void ResetOptimizer();

  // One update. `batch` from the features, its targets feasible.
  Result<StepReport> Train(Batch batch);
  // Told of the logits of some utterances at a time, in order: the first of them, and
  // [rows, tokens].
  using TakeLogits = std::function<void(size_t first, const Logits& logits)>;
  Status Infer(const Batch& batch, const TakeLogits& take);
  // Nats of each utterance.
  Result<std::vector<float>> Losses(const Batch& batch);

  // A checkpoint (train/checkpoint.h) with the options and the base's fingerprint. Restore wants
  // the same sub-model where one is configured, and that is what it is for.
  Status Save(const std::string& path);
  Status Restore(const std::string& path);

  // What learns; empty until it is configured.
  std::vector<ParameterId> Learning() const;
  bool Learns(ParameterId id) const;
  // Bytes that a parameter takes while it learns.
  int64_t TrainingBytes(ParameterId id) const;
  std::span<const float> Values(ParameterId id) const { return model_.weights.Values(id); }
  void SetValues(ParameterId id, std::span<const float> values);

  Status MeasureDevice();
  const std::optional<DeviceProfile>& profile() const { return profile_; }

 private:
  Learner(Model model, const ThreadPool& threads, const std::atomic<bool>& cancelled)
      : model_(std::move(model)), threads_(&threads), cancelled_(&cancelled) {}
  Arena& arena() { return configured() ? trainer_->arena() : own_arena_; }

  Model model_;
  const ThreadPool* threads_;
  const std::atomic<bool>* cancelled_;
  LearnerOptions options_;
  std::string base_;  // fingerprint, once it is configured
  std::vector<uint8_t> trainable_;
  std::optional<Trainer> trainer_;
  Arena own_arena_;
  std::optional<DeviceProfile> profile_;
};

}  // namespace masr::capi

#endif  // MOBILEASR_CAPI_LEARNER_H_
