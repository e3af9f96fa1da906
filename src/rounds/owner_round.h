// One round of one owner, from new speech to a decision: what `personalize --state` does.
#ifndef MOBILEASR_ROUNDS_OWNER_ROUND_H_
#define MOBILEASR_ROUNDS_OWNER_ROUND_H_

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "plan/gain_table.h"
#include "rounds/owner_folder.h"
#include "rounds/resource_timeline.h"
#include "rounds/round_speech.h"
#include "train/personalize.h"
#include "train/round_guard.h"

namespace masr {

struct OwnerRoundEvents {
  RoundEvents round = {};
  // What is being done besides training: "judging what was learned".
  std::function<void(const std::string& step)> step = {};
};

// Begun or resumed, then run once. The folder must outlive it.
class OwnerRound {
 public:
  // A new round on the speech of the manifest `data` (the first `minutes` of what is new; 0: all).
  // Fails with kInvalidArgument where one is under way.
  static Result<OwnerRound> Begin(OwnerFolder& folder, const std::string& data, double minutes,
                                  RoundSettings settings);
  // The one that is under way, with the settings that it began with. kNotFound if there is none.
  static Result<OwnerRound> Resume(OwnerFolder& folder);

  const Model& model() const { return *model_; }
  const SpeechDataset& data() const { return speech_.dataset; }
  bool resumed() const { return resumed_; }
  // Both may be changed until it is run: what learns, the arena; how it was planned.
  RoundSettings& settings() { return under_way_.settings; }
  RoundRecord& record() { return under_way_.record; }

  // Where samples for the record go; given to a RoundGuard's `looked`.
  void Look(const ResourceSnapshot& snapshot, const Verdict& verdict);

  // Learns, judges, and puts what was accepted in its place. The record says how it ended. A round
  // that `cancel` ended, or that was halted before any epoch was better, stays under way, for
  // Resume. An error leaves the accepted model as it was, and the round under way.
  Result<RoundRecord> Run(const ThreadPool& threads, const OwnerRoundEvents& events,
                          const std::atomic<bool>* cancel, RoundGuard* guard);
  // Whether Run left it under way.
  bool unfinished() const { return unfinished_; }

 private:
  OwnerRound(OwnerFolder& folder, Model model)
      : folder_(&folder), model_(std::make_unique<Model>(std::move(model))) {}

  Status LoadSpeech();
  void CountUtterances();
  void LeaveOutLong();
  Status HearOthers(const ThreadPool& threads);
  Status CheckTexts(const ThreadPool& threads);
  Result<Evaluation> OnOwnSpeech(const Model& model, const ThreadPool& threads);
  Result<std::optional<ErrorRates>> OnSpeechOf(const std::string& manifest, const Model& model,
                                               const ThreadPool& threads);
  void Note(const RoundResult& result);
  Status Offer(const Evaluation& before, const ThreadPool& threads);
  Result<bool> JudgeCandidate(const Model& candidate, const Evaluation& before,
                              const ThreadPool& threads);
  void NoteSentences(const Evaluation& before, const Evaluation& after);
  void NoteResources();
  Result<RoundRecord> Conclude();
  void Step(const OwnerRoundEvents& events, const std::string& step) const;

  OwnerFolder* folder_;
  std::unique_ptr<Model> model_;
  RoundSpeechData speech_;
  RoundUnderWay under_way_;
  ResourceTimeline timeline_;
  std::optional<double> first_look_s_;
  double earlier_s_ = 0;  // of the samples that an interrupted process has left
  int64_t epoch_ = 0;
  bool resumed_ = false;
  bool unfinished_ = false;
};

// What the rounds of a history have gained on speech kept aside, for UpdateGain: of the epoch that
// was offered, none where nothing was better.
std::vector<GainObservation> ObservedGains(const std::vector<RoundRecord>& history);

}  // namespace masr

#endif  // MOBILEASR_ROUNDS_OWNER_ROUND_H_
