// A monitor whose owner knows more than files tell: on Android, BatteryManager and PowerManager.
#ifndef MOBILEASR_RESOURCES_CALLBACK_MONITOR_H_
#define MOBILEASR_RESOURCES_CALLBACK_MONITOR_H_

#include <chrono>
#include <cmath>
#include <limits>

#include "resources/resource_monitor.h"

namespace masr {

// Comes to the callback with nothing told; it fills in what it knows. Plain C.
struct ResourceReading {
  double available_bytes;  // NaN: not told, as in the others
  double battery_percent;
  // Out of the battery, negative while charging. The sign of Android's BATTERY_PROPERTY_CURRENT_NOW
  // differs between makers: take its size, and the direction from isCharging().
  double power_w;
  double battery_temperature_c;
  double temperature_c;
  double temperature_limit_c;  // where the device slows itself down; goes with temperature_c
  int charging;                // 1 or 0; -1: not told
};

// 0: the reading is good. Called on the thread that calls Read().
using ResourceCallback = int (*)(void* user_data, ResourceReading* reading);

class CallbackMonitor : public ResourceMonitor {
 public:
  // What the callback does not tell comes from `base`, which is not owned and must outlive this
  // monitor; null: it is not told.
  CallbackMonitor(ResourceCallback callback, void* user_data, ResourceMonitor* base = nullptr)
      : callback_(callback), user_data_(user_data), base_(base) {}

  Result<ResourceSnapshot> Read() override {
    ResourceSnapshot snapshot;
    if (base_ != nullptr) {
      MASR_TRY(snapshot, base_->Read());
    } else {
      const auto now = std::chrono::steady_clock::now().time_since_epoch();
      snapshot.time_s = std::chrono::duration<double>(now).count();
    }
    constexpr double kNotTold = std::numeric_limits<double>::quiet_NaN();
    ResourceReading reading = {kNotTold, kNotTold, kNotTold, kNotTold, kNotTold, kNotTold, -1};
    if (const int code = callback_(user_data_, &reading); code != 0) {
      return Fail(ErrorCode::kIo, "the callback for the device's resources answered " +
                                      std::to_string(code) + "; let it answer 0 and leave out " +
                                      "what it cannot tell");
    }
    if (reading.available_bytes >= 0 && reading.available_bytes < 1e18) {
      snapshot.available_bytes = static_cast<int64_t>(reading.available_bytes);
    }
    if (reading.battery_percent >= 0 && reading.battery_percent <= 100) {
      snapshot.has_battery = true;
      snapshot.battery_percent = reading.battery_percent;
    }
    if (reading.charging >= 0) snapshot.charging = reading.charging != 0;
    Take(reading.power_w, snapshot.power_w);
    Take(reading.battery_temperature_c, snapshot.battery_temperature_c);
    if (std::isfinite(reading.temperature_c)) {
      // Another place than the base's, with another limit.
      snapshot.thermal_zone.clear();
      snapshot.temperature_c = reading.temperature_c;
      snapshot.temperature_limit_c.reset();
      Take(reading.temperature_limit_c, snapshot.temperature_limit_c);
    }
    return snapshot;
  }

 private:
  static void Take(double value, std::optional<double>& field) {
    if (std::isfinite(value)) field = value;
  }

  ResourceCallback callback_;
  void* user_data_;
  ResourceMonitor* base_;
};

}  // namespace masr

#endif  // MOBILEASR_RESOURCES_CALLBACK_MONITOR_H_
