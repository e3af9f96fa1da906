// Rounds in a folder: `personalize --state` and `rollback`.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "command.h"
#include "io/file.h"
#include "resources/process_memory.h"
#include "round_setup.h"
#include "rounds/owner_round.h"
#include "rounds/round_plan.h"

namespace masr::cli {
namespace {

// The set that is kept with a base: the folder `general` beside it.
std::string GeneralBeside(const std::string& base) {
  const auto folder = std::filesystem::absolute(base).parent_path() / "general";
  return std::filesystem::is_directory(folder) ? folder.string() : std::string();
}

// What is wrong with the files of an interrupted round, and a way on. Where there is no room, or
// the system refuses, the round itself is well.
tl::unexpected<Error> CannotGoOn(Error error) {
  if (error.code != ErrorCode::kIo && error.code != ErrorCode::kNoSpace &&
      error.code != ErrorCode::kCancelled) {
    error.message += "; --restart gives this round up, and the accepted model stays as it is";
  }
  return tl::unexpected<Error>(std::move(error));
}

// A path that means the same wherever the round is resumed.
std::string Absolute(const std::string& path) {
  return path.empty() ? path : std::filesystem::absolute(path).string();
}

// Of a round that begins now.
Result<RoundSettings> SettingsOf(PersonalizeArguments& arguments, const OwnerFolder& folder) {
  MASR_RETURN_IF_ERROR(SetCache(arguments, folder.path()));
  RoundSettings settings = arguments.settings;
  if (settings.general.empty()) settings.general = GeneralBeside(arguments.base);
  settings.general = Absolute(settings.general);
  settings.test = Absolute(arguments.test);
  settings.personalize.cache.folder = Absolute(settings.personalize.cache.folder);
  MASR_TRY(settings.speech_cache_bytes, SpeechCacheBytes(arguments.plan));
  settings.format = WeightFormatFromName(arguments.format.empty() ? "as-stored" : arguments.format);
  settings.personalize.seed = arguments.common.seed;
  return settings;
}

// The option that a field of the settings comes from.
std::string OptionOf(const std::string& field) {
  static const std::map<std::string, std::string> kOthers = {
      {"/candidate/first_block", "--freeze-blocks"},
      {"/candidate/tuning", "--tune"},
      {"/speech_cache_bytes", "--ram"},
      {"/checkpoint_every_s", "--checkpoint-seconds"},
      {"/check_transcripts", "--no-transcript-check"},
      {"/cache/place", "--cache"},
      {"/cache/folder", "--cache-folder"},
      {"/cache/budget_bytes", "--cache-budget"}};
  if (const auto other = kOthers.find(field); other != kOthers.end()) return other->second;
  std::string option = "--" + field.substr(field.rfind('/') + 1);
  std::ranges::replace(option, '_', '-');
  return option;
}

// A round goes on as it began: another option would be ignored silently.
Status CheckGoesOnAsItBegan(PersonalizeArguments arguments, OwnerRound& round,
                            const OwnerFolder& folder) {
  MASR_TRY(const RoundSettings asked, SettingsOf(arguments, folder));
  const auto wanted = RoundSettingsToJson(asked).flatten();
  const auto began = RoundSettingsToJson(round.settings()).flatten();
  for (const auto& [field, value] : wanted.items()) {
    const std::string option = OptionOf(field);
    if (!arguments.given(option) || value == began.value(field, Json())) continue;
    // Of memory the settings have what a round keeps of speech: another amount than was named.
    const std::string how = option == "--ram"
                                ? "another amount"
                                : began.value(field, Json()).dump() + ", not " + value.dump();
    return Fail(ErrorCode::kInvalidArgument,
                option + ": the round that was interrupted began with " + how +
                    "; leave the option out, or give the round up with --restart");
  }
  return {};
}

Result<OwnerRound> BeginOrResume(OwnerFolder& folder, PersonalizeArguments& arguments) {
  if (!arguments.restart) {
    auto under_way = folder.UnderWay();
    if (!under_way.has_value()) return CannotGoOn(std::move(under_way.error()));
    if (*under_way && arguments.resume) {
      auto round = OwnerRound::Resume(folder);
      if (!round.has_value()) return CannotGoOn(std::move(round.error()));
      MASR_RETURN_IF_ERROR(CheckGoesOnAsItBegan(arguments, *round, folder));
      return round;
    }
    if (*under_way) {
      return Fail(ErrorCode::kInvalidArgument,
                  folder.path() + ": round " + std::to_string((*under_way)->record.round) +
                      " was interrupted; --resume goes on with it, --restart gives it up");
    }
  }
  MASR_RETURN_IF_ERROR(folder.Abandon());
  if (arguments.data.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "a new round needs speech: --data MANIFEST");
  }
  if (arguments.common.seed > uint64_t{INT64_MAX}) {
    return Fail(ErrorCode::kInvalidArgument,
                "--seed: with --state at most " + std::to_string(INT64_MAX) +
                    ", so that a round that is interrupted can read it again");
  }
  MASR_TRY(const RoundSettings settings, SettingsOf(arguments, folder));
  return OwnerRound::Begin(folder, arguments.data, settings.personalize.minutes, settings);
}

// Chooses what learns, if the user has named a budget, and reserves what that takes.
Result<std::optional<ChosenPlan>> PlanRound(OwnerRound& round, const OwnerFolder& folder,
                                            const PersonalizeArguments& arguments,
                                            ResourceMonitor& monitor) {
  PersonalizeArguments planned = arguments;
  planned.round() = round.settings().personalize;
  if (planned.plan.profile.empty()) {
    planned.plan.profile = folder.path() + "/device.json";
    planned.plan.own_profile = true;
  }
  planned.plan.observed = ObservedGains(folder.history());
  std::optional<ChosenPlan> plan;
  if (WantsPlan(arguments.plan)) {
    MASR_TRY(plan, PlanOf(round.model(), round.data(), planned, monitor));
  }
  RoundRecord& record = round.record();
  if (plan) {
    planned.round().candidate = plan->plan.best().candidate;
    record.plan_reason = plan->why;
    record.ram_budget_bytes = plan->limits.ram_bytes.value_or(0);
  } else {
    record.plan_reason = "as its owner asked";
  }
  MASR_TRY(const RoundMemory memory, MemoryOf(plan, round.model(), round.data(), planned));
  planned.round().arena_bytes = memory.arena;
  round.settings().personalize = planned.round();
  NoteMemory(memory, record);
  return plan;
}

// What the round was on a device that is not here.
Json DeviceJson(const SimulatedDevice& device, const std::string& memory_limit) {
  return {{"name", device.spec().name},
          {"seconds", device.device_seconds()},
          {"joules", device.joules()},
          {"memory_limit", memory_limit}};
}

void PrintRound(const RoundRecord& record, const OwnerFolder& folder, bool unfinished) {
  std::printf("Round %lld, %s: %s.\n", static_cast<long long>(record.round),
              record.sub_model.c_str(), record.plan_reason.c_str());
  if (record.test_before && record.test_after) {
    std::printf("Test: WER %.2f %% -> %.2f %%, CER %.2f %% -> %.2f %%\n", record.test_before->wer,
                record.test_after->wer, record.test_before->cer, record.test_after->cer);
  }
  for (const SentenceChange& s : record.sentences) {
    std::printf("\nreference  %s\nbefore     %s\nafter      %s\n", s.reference.c_str(),
                s.before.c_str(), s.after.c_str());
  }
  if (!record.halt_why.empty()) std::printf("\nStopped: %s\n", record.halt_why.c_str());
  std::printf("\n%s: %s.\n", record.accepted ? "Accepted" : "Kept as it was", record.why.c_str());
  std::printf("%.0f s of speech in %.0f s, peak memory %.0f MB (planned %.0f MB). Use %s\n",
              record.audio_seconds, record.seconds,
              static_cast<double>(record.peak_rss_bytes) / 1e6,
              static_cast<double>(record.planned_peak_bytes) / 1e6, folder.accepted().c_str());
  if (unfinished) std::printf("The round can go on: --resume\n");
}

struct HowItWent {
  bool resumed = false;
  bool unfinished = false;
  std::optional<ChosenPlan> plan = {};
};

void Report(const RoundRecord& record, const OwnerFolder& folder, const HowItWent& how,
            const PersonalizeArguments& arguments) {
  if (!arguments.common.json) {
    PrintRound(record, folder, how.unfinished);
    if (arguments.device != nullptr) {
      std::printf("On %s: %.0f s, %.0f J of computing; memory held by: %s\n",
                  arguments.device->spec().name.c_str(), arguments.device->device_seconds(),
                  arguments.device->joules(), arguments.memory_limit.c_str());
    }
    return;
  }
  Json json = RoundRecordToJson(record);
  json["resumed"] = how.resumed;
  json["unfinished"] = how.unfinished;
  if (how.plan) json["plan"] = ChosenJson(*how.plan);
  if (arguments.device != nullptr) {
    json["device"] = DeviceJson(*arguments.device, arguments.memory_limit);
  }
  json["peak_rss_bytes"] = PeakResidentBytes();
  json["model"] = folder.accepted();
  PrintJson(json);
}

}  // namespace

Status PersonalizeInFolder(PersonalizeArguments& arguments) {
  GiveMemoryBack();
  MASR_RETURN_IF_ERROR(TakeShareOfCores(arguments.policy, arguments.common));
  MASR_TRY(OwnerFolder folder, OwnerFolder::Open(arguments.state, arguments.base));
  // What --resume was to end is ended: another round on the same speech is not what was asked for.
  if (arguments.resume && folder.concluded()) {
    Report(*folder.concluded(), folder, {.resumed = true}, arguments);
    return {};
  }
  MASR_TRY(OwnerRound round, BeginOrResume(folder, arguments));
  std::unique_ptr<ResourceMonitor> own_monitor;
  if (arguments.device == nullptr) {
    MASR_TRY(own_monitor, MakeMonitor(arguments, folder.path()));
  }
  ResourceMonitor& monitor = arguments.device != nullptr ? *arguments.device : *own_monitor;
  std::optional<ChosenPlan> plan;
  if (!round.resumed()) {
    MASR_TRY(plan, PlanRound(round, folder, arguments, monitor));
  }
  MASR_TRY(const ResourcePolicy policy, ReadPolicy(arguments.policy));
  round.record().thresholds = ThresholdsOf(policy);
  Progress progress;
  RoundGuardOptions guard_options = GuardOptions(policy, progress);
  guard_options.looked = [&](const ResourceSnapshot& snapshot, const Verdict& verdict) {
    round.Look(snapshot, verdict);
  };
  if (arguments.device != nullptr) {
    guard_options.wait = [&](double seconds) { arguments.device->Wait(seconds); };
  }
  RoundGuard guard(monitor, std::move(guard_options));
  const ThreadPool threads(ThreadCount(arguments.common));
  auto record = round.Run(threads,
                          {.round = ProgressEvents(progress),
                           .step = [&](const std::string& step) { progress.Line(step); }},
                          &StopRequested(), &guard);
  progress.Clear();
  if (!record.has_value()) {
    if (round.resumed()) return CannotGoOn(std::move(record.error()));
    return tl::unexpected(std::move(record.error()));
  }
  Report(*record, folder, {round.resumed(), round.unfinished(), std::move(plan)}, arguments);
  return {};
}

Command AddRollback(CLI::App& parent) {
  struct Options {
    std::string state;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* app = parent.add_subcommand(
      "rollback", "Take the last accepted round back: the model before it is used again");
  app->add_option("--state", options->state, "Folder of a person's rounds")->required();
  app->add_flag("--json", options->json, "Print one JSON object on standard output");
  return {app, [options]() -> Status {
            MASR_TRY(OwnerFolder folder, OwnerFolder::OpenExisting(options->state));
            MASR_RETURN_IF_ERROR(folder.Rollback());
            MASR_TRY(const Model model, LoadModel(folder.accepted()));
            const int64_t round = RoundOf(model);
            if (options->json) {
              PrintJson({{"model", folder.accepted()}, {"round", round}});
            } else if (round == 0) {
              std::printf("%s is the base again\n", folder.accepted().c_str());
            } else {
              std::printf("%s is what round %lld gave\n", folder.accepted().c_str(),
                          static_cast<long long>(round));
            }
            return {};
          }};
}

}  // namespace masr::cli
