#include "resources/resource_policy.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "io/config_reader.h"

namespace masr {
namespace {

// Sensors show whole degrees and jump by one; a chip cools by two within seconds of a pause.
constexpr double kResumeDegrees = 2;
// Both are averages that fall by themselves once the training rests.
constexpr double kResumePressure = 0.5;
constexpr double kResumeLoad = 0.8;

std::string Shown(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.4g", value);
  return text;
}

std::string ShownMb(int64_t bytes) { return Shown(static_cast<double>(bytes) / 1e6) + " MB"; }

std::string ShownHour(double hour) {
  const int minutes = static_cast<int>(std::lround(hour * 60));
  char text[32];
  std::snprintf(text, sizeof(text), "%02d:%02d", minutes / 60, minutes % 60);
  return text;
}

Verdict Stop(const char* halted_by, std::string why) {
  return {Decision::kStop, halted_by, std::move(why)};
}

Verdict Pause(const char* halted_by, std::string why) {
  return {Decision::kPause, halted_by, std::move(why)};
}

// "max_temperature_c is 90", and what must be reached to go on.
std::string LimitOf(const char* option, double limit, double bound, bool resuming) {
  return std::string(option) + " is " + Shown(limit) +
         (resuming ? ", and after a pause it goes on at " + Shown(bound) : "");
}

std::optional<Verdict> JudgeStop(const ResourcePolicy& policy, const ResourceSnapshot& now,
                                 double seconds_used) {
  if (seconds_used >= policy.max_seconds) {
    return Stop("time", "it has trained for " + Shown(seconds_used) + " s; max_seconds is " +
                            Shown(policy.max_seconds));
  }
  const std::string battery =
      now.battery_percent ? ", its battery is at " + Shown(*now.battery_percent) + " %" : "";
  if (policy.only_when_charging && !now.charging) {
    return Stop("charging", "the device is not charging" + battery + "; only_when_charging is set");
  }
  if (!now.charging && now.battery_percent.value_or(100) < policy.min_battery_percent) {
    return Stop("battery", "the device is not charging" + battery + "; min_battery_percent is " +
                               Shown(policy.min_battery_percent));
  }
  if (now.available_bytes != kUnknownBytes && now.available_bytes < policy.min_available_bytes) {
    return Stop("ram", ShownMb(now.available_bytes) +
                           " of RAM are available; min_available_bytes is " +
                           ShownMb(policy.min_available_bytes));
  }
  if (now.free_disk_bytes != kUnknownBytes && now.free_disk_bytes < policy.min_free_disk_bytes) {
    return Stop("disk", ShownMb(now.free_disk_bytes) +
                            " of disk are free; min_free_disk_bytes is " +
                            ShownMb(policy.min_free_disk_bytes));
  }
  return std::nullopt;
}

std::optional<Verdict> JudgeHeat(const ResourcePolicy& policy, const ResourceSnapshot& now,
                                 bool resuming) {
  const double degrees = resuming ? kResumeDegrees : 0;
  const std::string zone = now.thermal_zone.empty() ? "the device" : now.thermal_zone;
  if (now.temperature_c) {
    const double bound = policy.max_temperature_c - degrees;
    if (*now.temperature_c > bound) {
      return Pause("heat",
                   zone + " is at " + Shown(*now.temperature_c) + " C; " +
                       LimitOf("max_temperature_c", policy.max_temperature_c, bound, resuming));
    }
  }
  if (now.temperature_c && now.temperature_limit_c) {
    const double bound = policy.min_temperature_margin_c + degrees;
    if (*now.temperature_limit_c - *now.temperature_c < bound) {
      return Pause("heat", zone + " is at " + Shown(*now.temperature_c) +
                               " C and slows the device down at " +
                               Shown(*now.temperature_limit_c) + " C; " +
                               LimitOf("min_temperature_margin_c", policy.min_temperature_margin_c,
                                       bound, resuming));
    }
  }
  if (now.battery_temperature_c) {
    const double bound = policy.max_battery_temperature_c - degrees;
    if (*now.battery_temperature_c > bound) {
      return Pause("heat", "the battery is at " + Shown(*now.battery_temperature_c) + " C; " +
                               LimitOf("max_battery_temperature_c",
                                       policy.max_battery_temperature_c, bound, resuming));
    }
  }
  return std::nullopt;
}

bool IsWithinHours(const ResourcePolicy& policy, int minute_of_day) {
  const double hour = minute_of_day / 60.0;
  const bool begun = hour >= policy.begin_hour;
  const bool ended = hour >= policy.end_hour;
  if (policy.begin_hour == policy.end_hour) return true;
  return policy.begin_hour < policy.end_hour ? begun && !ended : begun || !ended;
}

std::optional<Verdict> JudgeUse(const ResourcePolicy& policy, const ResourceSnapshot& now,
                                bool resuming) {
  if (now.memory_pressure_percent) {
    const double limit = policy.max_memory_pressure_percent;
    const double bound = limit * (resuming ? kResumePressure : 1);
    if (*now.memory_pressure_percent > bound) {
      return Pause("pressure", "programs wait for memory " + Shown(*now.memory_pressure_percent) +
                                   " % of the time; " +
                                   LimitOf("max_memory_pressure_percent", limit, bound, resuming));
    }
  }
  if (policy.only_when_idle) {
    const double others =
        std::max(now.load - now.process_load, 0.0) / static_cast<double>(std::max(now.cores, 1));
    const double bound = policy.max_load_per_core * (resuming ? kResumeLoad : 1);
    if (others > bound) {
      return Pause("idle",
                   "other programs keep " + Shown(others) + " of each core busy; " +
                       LimitOf("max_load_per_core", policy.max_load_per_core, bound, resuming));
    }
  }
  if (!IsWithinHours(policy, now.minute_of_day)) {
    return Pause("hours", "it is " + ShownHour(now.minute_of_day / 60.0) +
                              "; training may run from " + ShownHour(policy.begin_hour) + " to " +
                              ShownHour(policy.end_hour) + " (begin_hour, end_hour)");
  }
  return std::nullopt;
}

}  // namespace

Result<ResourcePolicy> ResourcePolicy::FromObject(const nlohmann::json& object,
                                                  const std::string& where) {
  constexpr double kMaxSeconds = 1e9;
  constexpr int64_t kMaxBytes = int64_t{1} << 50;
  ConfigReader reader(object, where);
  ResourcePolicy p;
  p.only_when_charging = reader.Bool("only_when_charging", p.only_when_charging);
  p.only_when_idle = reader.Bool("only_when_idle", p.only_when_idle);
  p.max_load_per_core = reader.Number("max_load_per_core", p.max_load_per_core, 0, 1000);
  p.min_battery_percent = reader.Number("min_battery_percent", p.min_battery_percent, 0, 100);
  p.max_temperature_c = reader.Number("max_temperature_c", p.max_temperature_c, 0, 200);
  p.min_temperature_margin_c =
      reader.Number("min_temperature_margin_c", p.min_temperature_margin_c, 0, 100);
  p.max_battery_temperature_c =
      reader.Number("max_battery_temperature_c", p.max_battery_temperature_c, 0, 200);
  p.min_available_bytes = reader.Int("min_available_bytes", p.min_available_bytes, 0, kMaxBytes);
  p.max_memory_pressure_percent =
      reader.Number("max_memory_pressure_percent", p.max_memory_pressure_percent, 0, 100);
  p.max_seconds = reader.Number("max_seconds", p.max_seconds, 0, kMaxSeconds);
  p.max_cores_share = reader.Number("max_cores_share", p.max_cores_share, 0, 1);
  p.min_free_disk_bytes = reader.Int("min_free_disk_bytes", p.min_free_disk_bytes, 0, kMaxBytes);
  p.begin_hour = reader.Number("begin_hour", p.begin_hour, 0, 24);
  p.end_hour = reader.Number("end_hour", p.end_hour, 0, 24);
  p.pause_seconds_limit =
      reader.Number("pause_seconds_limit", p.pause_seconds_limit, 0, kMaxSeconds);
  MASR_RETURN_IF_ERROR(reader.Finish());
  return p;
}

Result<ResourcePolicy> ResourcePolicy::FromJson(std::string_view text, const std::string& where) {
  MASR_TRY(const nlohmann::json object, ParseConfig(text, where));
  return FromObject(object, where);
}

int AllowedCores(const ResourcePolicy& policy, const ResourceSnapshot& snapshot) {
  // 0.7 of 10 is 7, whatever binary fractions make of it.
  return std::max(static_cast<int>(snapshot.cores * policy.max_cores_share + 1e-9), 1);
}

Verdict JudgeResources(const ResourcePolicy& policy, const ResourceSnapshot& snapshot,
                       double seconds_used, bool resuming) {
  if (auto stop = JudgeStop(policy, snapshot, seconds_used)) return *std::move(stop);
  if (auto heat = JudgeHeat(policy, snapshot, resuming)) return *std::move(heat);
  if (auto use = JudgeUse(policy, snapshot, resuming)) return *std::move(use);
  return {};
}

Verdict PolicyGuard::Judge(const ResourceSnapshot& snapshot, double seconds_used) {
  Verdict verdict =
      JudgeResources(policy_, snapshot, seconds_used, /*resuming=*/paused_since_s_.has_value());
  if (verdict.decision != Decision::kPause) {
    paused_since_s_.reset();
    return verdict;
  }
  if (!paused_since_s_) paused_since_s_ = snapshot.time_s;
  const double waited_s = snapshot.time_s - *paused_since_s_;
  if (waited_s >= policy_.pause_seconds_limit) {
    verdict.decision = Decision::kStop;
    verdict.why += "; it has waited " + Shown(waited_s) + " s, and pause_seconds_limit is " +
                   Shown(policy_.pause_seconds_limit);
  }
  return verdict;
}

}  // namespace masr
