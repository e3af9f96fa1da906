// An owner's round, from what the caller asks to the decision.
#include <algorithm>
#include <filesystem>
#include <system_error>

#include "capi/learner_options.h"
#include "capi/owner_handle.h"
#include "capi/structs.h"
#include "resources/process_memory.h"
#include "rounds/round_plan.h"
#include "train/round_guard.h"
#include "train/round_schedule.h"

namespace masr::capi {
namespace {

// A path that means the same wherever the round is resumed.
Result<std::string> Absolute(const char* path) {
  if (path == nullptr || *path == '\0') return std::string();
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  if (error) return Fail(ErrorCode::kIo, std::string(path) + ": " + error.message());
  return absolute.string();
}

Status CheckRoundOptions(const masr_round_options& options) {
  const auto refuse = [](const char* what) { return Fail(ErrorCode::kInvalidArgument, what); };
  if (options.mode < MASR_ROUND_NEW || options.mode > MASR_ROUND_RESTART) {
    return refuse("mode is not one of masr_round_mode (0 to 2)");
  }
  if (options.epochs < 0 || options.epochs > 10000) return refuse("epochs must be 0 to 10000");
  if (options.seed > uint64_t{INT64_MAX}) return refuse("seed must be at most INT64_MAX");
  if (options.ram_bytes < 0) return refuse("ram_bytes must not be negative");
  if (!(options.minutes >= 0 && options.seconds >= 0)) {
    return refuse("minutes and seconds must not be negative");
  }
  if (!(options.battery_percent >= 0 && options.battery_percent <= 100)) {
    return refuse("battery_percent must be 0 to 100");
  }
  return {};
}

Result<ResourcePolicy> PolicyFrom(const char* text) {
  if (text == nullptr) return ResourcePolicy();
  return ResourcePolicy::FromJson(text, "the policy");
}

void Tell(const masr_owner& owner, masr_event event, const std::string& text = "") {
  if (owner.options.on_event == nullptr) return;
  event.struct_size = sizeof(masr_event);
  event.text = text.c_str();
  owner.options.on_event(owner.options.event_data, &event);
}

OwnerRoundEvents EventsOf(const masr_owner& owner) {
  OwnerRoundEvents events;
  events.step = [&owner](const std::string& step) { Tell(owner, {.kind = MASR_EVENT_STEP}, step); };
  events.round.progress = [&owner](const RoundProgress& p) {
    Tell(owner, {.kind = MASR_EVENT_PROGRESS,
                 .epoch = p.epoch,
                 .epochs = p.epochs,
                 .update = p.update,
                 .updates = p.updates,
                 .loss = p.loss,
                 .seconds_left = p.seconds_left});
  };
  events.round.epoch = [&owner](const RoundEpoch& e) {
    Tell(owner, {.kind = MASR_EVENT_EPOCH,
                 .epoch = e.epoch,
                 .loss = e.train_loss,
                 .validation_loss = e.validation_loss,
                 .validation_wer = e.validation_wer,
                 .validation_cer = e.validation_cer});
  };
  return events;
}

void TellEnd(const masr_owner& owner, const RoundRecord& record) {
  if (!record.halted_by.empty()) {
    Tell(owner, {.kind = MASR_EVENT_HALT},
         record.halt_why.empty() ? "stopped by its owner" : record.halt_why);
  }
  Tell(owner, {.kind = record.accepted ? MASR_EVENT_ACCEPT : MASR_EVENT_KEEP}, record.why);
}

Result<OwnerRound> BeginRound(OwnerFolder& folder, const masr_round_options& options) {
  if (options.data == nullptr || *options.data == '\0') {
    return Fail(ErrorCode::kInvalidArgument, "a new round needs speech: data");
  }
  MASR_TRY(RoundSettings settings, SettingsFrom(options));
  MASR_TRY(OwnerRound round,
           OwnerRound::Begin(folder, options.data, options.minutes, std::move(settings)));
  if (options.training != nullptr) {
    LearnerOptions named = {.candidate = round.settings().personalize.candidate};
    MASR_RETURN_IF_ERROR(CheckLearnerOptions(named, round.model().encoder));
  }
  return round;
}

Result<OwnerRound> BeginOrResume(OwnerFolder& folder, const masr_round_options& options) {
  if (options.mode == MASR_ROUND_RESTART) MASR_RETURN_IF_ERROR(folder.Abandon());
  MASR_TRY(const std::optional<RoundUnderWay> under_way, folder.UnderWay());
  if (under_way && options.mode == MASR_ROUND_RESUME) return OwnerRound::Resume(folder);
  if (under_way) {
    return Fail(ErrorCode::kInvalidArgument,
                folder.path() + ": round " + std::to_string(under_way->record.round) +
                    " was interrupted; MASR_ROUND_RESUME goes on with it, MASR_ROUND_RESTART "
                    "gives it up");
  }
  return BeginRound(folder, options);
}

bool HasLimits(const masr_round_options& options) {
  return options.ram_bytes > 0 || options.seconds > 0 || options.battery_percent > 0 ||
         options.policy != nullptr;
}

// What learns and what that takes, into the round's settings and its record.
Status PlanInto(masr_owner& owner, OwnerRound& round, const masr_round_options& options,
                const ResourcePolicy& policy, ResourceMonitor& monitor) {
  RoundRecord& record = round.record();
  PersonalizeOptions& personalize = round.settings().personalize;
  record.plan_reason = "as its owner asked";
  RoundMemory memory;
  if (HasLimits(options)) {
    MASR_TRY(const ChosenSubModel chosen, ChooseFor(owner, round, options, policy, monitor));
    personalize.candidate = chosen.plan.best().candidate;
    memory = chosen.plan.best().memory;
    record.plan_reason = chosen.why;
    record.ram_budget_bytes = chosen.limits.ram_bytes.value_or(0);
  } else {
    MASR_TRY(memory,
             PlanRoundMemory(
                 round.model(), personalize.candidate, DescribeSpeech(round.data(), personalize),
                 MakeOptimizer(personalize.trainer.optimizer)->StatePerParameter(),
                 owner.pool.threads(), std::max<int64_t>(0, ProcessBytes(round.model()))));
  }
  personalize.arena_bytes = memory.arena;
  NoteMemory(memory, record);
  return {};
}

}  // namespace

Result<RoundSettings> SettingsFrom(const masr_round_options& options) {
  RoundSettings settings;
  settings.format = WeightFormat::kAsStored;  // as small as the base, and what is frozen as it was
  PersonalizeOptions& personalize = settings.personalize;
  if (options.epochs > 0) personalize.epochs = options.epochs;
  if (options.seed > 0) personalize.seed = options.seed;
  if (options.ram_bytes > 0) settings.speech_cache_bytes = SpeechCacheBytes(options.ram_bytes);
  if (options.training != nullptr) {
    MASR_TRY(const masr_training_options training,
             ReadStruct(options.training, "masr_training_options"));
    MASR_TRY(personalize.candidate, CandidateFrom(training));
    if (!(training.learning_rate >= 0 && training.learning_rate <= 1)) {
      return Fail(ErrorCode::kInvalidArgument, "learning_rate must be 0 to 1");
    }
    if (training.learning_rate > 0) {
      personalize.learning_rate = static_cast<float>(training.learning_rate);
    }
  }
  MASR_TRY(settings.general, Absolute(options.general));
  MASR_TRY(settings.test, Absolute(options.test));
  return settings;
}

Result<masr_plan> PlanRound(masr_owner& owner, const masr_round_options& options) {
  MASR_RETURN_IF_ERROR(CheckRoundOptions(options));
  MASR_TRY(const ResourcePolicy policy, PolicyFrom(options.policy));
  MASR_TRY(OwnerRound round, BeginRound(*owner.folder, options));
  DeviceMonitor monitor(owner, owner.folder->path());
  MASR_TRY(const ChosenSubModel chosen, ChooseFor(owner, round, options, policy, monitor));
  const PlannedCandidate& best = chosen.plan.best();
  owner.plan_name = best.name;
  owner.plan_why = chosen.why;
  const auto fitting = std::ranges::count_if(chosen.plan.candidates, &PlannedCandidate::fits);
  return masr_plan{.struct_size = sizeof(masr_plan),
                   .name = owner.plan_name.c_str(),
                   .why = owner.plan_why.c_str(),
                   .freeze_blocks = static_cast<int32_t>(best.candidate.first_block),
                   .tuning = static_cast<int32_t>(best.candidate.tuning),
                   .lora_rank = static_cast<int32_t>(best.candidate.lora_rank),
                   .optimizer_bits = best.candidate.optimizer_bits,
                   .parts = static_cast<int32_t>(best.candidate.parts),
                   .micro_batch_seconds = best.candidate.micro_batch_seconds,
                   .trainable_parameters = best.trainable_parameters,
                   .peak_bytes = best.peak_bytes,
                   .seconds = best.seconds,
                   .joules = best.joules,
                   .expected_gain = best.expected_gain,
                   .candidates = chosen.plan.candidates.size(),
                   .fitting = static_cast<size_t>(fitting),
                   .adapter_width = static_cast<int32_t>(best.candidate.adapter_width),
                   .longest_s = best.candidate.longest_s};
}

Result<RoundEnd> RunRound(masr_owner& owner, const masr_round_options& options) {
  MASR_RETURN_IF_ERROR(CheckRoundOptions(options));
  MASR_TRY(const ResourcePolicy policy, PolicyFrom(options.policy));
  OwnerFolder& folder = *owner.folder;
  // What was to be resumed had ended already, but for the files: it is not run again.
  if (options.mode == MASR_ROUND_RESUME && folder.concluded()) {
    owner.record = *folder.concluded();
    TellEnd(owner, owner.record);
    return RoundEnd{.resumed = true};
  }
  MASR_TRY(OwnerRound round, BeginOrResume(folder, options));
  DeviceMonitor monitor(owner, folder.path());
  if (!round.resumed()) MASR_RETURN_IF_ERROR(PlanInto(owner, round, options, policy, monitor));
  round.record().thresholds = ThresholdsOf(policy);
  RoundGuard guard(monitor,
                   {.policy = policy,
                    .looked = [&](const ResourceSnapshot& snapshot,
                                  const Verdict& verdict) { round.Look(snapshot, verdict); },
                    .paused =
                        [&](const ResourceSnapshot&, const Verdict& verdict) {
                          Tell(owner, {.kind = MASR_EVENT_PAUSE}, verdict.why);
                        }});
  MASR_TRY(owner.record, round.Run(owner.pool, EventsOf(owner), &owner.cancelled, &guard));
  TellEnd(owner, owner.record);
  return RoundEnd{.resumed = round.resumed(), .unfinished = round.unfinished()};
}

}  // namespace masr::capi
