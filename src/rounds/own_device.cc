#include "rounds/own_device.h"

#include <sys/utsname.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <chrono>
#include <utility>

#include "io/file.h"
#include "plan/measure_device.h"

namespace masr {
namespace {

constexpr size_t kMostText = 1 << 20;

double NowS() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string DeviceName() {
  utsname system{};
  if (uname(&system) != 0) return "";
  return std::string(system.sysname) + " " + system.machine;
}

}  // namespace

Result<DeviceProfile> MeasureOwnDevice(const Model& model, const ThreadPool& threads,
                                       ResourceMonitor& monitor) {
  MASR_TRY(DeviceProfile profile, MeasureDevice(model, threads, NowS, {.name = DeviceName()}));
#ifdef __GLIBC__
  // It keeps what was freed, and the plan that comes next would find it taken.
  malloc_trim(0);
#endif
  MASR_TRY(const ResourceSnapshot now, monitor.Read());
  if (!now.charging && now.power_w.value_or(0) > 0) profile.training_power_w = now.power_w;
  return profile;
}

Result<DeviceProfile> ReadProfileOf(const Model& model, int threads, std::string_view text,
                                    const std::string& where) {
  MASR_TRY(DeviceProfile profile, ReadDeviceProfile(text, where));
  if (Status same = CheckProfile(profile, model.config.encoder_json, threads); !same.has_value()) {
    return Fail(where, std::move(same.error()));
  }
  return profile;
}

Result<DeviceProfile> LoadProfileOf(const Model& model, int threads, const std::string& path) {
  MASR_TRY(const std::string text, ReadTextFile(path, kMostText));
  return ReadProfileOf(model, threads, text, path);
}

Status SaveProfile(const std::string& path, const DeviceProfile& profile) {
  MASR_TRY(const std::string text, WriteDeviceProfile(profile));
  return ReplaceFile(path, text + "\n");
}

}  // namespace masr
