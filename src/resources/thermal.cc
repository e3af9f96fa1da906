#include <algorithm>

#include "resources/linux_parts.h"
#include "resources/sysfs.h"

namespace masr {
namespace {

// Phones list among their thermal zones things that are not temperatures, with "trip points" of
// their own: a battery's charge in percent, its voltage in millivolt. Read as thousandths of a
// degree they are a few degrees; no device slows down below 30. A trip point that is switched off
// is 0, far below zero or beyond 150.
constexpr int64_t kMinTrip = 30'000, kMaxTrip = 150'000;
constexpr int64_t kMinTemperature = -40'000, kMaxTemperature = 150'000;
constexpr int kMaxTrips = 32;

// The lowest point at which the device slows down, reports heat or switches itself off; "active"
// ones start a fan.
std::optional<double> LimitOf(const std::string& zone) {
  std::optional<double> limit;
  for (int i = 0; i < kMaxTrips; ++i) {
    const std::string trip = zone + "/trip_point_" + std::to_string(i);
    const std::optional<std::string> type = ReadName(trip + "_type");
    if (!type) break;
    if (*type != "passive" && *type != "hot" && *type != "critical") continue;
    const std::optional<int64_t> thousandths = ReadInteger(trip + "_temp", kMinTrip, kMaxTrip);
    if (!thousandths) continue;
    const double degrees = static_cast<double>(*thousandths) / 1000;
    limit = std::min(degrees, limit.value_or(degrees));
  }
  return limit;
}

struct Zone {
  std::string name;
  double temperature_c = 0;
  std::optional<double> limit_c;
};

// Zones without a limit matter only among themselves: the hottest stands for the device.
bool IsCloser(const Zone& a, const Zone& b) {
  if (a.limit_c.has_value() != b.limit_c.has_value()) return a.limit_c.has_value();
  if (!a.limit_c) return a.temperature_c > b.temperature_c;
  return *a.limit_c - a.temperature_c < *b.limit_c - b.temperature_c;
}

}  // namespace

void ReadHeat(const std::string& root, ResourceSnapshot& snapshot) {
  std::optional<Zone> closest;
  for (const std::string& folder : ListFolder(root + "/sys/class/thermal", "thermal_zone")) {
    const auto thousandths = ReadInteger(folder + "/temp", kMinTemperature, kMaxTemperature);
    if (!thousandths) continue;  // a sensor that is switched off
    Zone zone = {.name = ReadName(folder + "/type").value_or("unnamed"),
                 .temperature_c = static_cast<double>(*thousandths) / 1000,
                 .limit_c = LimitOf(folder)};
    if (!closest || IsCloser(zone, *closest)) closest = std::move(zone);
  }
  if (!closest) return;
  snapshot.thermal_zone = closest->name;
  snapshot.temperature_c = closest->temperature_c;
  snapshot.temperature_limit_c = closest->limit_c;
}

}  // namespace masr
