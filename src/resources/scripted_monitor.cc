#include "resources/scripted_monitor.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <span>
#include <utility>

#include "io/file.h"
#include "io/text_lines.h"
#include "resources/sysfs.h"

namespace masr {
namespace {

constexpr size_t kMaxTraceBytes = size_t{1} << 24;
constexpr size_t kMaxMoments = 100'000;  // a day of seconds has 86 400

struct Column {
  std::string_view name;
  double low, high;
  bool whole;
  void (*set)(double value, ResourceSnapshot& snapshot);
};

int64_t FromMb(double mb) { return std::llround(mb * 1e6); }

constexpr Column kColumns[] = {
    {"time_s", -1e9, 1e9, false, [](double v, ResourceSnapshot& s) { s.time_s = v; }},
    {"available_mb", 0, 1e9, false,
     [](double v, ResourceSnapshot& s) { s.available_bytes = FromMb(v); }},
    {"battery_percent", 0, 100, false,
     [](double v, ResourceSnapshot& s) {
       s.has_battery = true;
       s.battery_percent = v;
     }},
    {"charging", 0, 1, true, [](double v, ResourceSnapshot& s) { s.charging = v != 0; }},
    {"temperature_c", -50, 200, false, [](double v, ResourceSnapshot& s) { s.temperature_c = v; }},
    {"temperature_limit_c", -50, 200, false,
     [](double v, ResourceSnapshot& s) { s.temperature_limit_c = v; }},
    {"memory_pressure_percent", 0, 100, false,
     [](double v, ResourceSnapshot& s) { s.memory_pressure_percent = v; }},
    {"power_w", -1000, 1000, false, [](double v, ResourceSnapshot& s) { s.power_w = v; }},
    {"throttle_share", 0, 1, false, [](double v, ResourceSnapshot& s) { s.throttle_share = v; }},
    {"load", 0, 1e6, false, [](double v, ResourceSnapshot& s) { s.load = v; }},
    {"free_disk_mb", 0, 1e12, false,
     [](double v, ResourceSnapshot& s) { s.free_disk_bytes = FromMb(v); }},
    {"hour", 0, 24, false,
     [](double v, ResourceSnapshot& s) {
       s.minute_of_day = static_cast<int>(std::lround(v * 60)) % (24 * 60);
     }},
};

std::string ColumnNames() {
  std::string names;
  for (const Column& column : kColumns) {
    if (!names.empty()) names += ", ";
    names += column.name;
  }
  return names;
}

// For messages, which are UTF-8 whatever the file is.
std::string Quoted(std::string_view text) {
  constexpr size_t kMost = 40;
  std::string quoted(text.substr(0, kMost));
  for (char& c : quoted) {
    if (c < ' ' || c > '~') c = '?';
  }
  return "'" + quoted + (text.size() > kMost ? "...'" : "'");
}

std::string Shown(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.10g", value);
  return text;
}

std::vector<std::string_view> SplitFields(std::string_view line) {
  std::vector<std::string_view> fields;
  while (true) {
    const size_t comma = line.find(',');
    fields.push_back(Trimmed(line.substr(0, comma)));
    if (comma == std::string_view::npos) return fields;
    line.remove_prefix(comma + 1);
  }
}

tl::unexpected<Error> FailAt(const std::string& name, const TextLine& line, std::string message) {
  return Fail(ErrorCode::kCorrupt,
              name + ": line " + std::to_string(line.number) + ": " + std::move(message));
}

Result<std::vector<const Column*>> ParseHeader(const TextLine& line, const std::string& name) {
  std::vector<const Column*> columns;
  for (std::string_view field : SplitFields(line.text)) {
    const auto* found = std::find_if(std::begin(kColumns), std::end(kColumns),
                                     [&](const Column& column) { return column.name == field; });
    if (found == std::end(kColumns)) {
      const bool number = ParseNumber(field, -1e300, 1e300).has_value();
      if (columns.empty() && (number || field.empty())) {
        return FailAt(
            name, line,
            "there is no header; put a line before it that names the columns, of " + ColumnNames());
      }
      return FailAt(name, line,
                    "column " + Quoted(field) + " is not known; remove it or name it as one of " +
                        ColumnNames());
    }
    if (std::find(columns.begin(), columns.end(), found) != columns.end()) {
      return FailAt(name, line, "column " + Quoted(field) + " is there twice; remove one");
    }
    columns.push_back(found);
  }
  return columns;
}

// Puts the line's values into `moment`.
Status ParseMoment(const TextLine& line, const std::vector<const Column*>& columns,
                   const std::string& name, ResourceSnapshot& moment) {
  const std::vector<std::string_view> fields = SplitFields(line.text);
  if (fields.size() != columns.size()) {
    return FailAt(name, line,
                  "has " + std::to_string(fields.size()) + " fields where the header names " +
                      std::to_string(columns.size()) +
                      " columns; a field may be empty, but its comma must be there");
  }
  for (size_t i = 0; i < fields.size(); ++i) {
    const Column& column = *columns[i];
    if (fields[i].empty() && column.name != "time_s") continue;
    const std::optional<double> value = ParseNumber(fields[i], column.low, column.high);
    if (!value || (column.whole && *value != std::floor(*value))) {
      return FailAt(name, line,
                    "column " + std::string(column.name) + ": " + Quoted(fields[i]) + " is not a " +
                        (column.whole ? "whole " : "") + "number from " + Shown(column.low) +
                        " to " + Shown(column.high) + "; correct it" +
                        (column.name == "time_s" ? "" : " or leave the field empty"));
    }
    column.set(*value, moment);
  }
  return {};
}

}  // namespace

ScriptedMonitor::ScriptedMonitor(std::vector<ResourceSnapshot> moments, Clock clock)
    : moments_(std::move(moments)), clock_(std::move(clock)) {}

Result<ScriptedMonitor> ScriptedMonitor::Open(const std::string& path, const ResourceSnapshot& base,
                                              Clock clock) {
  MASR_TRY(const std::string csv, ReadTextFile(path, kMaxTraceBytes));
  return Parse(csv, path, base, std::move(clock));
}

Result<ScriptedMonitor> ScriptedMonitor::Parse(std::string_view csv, const std::string& name,
                                               const ResourceSnapshot& base, Clock clock) {
  std::vector<TextLine> lines = SplitLines(csv);
  std::erase_if(lines, [](const TextLine& line) { return Trimmed(line.text).starts_with('#'); });
  if (lines.empty()) {
    return Fail(ErrorCode::kCorrupt,
                name + ": is empty; its first line must name the columns, of " + ColumnNames());
  }
  MASR_TRY(const std::vector<const Column*> columns, ParseHeader(lines.front(), name));
  if (lines.size() == 1) {
    return FailAt(name, lines.front(), "nothing follows the header; add a line with its values");
  }
  if (lines.size() - 1 > kMaxMoments) {
    return Fail(ErrorCode::kUnsupported, name + ": has " + std::to_string(lines.size() - 1) +
                                             " moments, and " + std::to_string(kMaxMoments) +
                                             " are the most; leave out those that change little");
  }
  const bool timed =
      std::any_of(columns.begin(), columns.end(), [](const Column* c) { return c == kColumns; });

  std::vector<ResourceSnapshot> moments;
  ResourceSnapshot moment = base;
  for (const TextLine& line : std::span(lines).subspan(1)) {
    if (!moments.empty() && !timed) {
      return FailAt(name, line,
                    "without a column time_s a trace has one moment; add the column or remove the "
                    "line");
    }
    MASR_RETURN_IF_ERROR(ParseMoment(line, columns, name, moment));
    if (!moments.empty() && moment.time_s <= moments.back().time_s) {
      return FailAt(name, line,
                    "column time_s: " + Shown(moment.time_s) + " is not later than the " +
                        Shown(moments.back().time_s) + " of the line before; sort the lines");
    }
    moments.push_back(moment);
  }
  return ScriptedMonitor(std::move(moments), std::move(clock));
}

Result<ResourceSnapshot> ScriptedMonitor::Read() {
  const double now = clock_();
  const auto after =
      std::upper_bound(moments_.begin(), moments_.end(), now,
                       [](double t, const ResourceSnapshot& moment) { return t < moment.time_s; });
  ResourceSnapshot snapshot = after == moments_.begin() ? *after : *std::prev(after);
  snapshot.time_s = now;
  return snapshot;
}

}  // namespace masr
