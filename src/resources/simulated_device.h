// A device that is not here: real training, on its time, its battery and its memory.
#ifndef MOBILEASR_RESOURCES_SIMULATED_DEVICE_H_
#define MOBILEASR_RESOURCES_SIMULATED_DEVICE_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "resources/resource_monitor.h"
#include "resources/scripted_monitor.h"

namespace masr {

struct DeviceSpec {
  std::string name;
  std::string source;            // where the numbers are from
  int64_t total_bytes = 0;       // of RAM
  int64_t available_bytes = 0;   // of it, when nothing else happens
  double battery_wh = 0;         // 0: it has none
  double battery_percent = 100;  // unless a trace says so
  // Out of the battery for a core that computes.
  double core_power_w = 1;
  // Seconds that it computes for each second that this machine does.
  double slowdown = 1;
  int cores = 4;

  // A JSON object with the names above; `where` names it in messages.
  static Result<DeviceSpec> FromJson(std::string_view text, const std::string& where);
};

struct SimulationClocks {
  // Seconds of this machine: since anything, and those that this process has computed.
  std::function<double()> wall_s;
  std::function<double()> processor_s;
  std::function<void(double seconds)> sleep;
};

// Read() is asked between updates. What was computed since the last time took `slowdown` times as
// long on the device, drained its battery unless it was charging, and, where the trace throttles
// the processor, is made to take longer here too.
class SimulatedDevice : public ResourceMonitor {
 public:
  // `trace` may be empty: nothing else happens on the device. Its times are the device's.
  static Result<std::unique_ptr<SimulatedDevice>> Create(const DeviceSpec& spec,
                                                         const std::string& trace,
                                                         SimulationClocks clocks);

  Result<ResourceSnapshot> Read() override;
  // Lets so much time of the device pass at once: a pause need not be waited for.
  void Wait(double device_seconds) { device_s_ += device_seconds; }

  // What this machine has done since the last Read() is none of the device's doing.
  void Skip() {
    last_wall_s_ = clocks_.wall_s();
    last_processor_s_ = clocks_.processor_s();
  }

  double device_seconds() const { return device_s_; }
  double joules() const { return joules_; }  // that computing has taken
  const DeviceSpec& spec() const { return spec_; }

 private:
  SimulatedDevice(DeviceSpec spec, SimulationClocks clocks)
      : spec_(std::move(spec)), clocks_(std::move(clocks)) {}

  DeviceSpec spec_;
  SimulationClocks clocks_;
  std::unique_ptr<ScriptedMonitor> trace_;
  ResourceSnapshot idle_;
  double device_s_ = 0;
  double joules_ = 0;
  double drained_j_ = 0;  // of the battery
  double last_wall_s_ = 0;
  double last_processor_s_ = 0;
};

}  // namespace masr

#endif  // MOBILEASR_RESOURCES_SIMULATED_DEVICE_H_
