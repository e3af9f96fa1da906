// What a model makes of utterances it is tested on.
#ifndef MOBILEASR_TRAIN_EVALUATE_H_
#define MOBILEASR_TRAIN_EVALUATE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "data/speech_dataset.h"
#include "model/inference.h"
#include "model/model.h"
#include "tensor/arena.h"
#include "text/error_rate.h"
#include "train/batch_loader.h"

namespace masr {

struct EvaluatedUtterance {
  int64_t utterance = 0;  // index into the dataset
  std::string hypothesis;
};

struct Evaluation {
  ErrorCounts words;
  ErrorCounts characters;
  int64_t utterances = 0;  // evaluated
  int64_t skipped = 0;     // unreadable or too short
  double audio_seconds = 0;
  double seconds = 0;                          // spent
  double loss = 0;                             // CTC, nats per token
  std::vector<EvaluatedUtterance> hypotheses;  // in the dataset's order
};

// done, total: utterances.
using EvaluationProgress = std::function<void(int64_t done, int64_t total)>;

// The text of one utterance's logits [frames, tokens]; called from several threads at once.
using DecodeText = std::function<std::string(int64_t frames, const float* logits)>;

// The utterances at `indices` of the dataset, as they are; what cannot be had is left out and
// reported.
using LoadBatch = std::function<Result<Batch>(std::span<const int64_t> indices,
                                              std::vector<LoadProblem>& problems)>;

struct EvaluateOptions {
  EvaluationProgress progress = {};
  const std::atomic<bool>* cancel = nullptr;  // once true, what was done is given up: kCancelled
  DecodeText decode = {};                     // greedy if empty
  // Of speech at a time: enough to keep the cores busy, less than training takes.
  double batch_seconds = 20;
  Arena* arena = nullptr;  // to run in; null: one of its own
  // Only the blocks from Batch::first_block on run; from the audio if empty.
  LoadBatch load = {};
};

// CTC loss in nats of each utterance's logits with its text; infinite where the text is too long.
std::vector<float> TextLosses(const ThreadPool& threads, int64_t tokens, const Logits& logits,
                              const std::vector<std::span<const int32_t>>& texts);

// The batches that Evaluate makes of utterances of these lengths, as positions, short ones first.
std::vector<std::vector<int64_t>> EvaluationBatches(const std::vector<double>& durations_s,
                                                    double batch_seconds);

// Every utterance in `indices`; all if it is empty.
Result<Evaluation> Evaluate(const Model& model, SpeechDataset& dataset,
                            const std::vector<int64_t>& indices, const ThreadPool& threads,
                            const EvaluateOptions& options = {});

}  // namespace masr

#endif  // MOBILEASR_TRAIN_EVALUATE_H_
