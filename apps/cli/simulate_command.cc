#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <memory>
#include <thread>

#include "command.h"
#include "io/byte_size.h"
#include "io/file.h"
#include "memory_limit.h"
#include "round_setup.h"

namespace masr::cli {
namespace {

struct Options {
  PersonalizeArguments round;
  std::string device;
};

double WallS() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double ProcessorS() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// A file, or the name of one in assets/devices.
Result<DeviceSpec> ReadDevice(const std::string& name) {
  const bool is_name = !std::filesystem::exists(name) && name.find('/') == std::string::npos;
  const std::string path = is_name ? "assets/devices/" + name + ".json" : name;
  MASR_TRY(const std::string text, ReadTextFile(path, 1 << 20));
  return DeviceSpec::FromJson(text, path);
}

Status Run(Options& options) {
  MASR_TRY(const DeviceSpec spec, ReadDevice(options.device));
  PersonalizeArguments& round = options.round;
  MASR_TRY(const ResourcePolicy policy, ReadPolicy(round.policy));
  int64_t budget = spec.available_bytes - policy.min_available_bytes;
  if (!round.plan.ram.empty()) {
    MASR_TRY(budget, ParseByteSize(round.plan.ram));
  }
  if (budget <= 0) {
    return Fail(ErrorCode::kNoSpace, spec.name + " has " + std::to_string(spec.available_bytes) +
                                         " bytes to spare, and the policy leaves " +
                                         std::to_string(policy.min_available_bytes) +
                                         " of them to others");
  }
  round.plan.ram = std::to_string(budget);
  const auto simulate = [&](const std::string& limit) {
    auto device = SimulatedDevice::Create(
        spec, round.trace,
        {.wall_s = WallS, .processor_s = ProcessorS, .sleep = [](double seconds) {
           std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
         }});
    if (!device.has_value()) return Report(tl::unexpected(std::move(device.error())));
    round.device = device->get();
    round.memory_limit = limit;
    return Report(PersonalizeInFolder(round));
  };
  MASR_TRY(const int code, RunWithinMemory(budget, simulate));
  if (code == 0) return {};
  // The child has said what was wrong.
  return Fail(code == kStoppedByOwner ? ErrorCode::kCancelled : ErrorCode::kIo, "");
}

}  // namespace

Command AddSimulate(CLI::App& parent) {
  auto options = std::make_shared<Options>();
  CLI::App* app = parent.add_subcommand(
      "simulate", "A round in a folder, as it would run on another device (docs/rounds.md)");
  app->add_option("--device", options->device,
                  "Device (JSON): a file, or a name in assets/devices, as oneplus7t")
      ->required();
  AddPersonalizeOptions(*app, options->round);
  app->get_option("--state")->required();
  return {app, [options] { return Run(*options); }};
}

}  // namespace masr::cli
