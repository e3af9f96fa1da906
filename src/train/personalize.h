// One round of learning a voice: a base recogniser and its owner's utterances in, a better one out,
// or the same one if nothing better was found.
#ifndef MOBILEASR_TRAIN_PERSONALIZE_H_
#define MOBILEASR_TRAIN_PERSONALIZE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "plan/round_memory.h"
#include "train/batch_loader.h"
#include "train/evaluate.h"
#include "train/prefix_cache.h"
#include "train/round_checkpoint.h"
#include "train/round_epoch.h"
#include "train/round_guard.h"
#include "train/trainer.h"
#include "train/validation_split.h"

namespace masr {

// How much larger steps LoRA and residual adapters take: a peak of 1e-3 instead of 3e-4. Three
// times that is better yet with minutes of speech and does harm with four sentences
// (docs/resources.md).
inline constexpr float kBesideRateFactor = 3.3f;
constexpr float RateFactor(Tuning tuning) {
  return tuning == Tuning::kLora || tuning == Tuning::kAdapters ? kBesideRateFactor : 1.0f;
}

struct PersonalizeOptions {
  // What is learned from; the first `minutes` of it in the manifest's order (0: all).
  double minutes = 0;
  // Share of the utterances kept aside to choose the epoch and to accept or refuse the result.
  double validation_share = 0.15;
  // Which ones, if its owner has chosen; `minutes` and `validation_share` say nothing then.
  std::optional<ValidationSplit> split = {};
  int64_t epochs = 16;
  // Epochs without a better validation CER or loss before the round stops.
  int64_t patience = 6;
  // Audio per update: at most batch_seconds, and so little that an epoch has `updates_per_epoch`,
  // because there is little of it and each update is a chance to learn.
  double batch_seconds = 24;
  int64_t updates_per_epoch = 8;
  float learning_rate = 3e-4f;  // of LoRA and adapters RateFactor times this
  // What a round gives is the mean of the weights after each update (Polyak and Juditsky, 1992),
  // the base taking part with this share at the end of all epochs: what is learned from little is a
  // direction more than a distance (Wortsman et al., "Robust fine-tuning of zero-shot models",
  // 2022). Only where validation tells the two apart, by more than two standard errors of CER, it
  // is the weights after the last update: speech far from what the base knows is worth the whole
  // way. The values were compared on voices that no result is reported on (docs/models.md).
  double base_share = 0.25;
  TrainerOptions trainer;
  AugmentOptions augment = {.speeds = {0.95, 1.0, 1.05}, .gain_db = 3, .spec_augment = true};
  // What learns, and in how large pieces it is computed.
  Candidate candidate;
  // Of activations, allocated at once and never more; 0: as it turns out. What does not fit is cut
  // into smaller micro-batches; an utterance that alone does not fit is left out (skipped).
  int64_t arena_bytes = 0;
  double validation_batch_seconds = 20;  // of speech at a time; more only where one is longer
  uint64_t seed = 1;
  // Where what enters candidate.first_block is kept, if candidate.cache.
  PrefixCacheOptions cache = {};
  // A round that finds a checkpoint there goes on from it.
  RoundCheckpointOptions checkpoint = {};
};

struct RoundProgress {
  int64_t epoch = 0;
  int64_t epochs = 0;
  int64_t update = 0;
  int64_t updates = 0;
  double loss = 0;
  double seconds_left = 0;  // at most: the round may stop sooner
};

struct RoundEvents {
  std::function<void(const RoundProgress&)> progress;
  std::function<void(const RoundEpoch&)> epoch;
};

struct RoundResult {
  std::vector<RoundEpoch> epochs;  // the first is the base
  int64_t best_epoch = 0;          // the one that was kept; 0: the base, whose weights are back
  bool stopped = false;            // by its owner or by the guard; the best epoch so far holds
  Verdict halt;                    // of the guard that stopped it
  bool resumed = false;            // from a checkpoint
  int64_t attempts = 1;            // 2: the first one diverged
  double seconds_paused = 0;
  double audio_seconds = 0;  // learned from
  int64_t training_utterances = 0;
  int64_t validation_utterances = 0;
  int64_t skipped = 0;
  PrefixCacheCounts cache;    // of candidate.cache, since it was begun or resumed
  std::string cache_trouble;  // why prefixes were not kept (PrefixCache::trouble)
  double seconds = 0;         // pauses among them, and what a resumed round had spent before
};

// Trains `model` in place on `data`; afterwards it holds what the epoch offered that ChooseEpoch
// names. A round that diverges (numbers that are not finite, a loss that explodes, a network that
// says nothing any more) goes back to the best it had and tries once more with smaller steps. Fails
// if there is too little to learn from (fewer than two usable utterances), and if a checkpoint
// cannot be written or read. `guard`, if any, is asked before every update.
//
// A round that learns by LoRA begins by giving the model its pairs and leaves them beside the
// matrices: SaveModel merges them while it writes, within what the round had planned; MergeAdapters
// does so in memory, for 4 bytes a number of the matrices that no plan counts (model/adapters.h).
Result<RoundResult> Personalize(Model& model, SpeechDataset& data,
                                const PersonalizeOptions& options, const ThreadPool& threads,
                                const RoundEvents& events, const std::atomic<bool>* cancel,
                                RoundGuard* guard = nullptr);

// Index of the epoch to keep: of those that are better than the base (in CER, or in loss where CER
// is equal), the last one whose validation CER lies within a standard error of the best (the
// one-standard-error rule of Breiman et al., 1984): on a dozen words the best of many epochs is an
// accident, and the later mean has learned more. CER, because the WER of a dozen utterances moves
// in steps of several percent, and because the loss grows with confidence while the errors still
// fall. 0, the base, if none is better.
size_t ChooseEpoch(std::span<const RoundEpoch> epochs);

}  // namespace masr

#endif  // MOBILEASR_TRAIN_PERSONALIZE_H_
