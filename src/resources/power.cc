// Batteries and chargers, after the kernel's Documentation/ABI/testing/sysfs-class-power.
#include <algorithm>
#include <cmath>

#include "resources/linux_parts.h"
#include "resources/sysfs.h"

namespace masr {
namespace {

// Wider than any device that runs on a battery; what lies outside is a driver's way to say nothing.
constexpr int64_t kMaxMicro = 200'000'000;                         // 200 A, 200 V, 200 W
constexpr int64_t kMinTemperature = -400, kMaxTemperature = 1200;  // tenths of a degree

struct Battery {
  std::string name;
  std::string status;  // "Charging", "Discharging", "Not charging", "Full"; empty: not told
  std::optional<double> percent;
  std::optional<double> power_w;
  std::optional<double> temperature_c;
};

struct Supplies {
  std::vector<Battery> batteries;
  bool has_charger = false;
  bool charger_online = false;
};

// The sign of a current means charging with some drivers and draining with others, and some have
// none; that of power_now is not even documented. So `status` says the direction, and the sign
// counts only where it does not: below zero is draining, as the kernel documents it since 5.10.
std::optional<double> PowerOf(const std::string& folder, const std::string& status) {
  const auto micro = [&](const char* name) {
    return ReadInteger(folder + name, -kMaxMicro, kMaxMicro);
  };
  double watts = 0;
  if (const auto power = micro("/power_now")) {
    watts = static_cast<double>(*power) * 1e-6;
  } else {
    const auto current = micro("/current_now");
    const auto voltage = micro("/voltage_now");
    if (!current || !voltage) return std::nullopt;
    watts = static_cast<double>(*current) * static_cast<double>(*voltage) * 1e-12;
  }
  if (status == "Discharging") return std::abs(watts);
  if (status == "Charging") return -std::abs(watts);
  return -watts;
}

Battery ReadBattery(const std::string& folder) {
  Battery battery;
  battery.name = folder.substr(folder.rfind('/') + 1);
  battery.status = ReadName(folder + "/status").value_or("");
  if (const auto percent = ReadInteger(folder + "/capacity", 0, 100)) {
    battery.percent = static_cast<double>(*percent);
  }
  battery.power_w = PowerOf(folder, battery.status);
  if (const auto tenths = ReadInteger(folder + "/temp", kMinTemperature, kMaxTemperature)) {
    battery.temperature_c = static_cast<double>(*tenths) / 10;
  }
  return battery;
}

Supplies ReadSupplies(const std::string& root) {
  Supplies supplies;
  for (const std::string& folder : ListFolder(root + "/sys/class/power_supply", "")) {
    // "Device": of a mouse or a headset.
    if (ReadName(folder + "/scope") == "Device") continue;
    const std::string type = ReadName(folder + "/type").value_or("");
    if (type == "Battery") {
      const bool empty_bay = ReadInteger(folder + "/present") == 0;
      if (!empty_bay) supplies.batteries.push_back(ReadBattery(folder));
    } else if (type == "Mains" || type == "Wireless" || type.starts_with("USB")) {
      const std::optional<int64_t> online = ReadInteger(folder + "/online");
      supplies.has_charger |= online.has_value();
      supplies.charger_online |= online.value_or(0) > 0;
    }
  }
  // Android's own view of the whole has this name; what stands beside it are the gauges from which
  // it is made.
  for (const Battery& battery : supplies.batteries) {
    if (battery.name != "battery") continue;
    supplies.batteries = {Battery(battery)};
    break;
  }
  return supplies;
}

bool IsCharging(const Supplies& supplies) {
  const auto any = [&](const char* status) {
    return std::any_of(supplies.batteries.begin(), supplies.batteries.end(),
                       [&](const Battery& battery) { return battery.status == status; });
  };
  // A weak charger may be connected all the same: what counts is that a battery falls.
  if (any("Discharging")) return false;
  if (any("Charging")) return true;
  // "Full" and "Not charging" (a limit of 80 %) say nothing of the plug.
  if (supplies.has_charger) return supplies.charger_online;
  return any("Full");
}

}  // namespace

void ReadPower(const std::string& root, ResourceSnapshot& snapshot) {
  const Supplies supplies = ReadSupplies(root);
  if (supplies.batteries.empty()) return;  // mains
  snapshot.has_battery = true;
  snapshot.charging = IsCharging(supplies);
  // Of several: the mean charge, the sum of power, the hottest.
  double percent = 0;
  int told = 0;
  for (const Battery& battery : supplies.batteries) {
    if (battery.percent) {
      percent += *battery.percent;
      ++told;
    }
    if (battery.power_w) snapshot.power_w = snapshot.power_w.value_or(0) + *battery.power_w;
    if (battery.temperature_c) {
      snapshot.battery_temperature_c = std::max(
          *battery.temperature_c, snapshot.battery_temperature_c.value_or(*battery.temperature_c));
    }
  }
  if (told > 0) snapshot.battery_percent = percent / told;
}

}  // namespace masr
