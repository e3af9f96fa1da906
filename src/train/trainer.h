// One training step after another: forward, CTC, backward, update.
#ifndef MOBILEASR_TRAIN_TRAINER_H_
#define MOBILEASR_TRAIN_TRAINER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "model/model.h"
#include "plan/candidate.h"
#include "plan/step_plan.h"
#include "tensor/arena.h"
#include "train/batch_loader.h"
#include "train/collective.h"
#include "train/optimizer.h"

namespace masr {

struct TrainerOptions {
  OptimizerOptions optimizer;
  double clip_norm = 5.0;  // of the global gradient, whose scale is per frame; 0: no clipping
  Precision precision = Precision::kF32;  // of matrix products; weights and sums stay f32
  // In how many parts the blocks that learn are computed; all but the last of them twice, so that
  // only one's activations are there at a time (PlanStep). The same bits for any number.
  int64_t parts = 1;
};

struct StepReport {
  double loss = 0;           // nats per target token
  double gradient_norm = 0;  // before clipping
  int64_t frames = 0;        // feature frames
  int64_t tokens = 0;
};

// Parameter values, optimizer state and step number: what a checkpoint holds. Move-only; one thread
// at a time. Model and pool must outlive the trainer.
class Trainer {
 public:
  // trainable[id] != 0 marks what learns (TrainableParameters; statistics never do); those weights
  // become f32.
  static Trainer Create(Model& model, std::vector<uint8_t> trainable, const TrainerOptions& options,
                        const ThreadPool& threads);

  // One update from the sum of the micro-batches' gradients. `key` seeds dropout. Fails with
  // kDiverged, and changes nothing, if the loss or the gradient is not finite; with
  // kInvalidArgument if a batch begins above a block that learns.
  //
  // With a collective, the update is that of all processes together: micro_batches has this
  // process's share in it, and an empty batch for each of the others' (position and key seed
  // dropout). A block's gradients travel while those of the blocks below are computed. The report
  // is the same everywhere, and so is kDiverged.
  Result<StepReport> Step(std::span<const Batch> micro_batches, float learning_rate, uint64_t key);
  void set_collective(Collective* collective) { collective_ = collective; }
  // While the flag is up, a step ends between two micro-batches: kCancelled, and nothing changes.
  // Null: it cannot be stopped. Not with a collective, whose others would wait.
  void set_cancel(const std::atomic<bool>* cancel) { cancel_ = cancel; }

  // Forgets the optimizer's state; the weights stay, and steps count from 0 again.
  void Restart();
  int64_t step() const { return step_; }
  void set_step(int64_t step) { step_ = step; }
  const std::vector<ParameterId>& trainable() const { return ids_; }
  // Optimizer state of one trainable parameter, and whether it is floats (Optimizer).
  std::span<uint8_t> OptimizerState(ParameterId id) { return states_[id]; }
  bool StateIsFloats() const { return optimizer_->StateIsFloats(); }
  // Of the last step's loss by one trainable parameter, before clipping.
  std::span<const float> Gradient(ParameterId id) const {
    return {gradients_[id], static_cast<size_t>(model_->encoder.parameters()[id].elements())};
  }
  Model& model() { return *model_; }
  // What steps run in; it grows to the largest batch so far. Between steps others may use it.
  Arena& arena() { return arena_; }

 private:
  Trainer() = default;
  // Adds the gradients of one batch, scaled by 1 / total_frames; returns the sum of its losses.
  Result<double> Accumulate(const Batch& batch, double total_frames, uint64_t key,
                            const ChildDone& block_done);
  // Of all of them.
  Result<double> AccumulateAll(std::span<const Batch> micro_batches, double total_frames,
                               uint64_t key);
  // What all processes have between them: counts before, gradients and losses after the backward.
  Status SumCounts(StepReport& report, int64_t& out_frames);
  Status SumGradients(Result<double>& loss);
  void StartSum(size_t block);
  void StartAllSums();

  Model* model_ = nullptr;
  const ThreadPool* threads_ = nullptr;
  TrainerOptions options_;
  std::unique_ptr<Optimizer> optimizer_;
  std::vector<uint8_t> trainable_;  // by parameter
  std::vector<ParameterId> ids_;    // the trainable ones
  std::vector<float> gradient_storage_;
  std::vector<float*> gradients_;                  // by parameter; null where frozen
  std::vector<std::span<float>> block_gradients_;  // by block; empty where frozen
  std::vector<float> state_storage_;
  std::vector<std::span<uint8_t>> states_;  // by parameter; empty where frozen
  Arena arena_;
  Collective* collective_ = nullptr;
  const std::atomic<bool>* cancel_ = nullptr;
  int64_t step_ = 0;
};

}  // namespace masr

#endif  // MOBILEASR_TRAIN_TRAINER_H_
