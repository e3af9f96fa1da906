#include "rounds/owner_round.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>
#include <set>

#include "base/hash.h"
#include "io/file.h"
#include "resources/process_memory.h"
#include "rounds/acceptance.h"
#include "rounds/transcript_check.h"
#include "train/model_speech.h"
#include "train/round_schedule.h"

namespace masr {
namespace {

// What is heard besides training takes no more memory than that: an utterance at a time.
constexpr double kOneUtterance = 0;
constexpr int64_t kLeastCompared = 2;
constexpr size_t kMostSentences = 8;

std::string NowUtc() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

Result<SpeechDataset> SpeechOf(const std::string& manifest, const Model& model) {
  std::vector<Manifest> manifests(1);
  MASR_TRY(manifests[0], ReadManifest(manifest));
  SpeechDataset data = SpeechFor(model, std::move(manifests));
  if (data.size() == 0) {
    return Fail(ErrorCode::kInvalidArgument, manifest + ": no usable utterance");
  }
  return data;
}

Result<ErrorRates> RatesOn(SpeechDataset& data, const Model& model, const ThreadPool& threads) {
  MASR_TRY(const Evaluation e,
           Evaluate(model, data, {}, threads, {.batch_seconds = kOneUtterance}));
  return ErrorRates{.wer = e.words.rate_percent(), .cer = e.characters.rate_percent()};
}

// Of everything that decides the weights which a round gives.
Result<std::string> IdentityOf(const RoundUnderWay& round, const std::string& speech_path) {
  MASR_TRY(const std::string lines, ReadTextFile(speech_path));
  Fnv1a hash;
  hash.Add(round.record.from);
  hash.Add(RoundSettingsToJson(round.settings).dump());
  hash.Add(lines);
  return hash.Text();
}

}  // namespace

std::vector<GainObservation> ObservedGains(const std::vector<RoundRecord>& history) {
  std::vector<GainObservation> observations;
  for (const RoundRecord& r : history) {
    if (r.tuning.empty() || r.epochs.empty() || r.epochs.front().validation_wer <= 0) continue;
    const RoundEpoch& best = r.epochs[static_cast<size_t>(
        std::clamp<int64_t>(r.best_epoch, 0, std::ssize(r.epochs) - 1))];
    observations.push_back({.tuning = r.tuning,
                            .share = r.learning_share,
                            .minutes = r.audio_seconds / 60,
                            .gain = 1 - best.validation_wer / r.epochs.front().validation_wer});
  }
  return observations;
}

Result<OwnerRound> OwnerRound::Begin(OwnerFolder& folder, const std::string& data, double minutes,
                                     RoundSettings settings) {
  MASR_TRY(const std::optional<RoundUnderWay> other, folder.UnderWay());
  if (other) {
    return Fail(ErrorCode::kInvalidArgument, folder.path() + ": round " +
                                                 std::to_string(other->record.round) +
                                                 " is under way; resume it, or give it up");
  }
  MASR_TRY(Model model, LoadModel(folder.accepted()));
  OwnerRound round(folder, std::move(model));
  RoundRecord& record = round.under_way_.record;
  MASR_TRY(record.round, folder.NextRound(*round.model_));
  record.began = NowUtc();
  record.base = folder.base();
  record.from = ModelFingerprint(*round.model_);
  round.under_way_.settings = std::move(settings);
  const PersonalizeOptions& options = round.under_way_.settings.personalize;
  MASR_TRY(const std::string lines,
           ChooseRoundSpeech(*round.model_, data, folder.speech(),
                             {.minutes = minutes,
                              .validation_share = options.validation_share,
                              .replay_share = round.under_way_.settings.replay_share,
                              .seed = options.seed,
                              .round = record.round}));
  MASR_RETURN_IF_ERROR(folder.PutSpeech(lines));
  MASR_RETURN_IF_ERROR(round.LoadSpeech());
  return round;
}

Result<OwnerRound> OwnerRound::Resume(OwnerFolder& folder) {
  MASR_TRY(std::optional<RoundUnderWay> under_way, folder.UnderWay());
  if (!under_way) return Fail(ErrorCode::kNotFound, folder.path() + ": no round is under way");
  MASR_TRY(Model model, LoadModel(folder.accepted()));
  OwnerRound round(folder, std::move(model));
  if (ModelFingerprint(*round.model_) != under_way->record.from) {
    return Fail(ErrorCode::kInvalidArgument,
                folder.accepted() + ": not what round " + std::to_string(under_way->record.round) +
                    " began with; give the round up, or put that model back");
  }
  round.under_way_ = std::move(*under_way);
  round.resumed_ = true;
  for (const ResourceSample& sample : round.under_way_.record.samples) {
    round.timeline_.Add(sample);
    round.earlier_s_ = sample.time_s;
    round.epoch_ = sample.epoch;
  }
  MASR_RETURN_IF_ERROR(round.LoadSpeech());
  return round;
}

Status OwnerRound::LoadSpeech() {
  // Where prefixes are kept, a round wants samples once.
  const bool keeps_prefixes = under_way_.settings.personalize.candidate.cache;
  MASR_TRY(speech_, LoadRoundSpeech(*model_, folder_->round_speech(), under_way_.record.round,
                                    keeps_prefixes ? 0 : under_way_.settings.speech_cache_bytes));
  CountUtterances();
  under_way_.settings.personalize.split = speech_.split;
  return {};
}

void OwnerRound::CountUtterances() {
  RoundRecord& record = under_way_.record;
  record.training_utterances = std::ssize(speech_.split.training);
  record.replayed_utterances = std::ssize(speech_.replayed);
  record.validation_utterances = std::ssize(speech_.split.validation);
}

// What the candidate has no room for. An utterance keeps its side: a later round may hear it.
void OwnerRound::LeaveOutLong() {
  const double longest_s = under_way_.settings.personalize.candidate.longest_s;
  for (auto* side : {&speech_.split.training, &speech_.split.validation, &speech_.replayed}) {
    LeaveOutLonger(speech_.dataset, longest_s, *side);
  }
  under_way_.settings.personalize.split = speech_.split;
  CountUtterances();
}

void OwnerRound::Look(const ResourceSnapshot& snapshot, const Verdict& verdict) {
  if (!first_look_s_) first_look_s_ = snapshot.time_s;
  timeline_.Add({.time_s = earlier_s_ + snapshot.time_s - *first_look_s_,
                 .epoch = epoch_,
                 .paused = verdict.decision == Decision::kPause,
                 .process_bytes = ResidentBytes(),
                 .available_bytes = snapshot.available_bytes,
                 .battery_percent = snapshot.battery_percent,
                 .temperature_c = snapshot.temperature_c,
                 .power_w = snapshot.power_w});
}

void OwnerRound::Step(const OwnerRoundEvents& events, const std::string& step) const {
  if (events.step) events.step(step);
}

Result<Evaluation> OwnerRound::OnOwnSpeech(const Model& model, const ThreadPool& threads) {
  return Evaluate(model, speech_.dataset, speech_.split.validation, threads,
                  {.batch_seconds = ValidationSeconds(under_way_.settings.personalize)});
}

Result<std::optional<ErrorRates>> OwnerRound::OnSpeechOf(const std::string& manifest,
                                                         const Model& model,
                                                         const ThreadPool& threads) {
  std::optional<ErrorRates> rates;
  if (manifest.empty()) return rates;
  MASR_TRY(SpeechDataset data, SpeechOf(manifest, model));
  MASR_TRY(rates, RatesOn(data, model, threads));
  return rates;
}

// What other people's speech is to be judged by. What the base makes of it is known from an earlier
// round with the same set, or heard now: rounds are held against the base, whichever set there is.
Status OwnerRound::HearOthers(const ThreadPool& threads) {
  RoundRecord& record = under_way_.record;
  const std::string& general = under_way_.settings.general;
  if (general.empty()) return {};
  MASR_TRY(SpeechDataset data, SpeechOf(general, *model_));
  std::string set = HashText(data.Fingerprint());
  if (record.general_set != set) record.general_base = record.general_before = std::nullopt;
  record.general_set = std::move(set);
  if (!record.general_before) {
    MASR_TRY(record.general_before, RatesOn(data, *model_, threads));
  }
  if (record.general_base) return {};
  if (record.from == record.base || folder_->base_file().empty()) {
    record.general_base = record.general_before;
    return {};
  }
  for (const RoundRecord& earlier : folder_->history()) {
    if (earlier.general_set == record.general_set) record.general_base = earlier.general_base;
  }
  if (record.general_base) return {};
  MASR_TRY(const Model base, LoadModel(folder_->base_file()));
  MASR_TRY(record.general_base, RatesOn(data, base, threads));
  return {};
}

// Texts that have nothing to do with their sounds teach nothing but forgetting.
Status OwnerRound::CheckTexts(const ThreadPool& threads) {
  RoundSettings& settings = under_way_.settings;
  RoundRecord& record = under_way_.record;
  if (!settings.check_transcripts) return {};
  std::vector<int64_t> all = speech_.split.training;
  all.insert(all.end(), speech_.split.validation.begin(), speech_.split.validation.end());
  MASR_TRY(const TranscriptCheck check, CheckTranscripts(*model_, speech_.dataset, all, threads,
                                                         {.batch_seconds = kOneUtterance}));
  record.transcript_agreement = check.mean;
  if (check.compared < kLeastCompared) return {};
  const auto refuse = [&](const std::string& what) {
    record.why = "not accepted: " + what + ": for " + std::to_string(check.compared) +
                 " utterances the recogniser finds their own text likelier than another of its "
                 "length in " +
                 std::to_string(static_cast<int>(std::lround(100 * check.mean))) +
                 " % of the comparisons, and chance alone gives 50";
  };
  if (check.mean < LeastMeanPreference(check.compared)) {
    refuse("the texts do not belong to the speech, or there is none in it");
    return {};
  }
  std::set<int64_t> doubtful;
  for (size_t p = 0; p < all.size(); ++p) {
    if (check.preference[p] >= 0 && check.preference[p] < kLeastPreference) doubtful.insert(all[p]);
  }
  ValidationSplit& split = speech_.split;
  for (std::vector<int64_t>* side : {&split.training, &split.validation, &speech_.replayed}) {
    std::erase_if(*side, [&](int64_t i) { return doubtful.contains(i); });
  }
  record.left_out = std::ssize(doubtful);
  CountUtterances();
  settings.personalize.split = split;
  if (split.training.empty() || split.validation.empty()) {
    refuse("too few texts seem to be what is said");
  }
  return {};
}

void OwnerRound::Note(const RoundResult& result) {
  RoundRecord& record = under_way_.record;
  record.epochs = result.epochs;
  record.best_epoch = result.best_epoch;
  record.halted_by = result.halt.halted_by;
  record.halt_why = result.halt.why;
  if (result.stopped && record.halted_by.empty()) record.halted_by = "owner";
  record.retries = result.attempts - 1;
  record.audio_seconds = result.audio_seconds;
  record.seconds = result.seconds;
  record.seconds_paused = result.seconds_paused;
}

void OwnerRound::NoteSentences(const Evaluation& before, const Evaluation& after) {
  std::vector<std::pair<int64_t, SentenceChange>> changes;
  for (size_t i = 0; i < std::min(before.hypotheses.size(), after.hypotheses.size()); ++i) {
    const std::string& was = before.hypotheses[i].hypothesis;
    const std::string& is = after.hypotheses[i].hypothesis;
    if (was == is) continue;
    const std::string& text = speech_.dataset.utterance(after.hypotheses[i].utterance).text;
    changes.push_back({CountCharacterErrors(was, is).errors(), {text, was, is}});
  }
  std::ranges::stable_sort(changes, std::greater(), [](const auto& c) { return c.first; });
  changes.resize(std::min(changes.size(), kMostSentences));
  under_way_.record.sentences.clear();
  for (auto& [distance, change] : changes) {
    under_way_.record.sentences.push_back(std::move(change));
  }
}

// Writes the candidate and judges what was written; where only other people's speech speaks
// against it, half of the change and a quarter of it have their chance too.
Status OwnerRound::Offer(const Evaluation& before, const ThreadPool& threads) {
  RoundRecord& record = under_way_.record;
  const RoundSettings& settings = under_way_.settings;
  model_->metadata[kRoundKey] = std::to_string(record.round);
  model_->metadata[kBaseKey] = record.base;
  MASR_RETURN_IF_ERROR(SaveModel(*model_, settings.format, folder_->candidate()));
  MASR_TRY(*model_, LoadModel(folder_->candidate()));
  MASR_TRY(bool forgets, JudgeCandidate(*model_, before, threads));
  for (const auto& [share, name] : {std::pair(0.5f, "half"), std::pair(0.25f, "a quarter")}) {
    if (!forgets) break;
    {
      MASR_TRY(const Model accepted, LoadModel(folder_->accepted()));
      MASR_RETURN_IF_ERROR(
          SavePartWay(accepted, *model_, share, settings.format, folder_->candidate()));
    }
    MASR_TRY(Model part, LoadModel(folder_->candidate()));
    MASR_TRY(forgets, JudgeCandidate(part, before, threads));
    if (!record.accepted) continue;
    record.why +=
        " (with " + std::string(name) + " of what was learned; all of it forgot too much)";
    *model_ = std::move(part);
  }
  return {};
}

// Whether it was refused for other people's speech alone.
Result<bool> OwnerRound::JudgeCandidate(const Model& candidate, const Evaluation& before,
                                        const ThreadPool& threads) {
  RoundRecord& record = under_way_.record;
  MASR_TRY(const Evaluation after, OnOwnSpeech(candidate, threads));
  MASR_TRY(record.general_after, OnSpeechOf(under_way_.settings.general, candidate, threads));
  const Acceptance acceptance =
      Judge({.before = before,
             .after = after,
             .general_base = record.general_base,
             .general_after = record.general_after,
             .max_general_cer_rise = under_way_.settings.max_general_cer_rise});
  record.accepted = acceptance.accepted;
  record.why = acceptance.why;
  NoteSentences(before, after);
  return acceptance.forgets;
}

// Of this process, and of those before it that were interrupted.
void OwnerRound::NoteResources() {
  RoundRecord& record = under_way_.record;
  record.samples = timeline_.samples();
  record.peak_rss_bytes = std::max(record.peak_rss_bytes, PeakResidentBytes());
}

Result<RoundRecord> OwnerRound::Conclude() {
  NoteResources();
  MASR_RETURN_IF_ERROR(folder_->Conclude(under_way_));
  return under_way_.record;
}

Result<RoundRecord> OwnerRound::Run(const ThreadPool& threads, const OwnerRoundEvents& events,
                                    const std::atomic<bool>* cancel, RoundGuard* guard) {
  RoundRecord& record = under_way_.record;
  LeaveOutLong();
  record.sub_model = CandidateName(model_->encoder, under_way_.settings.personalize.candidate);
  record.tuning = TuningName(under_way_.settings.personalize.candidate);
  record.learning_share = LearningShare(model_->encoder, under_way_.settings.personalize.candidate);
  record.trainable_parameters =
      CountTrainable(model_->encoder, under_way_.settings.personalize.candidate);
  MASR_TRY(const std::string identity, IdentityOf(under_way_, folder_->round_speech()));
  if (!under_way_.identity.empty() && under_way_.identity != identity) {
    return Fail(ErrorCode::kCorrupt, folder_->round_speech() +
                                         ": not what the round began with (a failing disk or "
                                         "memory?); give the round up");
  }
  under_way_.identity = identity;
  MASR_RETURN_IF_ERROR(folder_->Update(under_way_));

  Step(events, "listening before learning");
  MASR_RETURN_IF_ERROR(HearOthers(threads));
  MASR_TRY(record.test_before, OnSpeechOf(under_way_.settings.test, *model_, threads));
  record.test_after = record.test_before;  // until something better is accepted
  MASR_RETURN_IF_ERROR(CheckTexts(threads));
  if (!record.why.empty()) return Conclude();
  MASR_TRY(const Evaluation before, OnOwnSpeech(*model_, threads));

  PersonalizeOptions options = under_way_.settings.personalize;
  options.checkpoint.path = folder_->checkpoint();
  options.checkpoint.identity = identity;
  // What has been seen so far outlives a kill.
  Status noted;
  RoundEvents round_events = events.round;
  round_events.epoch = [&](const RoundEpoch& epoch) {
    epoch_ = epoch.epoch + 1;
    NoteResources();
    if (noted) noted = folder_->Update(under_way_);
    if (events.round.epoch) events.round.epoch(epoch);
  };
  MASR_TRY(const RoundResult result,
           Personalize(*model_, speech_.dataset, options, threads, round_events, cancel, guard));
  MASR_RETURN_IF_ERROR(noted);
  Note(result);
  unfinished_ = result.stopped && (record.halt_why.empty() || result.best_epoch == 0);
  if (unfinished_) {
    NoteResources();
    // Without a reason yet: it is not over.
    MASR_RETURN_IF_ERROR(folder_->Update(under_way_));
    record.why = record.halt_why.empty() ? "stopped as its owner asked"
                                         : "stopped before an epoch was better: " + record.halt_why;
    return record;
  }
  if (result.best_epoch == 0) {
    record.why = "not accepted: no epoch was better on " +
                 std::to_string(record.validation_utterances) + " utterances kept aside";
    return Conclude();
  }
  Step(events, "judging what was learned");
  MASR_RETURN_IF_ERROR(Offer(before, threads));
  if (record.accepted) {
    MASR_TRY(record.test_after, OnSpeechOf(under_way_.settings.test, *model_, threads));
  }
  return Conclude();
}

}  // namespace masr
