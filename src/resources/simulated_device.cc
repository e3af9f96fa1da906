#include "resources/simulated_device.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "io/config_reader.h"

namespace masr {

Result<DeviceSpec> DeviceSpec::FromJson(std::string_view text, const std::string& where) {
  MASR_TRY(const nlohmann::json json, ParseConfig(text, where));
  ConfigReader reader(json, where);
  constexpr int64_t kMostBytes = int64_t{1} << 50;
  DeviceSpec spec;
  spec.name = reader.Text("name", {});
  spec.source = reader.Text("source", "");
  spec.total_bytes = reader.Int("total_bytes", {}, 1, kMostBytes);
  spec.available_bytes = reader.Int("available_bytes", {}, 1, kMostBytes);
  spec.battery_wh = reader.Number("battery_wh", 0.0, 0, 1e6);
  spec.battery_percent = reader.Number("battery_percent", spec.battery_percent, 0, 100);
  spec.core_power_w = reader.Number("core_power_w", {}, 0, 1000);
  spec.slowdown = reader.Number("slowdown", {}, 0.01, 1000);
  spec.cores = static_cast<int>(reader.Int("cores", {}, 1, 1024));
  if (spec.available_bytes > spec.total_bytes) {
    reader.Refuse("'available_bytes' is more than 'total_bytes'");
  }
  MASR_RETURN_IF_ERROR(reader.Finish());
  return spec;
}

Result<std::unique_ptr<SimulatedDevice>> SimulatedDevice::Create(const DeviceSpec& spec,
                                                                 const std::string& trace,
                                                                 SimulationClocks clocks) {
  std::unique_ptr<SimulatedDevice> device(new SimulatedDevice(spec, std::move(clocks)));
  ResourceSnapshot& idle = device->idle_;
  idle.total_bytes = spec.total_bytes;
  idle.available_bytes = spec.available_bytes;
  idle.cores = spec.cores;
  if (spec.battery_wh > 0) {
    idle.has_battery = true;
    idle.charging = false;
    idle.battery_percent = spec.battery_percent;
  }
  if (!trace.empty()) {
    MASR_TRY(ScriptedMonitor script,
             ScriptedMonitor::Open(trace, idle, [raw = device.get()] { return raw->device_s_; }));
    device->trace_ = std::make_unique<ScriptedMonitor>(std::move(script));
  }
  device->Skip();
  return device;
}

Result<ResourceSnapshot> SimulatedDevice::Read() {
  const double wall_s = clocks_.wall_s() - last_wall_s_;
  const double computed_s = clocks_.processor_s() - last_processor_s_;
  device_s_ += wall_s * spec_.slowdown;
  ResourceSnapshot snapshot = idle_;
  if (trace_ != nullptr) {
    MASR_TRY(snapshot, trace_->Read());
  }
  snapshot.time_s = device_s_;
  const double throttle = std::clamp(snapshot.throttle_share.value_or(1), 0.05, 1.0);
  if (throttle < 1) {
    const double longer_s = wall_s * (1 / throttle - 1);
    clocks_.sleep(longer_s);
    device_s_ += longer_s * spec_.slowdown;
  }
  // A throttled core takes less power for longer; the work is the same.
  const double joules = computed_s * spec_.slowdown * spec_.core_power_w;
  joules_ += joules;
  if (snapshot.has_battery && spec_.battery_wh > 0) {
    if (!snapshot.charging) drained_j_ += joules;
    const double percent = 100 * drained_j_ / (spec_.battery_wh * 3600);
    snapshot.battery_percent = std::max(0.0, snapshot.battery_percent.value_or(100) - percent);
    if (wall_s > 0) {
      snapshot.power_w = snapshot.power_w.value_or(0) + joules / (wall_s * spec_.slowdown);
    }
  }
  Skip();
  return snapshot;
}

}  // namespace masr
