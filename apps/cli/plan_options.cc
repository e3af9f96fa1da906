#include "plan_options.h"

#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "child_process.h"
#include "io/byte_size.h"
#include "io/file.h"
#include "resources/linux_monitor.h"
#include "rounds/own_device.h"

namespace masr::cli {
namespace {

constexpr size_t kMostText = 1 << 20;  // of a profile, a table, a policy

// Measures, for the process that has asked.
Result<std::string> MeasureHere(const Model& model, int threads, ResourceMonitor& monitor) {
  const ThreadPool pool(threads);
  MASR_TRY(const DeviceProfile profile, MeasureOwnDevice(model, pool, monitor));
  return WriteDeviceProfile(profile);
}

std::string ReadAll(int descriptor) {
  std::string text;
  char part[4096];
  ssize_t got;
  while ((got = read(descriptor, part, sizeof(part))) > 0 || (got < 0 && errno == EINTR)) {
    if (got > 0) text.append(part, static_cast<size_t>(got));
  }
  return text;
}

// In a process of its own: it takes more memory than a small round, and gives back all of it. No
// other thread runs here yet.
Result<DeviceProfile> Measure(const Model& model, int threads, ResourceMonitor& monitor) {
  int ends[2];
  if (pipe(ends) != 0) return Fail(ErrorCode::kIo, "the device cannot be measured: no pipe");
  const pid_t child = fork();
  if (child < 0) return Fail(ErrorCode::kIo, "the device cannot be measured: no process");
  if (child == 0) {
    const auto text = MeasureHere(model, threads, monitor);
    const std::string& answer = text.has_value() ? *text : text.error().message;
    const bool written = write(ends[1], answer.data(), answer.size()) == std::ssize(answer);
    std::_Exit(text.has_value() && written ? 0 : 1);
  }
  close(ends[1]);
  const std::string answer = ReadAll(ends[0]);
  close(ends[0]);
  const int status = WaitFor(child);
  if (status != 0) {
    return Fail(ErrorCode::kIo, "the device cannot be measured: " +
                                    (answer.empty() ? "its process was ended" : answer));
  }
  return ReadDeviceProfile(answer, "the measured device profile");
}

Result<DeviceProfile> MeasureTo(const std::string& path, const Model& model, int threads,
                                ResourceMonitor& monitor) {
  MASR_TRY(DeviceProfile profile, Measure(model, threads, monitor));
  MASR_RETURN_IF_ERROR(SaveProfile(path, profile));
  return profile;
}

Result<DeviceProfile> ProfileOf(const Model& model, int threads, ResourceMonitor& monitor,
                                const PlanArguments& arguments) {
  const std::string& path = arguments.profile;
  if (path.empty()) return Measure(model, threads, monitor);
  if (!FileExists(path)) return MeasureTo(path, model, threads, monitor);
  auto profile = LoadProfileOf(model, threads, path);
  if (profile.has_value() || !arguments.own_profile) return profile;
  return MeasureTo(path, model, threads, monitor);
}

Result<GainTable> GainsOf(const std::string& path) {
  if (path.empty()) return DefaultGainTable();
  MASR_TRY(const std::string text, ReadTextFile(path, kMostText));
  return ReadGainTable(text, path);
}

Result<std::optional<int64_t>> RamOf(const PlanArguments& arguments) {
  if (arguments.ram.empty()) return std::optional<int64_t>();
  MASR_TRY(const int64_t bytes, ParseByteSize(arguments.ram));
  return std::optional(bytes);
}

Result<PlanLimits> AllLimits(const PlanArguments& arguments, ResourceMonitor& monitor,
                             const DeviceProfile& profile) {
  RoundBudget budget = {.seconds = arguments.seconds, .battery_percent = arguments.battery_percent};
  MASR_TRY(budget.ram_bytes, RamOf(arguments));
  ResourcePolicy policy;
  if (!arguments.policy.empty()) {
    MASR_TRY(const std::string text, ReadTextFile(arguments.policy, kMostText));
    MASR_TRY(policy, ResourcePolicy::FromJson(text, arguments.policy));
  }
  const bool looks = !arguments.policy.empty() || arguments.device != nullptr;
  return LimitsOf(budget, policy, looks, monitor, profile);
}

}  // namespace

std::string IsByteSize(const std::string& text) {
  const auto bytes = ParseByteSize(text);
  return bytes.has_value() ? std::string() : bytes.error().message;
}

void AddPlanOptions(CLI::App& app, PlanArguments& arguments) {
  app.add_option("--ram", arguments.ram, "Memory that the round may take: 200MB, 200MiB, or bytes")
      ->check(IsByteSize);
  app.add_option("--battery", arguments.battery_percent,
                 "What is in the battery, in percent; no charger is there")
      ->check(CLI::Range(0.0, 100.0));
  app.add_option("--seconds", arguments.seconds, "Time that the round may take")
      ->check(CLI::PositiveNumber);
  app.add_option("--profile", arguments.profile,
                 "Device profile (JSON); measured, and written there, if the file is missing");
  app.add_option("--gain-table", arguments.gain_table,
                 "What sub-models are worth (JSON), instead of what is built in");
}

void GiveMemoryBack() {
#ifdef __GLIBC__
  // Its own limit of 128 KiB, but fixed: glibc raises it to the largest block that was ever freed,
  // and then keeps such blocks.
  mallopt(M_MMAP_THRESHOLD, 128 << 10);
#endif
}

Result<int64_t> SpeechCacheBytes(const PlanArguments& arguments) {
  MASR_TRY(const std::optional<int64_t> budget, RamOf(arguments));
  return masr::SpeechCacheBytes(budget);
}

bool WantsPlan(const PlanArguments& arguments) {
  return !arguments.ram.empty() || arguments.battery_percent || arguments.seconds ||
         !arguments.profile.empty();
}

Result<ChosenPlan> ChoosePlan(const Model& model, const SpeechDataset& data,
                              const PersonalizeOptions& round, bool named, int threads,
                              const PlanArguments& arguments, ResourceMonitor& monitor) {
  ChosenPlan chosen;
  if (SimulatedDevice* device = arguments.device) {
    // This machine is measured, and the device calculated.
    LinuxMonitor here{LinuxMonitorOptions()};
    MASR_TRY(chosen.profile, ProfileOf(model, threads, here, arguments));
    device->Skip();
    const DeviceSpec& spec = device->spec();
    SlowDown(chosen.profile, spec.slowdown);
    chosen.profile.training_power_w = spec.core_power_w * std::min(threads, spec.cores);
    if (spec.battery_wh > 0) chosen.profile.battery_wh = spec.battery_wh;
  } else {
    MASR_TRY(chosen.profile, ProfileOf(model, threads, monitor, arguments));
  }
  MASR_TRY(const GainTable table, GainsOf(arguments.gain_table));
  const GainTable gains = UpdateGain(table, arguments.observed);
  MASR_TRY(const PlanLimits limits, AllLimits(arguments, monitor, chosen.profile));
  MASR_TRY(static_cast<ChosenSubModel&>(chosen),
           ChooseSubModel(model, data, round, named, threads, limits, chosen.profile, gains));
  return chosen;
}

std::vector<std::string> CandidateOptions(const Candidate& candidate) {
  std::vector<std::string> options = {"--freeze-blocks", std::to_string(candidate.first_block)};
  const auto add = [&](const char* name, const std::string& value) {
    options.emplace_back(name);
    options.push_back(value);
  };
  if (candidate.tuning == Tuning::kVectors) add("--tune", "vectors");
  if (candidate.tuning == Tuning::kLora) {
    add("--tune", "lora");
    add("--lora-rank", std::to_string(candidate.lora_rank));
  }
  if (candidate.tuning == Tuning::kAdapters) {
    add("--tune", "adapters");
    add("--adapter-width", std::to_string(candidate.adapter_width));
  }
  if (candidate.optimizer_bits != 32) {
    add("--optimizer-bits", std::to_string(candidate.optimizer_bits));
  }
  if (candidate.parts > 1) add("--parts", std::to_string(candidate.parts));
  if (candidate.micro_batch_seconds > 0) {
    add("--micro-batch-seconds", Json(candidate.micro_batch_seconds).dump());
  }
  if (candidate.longest_s > 0) add("--longest", Json(candidate.longest_s).dump());
  return options;
}

Json PlannedJson(const PlannedCandidate& planned) {
  return {{"name", planned.name},
          {"trainable_parameters", planned.trainable_parameters},
          {"peak_bytes", planned.peak_bytes},
          {"seconds_per_epoch", planned.seconds_per_epoch},
          {"joules_per_epoch", planned.joules_per_epoch},
          {"seconds", planned.seconds},
          {"joules", planned.joules},
          {"expected_gain", planned.expected_gain},
          {"fits", planned.fits},
          {"refused_because", planned.refused_because},
          {"options", CandidateOptions(planned.candidate)}};
}

Json ChosenJson(const ChosenPlan& chosen) {
  const auto& candidates = chosen.plan.candidates;
  return {{"chosen", chosen.plan.best().name},
          {"why", chosen.why},
          {"options", CandidateOptions(chosen.plan.best().candidate)},
          {"candidates", candidates.size()},
          {"fitting", std::ranges::count_if(candidates, &PlannedCandidate::fits)},
          {"peak_bytes", chosen.plan.best().peak_bytes},
          {"seconds_per_epoch", chosen.plan.best().seconds_per_epoch},
          {"joules_per_epoch", chosen.plan.best().joules_per_epoch},
          {"expected_gain", chosen.plan.best().expected_gain}};
}

}  // namespace masr::cli
