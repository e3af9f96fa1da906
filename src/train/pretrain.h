// Trains a base recogniser by a recipe, resumable at any time.
#ifndef MOBILEASR_TRAIN_PRETRAIN_H_
#define MOBILEASR_TRAIN_PRETRAIN_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "train/collective.h"
#include "train/evaluate.h"
#include "train/pretrain_config.h"

namespace masr {

struct PretrainOptions {
  std::vector<std::string> train_manifests;
  std::string dev_manifest;
  std::string noise_manifest;  // optional
  std::string out;             // the model; "<out>.checkpoint" lies beside it
  std::string init;            // optional: a model whose weights to begin with
  // Which of its blocks become this one's; empty: those of the same number (StartFrom).
  std::vector<int64_t> init_blocks;
  bool resume = false;
  uint64_t seed = 1;
  WeightFormat format = WeightFormat::kInt8;
  double checkpoint_seconds = 120;              // between checkpoints
  int64_t keep_epochs = 0;                      // models of the last epochs to keep besides `out`
  int64_t cache_bytes = int64_t{4} << 30;       // of decoded samples
  std::map<std::string, std::string> metadata;  // provenance, put into the model file
  Collective* collective = nullptr;             // where several processes train together
};

struct PretrainEpoch {
  int64_t stage = 0;      // from 1
  int64_t epoch = 0;      // of the stage, from 1
  double train_loss = 0;  // nats per token
  double dev_wer = 0;     // percent
  double dev_cer = 0;
  double seconds = 0;
};

// Where the training is; sent after every update.
struct PretrainProgress {
  std::string stage;
  int64_t epoch = 0;
  int64_t epochs = 0;
  int64_t update = 0;  // of the epoch
  int64_t updates = 0;
  double loss = 0;  // running mean, nats per token
  double learning_rate = 0;
  double gradient_norm = 0;
  // Of this update alone.
  int64_t step = 0;        // from 1, over all stages
  double update_loss = 0;  // nats per token
  int64_t tokens = 0;
  double audio_seconds = 0;
  double seconds = 0;       // it took
  double speed = 0;         // seconds of audio per second, running mean
  double seconds_left = 0;  // of the whole recipe
};

struct PretrainEvents {
  std::function<void(const PretrainProgress&)> progress;
  std::function<void(const PretrainEpoch&)> epoch;
  std::function<void(const std::string&)> warning;
};

struct PretrainResult {
  std::vector<PretrainEpoch> epochs;  // of all runs
  bool finished = false;              // false: stopped by its owner; resume goes on
  int64_t skipped = 0;                // manifest lines and utterances left out
};

// Where the model of an epoch, counted from 1 over all stages, is kept: "base.epoch-003.masr"
// beside "base.masr".
std::string EpochModelPath(const std::string& out, int64_t epoch);

// The model is written after every epoch, the checkpoint every few minutes, after every epoch, and
// when `cancel` becomes true. With `resume`, goes on from "<out>.checkpoint" to the same bits as if
// it had never stopped; without one it starts from the beginning.
//
// With a collective, every process calls it with the same arguments but for `cancel`, `events` and
// thread count; those of one are enough to stop all. Each makes a share of every update's
// micro-batches; rank 0 alone reads and writes checkpoints and writes models. The sum of their
// gradients is rounded in another order than one process rounds it: the same number of processes
// gives the same bits, another number the same curve but for rounding (docs/models.md). Any number
// may go on from any checkpoint.
Result<PretrainResult> Pretrain(const PretrainConfig& config, const PretrainOptions& options,
                                const ThreadPool& threads, const PretrainEvents& events,
                                const std::atomic<bool>* cancel);

}  // namespace masr

#endif  // MOBILEASR_TRAIN_PRETRAIN_H_
