#include "report/resource_figures.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "report/markup.h"
#include "report/time_chart.h"

namespace masr {
namespace {

constexpr double kGap = std::numeric_limits<double>::quiet_NaN();

struct ByteUnit {
  double bytes = 1e6;
  const char* name = "MB";
};
ByteUnit UnitFor(double most_bytes) {
  return most_bytes >= 1e9 ? ByteUnit{1e9, "GB"} : ByteUnit{1e6, "MB"};
}

// "131", "1.25": as exact as there is room for beside a chart.
std::string InUnit(double bytes, const ByteUnit& unit) {
  const double value = bytes / unit.bytes;
  if (value < 10) return Fixed(value, unit.bytes > 1e8 ? 2 : 1);
  return Grouped(std::llround(value));
}

double Highest(const Chart& chart) {
  double high = 0;
  for (const ChartLine& line : chart.lines) {
    for (const Point& p : line.points) {
      if (std::isfinite(p.y)) high = std::max(high, p.y);
    }
  }
  for (const ChartRule& rule : chart.rules) high = std::max(high, rule.y);
  for (const ChartMark& mark : chart.marks) high = std::max(high, mark.at.y);
  return high;
}

std::optional<double> Threshold(const RoundRecord& round, const std::string& name) {
  const auto found = round.thresholds.find(name);
  if (found == round.thresholds.end() || !std::isfinite(found->second)) return std::nullopt;
  return found->second;
}

void WithoutBandLabels(Chart& chart) {
  for (ChartBand& band : chart.bands) band.label.clear();
}

// What others could still have had.
void AddAvailable(const RoundRecord& round, std::span<const ResourceSample> samples,
                  const TimeChart& base, Drawing& to) {
  double most = 0;
  for (const auto& s : samples) most = std::max(most, static_cast<double>(s.available_bytes));
  if (most <= 0) return;
  const ByteUnit unit = UnitFor(most);
  Chart chart = base.chart;
  WithoutBandLabels(chart);
  chart.hide_x = true;
  chart.y_title = std::string("left on the device, ") + unit.name;
  chart.lines.push_back(
      {.points = SamplePoints(samples, base.unit_s,
                              [&](const ResourceSample& s) {
                                return s.available_bytes < 0
                                           ? kGap
                                           : static_cast<double>(s.available_bytes) / unit.bytes;
                              }),
       .tone = Tone::kGreen,
       .label = "available"});
  if (const auto least = Threshold(round, "min_available_bytes")) {
    chart.rules.push_back({.y = *least / unit.bytes,
                           .tone = Tone::kOrange,
                           .dashed = true,
                           .label = "stop at " + InUnit(*least, unit)});
  }
  chart.y = NiceAxis(0, Highest(chart), 4);
  constexpr double kHeight = 122;
  DrawChart(chart, {0, to.height, to.width, kHeight}, to);
  to.height += kHeight;
}

void AddProcess(const RoundRecord& round, std::span<const ResourceSample> samples,
                const TimeChart& base, Drawing& to) {
  double most = static_cast<double>(std::max(round.planned_peak_bytes, round.ram_budget_bytes));
  const auto* largest = &samples.front();
  for (const ResourceSample& s : samples) {
    if (s.process_bytes > largest->process_bytes) largest = &s;
  }
  const double peak = static_cast<double>(std::max(round.peak_rss_bytes, largest->process_bytes));
  most = std::max(most, peak);
  const ByteUnit unit = UnitFor(most);
  Chart chart = base.chart;
  chart.y_title = std::string("RAM of the process, ") + unit.name;
  chart.lines.push_back({.points = SamplePoints(samples, base.unit_s,
                                                [&](const ResourceSample& s) {
                                                  return static_cast<double>(s.process_bytes) /
                                                         unit.bytes;
                                                }),
                         .tone = Tone::kBlue,
                         .label = "process"});
  const auto rule = [&](int64_t bytes, Tone tone, bool dashed, const char* name) {
    if (bytes <= 0) return;
    const double value = static_cast<double>(bytes);
    chart.rules.push_back(
        {value / unit.bytes, tone, dashed, std::string(name) + " " + InUnit(value, unit)});
  };
  rule(round.ram_budget_bytes, Tone::kOrange, false, "budget");
  rule(round.planned_peak_bytes, Tone::kPurple, true, "plan");
  chart.marks.push_back({.at = {largest->time_s / base.unit_s, peak / unit.bytes},
                         .small = true,
                         .label = "peak " + InUnit(peak, unit),
                         .tip = "Most that the process took: " + Bytes(peak)});
  chart.y = NiceAxis(0, Highest(chart), 6);
  constexpr double kHeight = 240;
  DrawChart(chart, {0, to.height, to.width, kHeight}, to);
  to.height += kHeight;
  to.description = "At most " + Bytes(peak) + ", planned " +
                   Bytes(static_cast<double>(round.planned_peak_bytes)) + ".";
}

struct Quantity {
  std::string title;
  ChartLine line;
  std::optional<ChartRule> rule;
  bool percent = false;
  bool from_zero = true;
};

void AddQuantity(Quantity quantity, const TimeChart& base, bool last, Drawing& to) {
  Chart chart = base.chart;
  WithoutBandLabels(chart);
  chart.hide_x = !last;
  chart.y_title = std::move(quantity.title);
  chart.lines.push_back(std::move(quantity.line));
  if (quantity.rule) chart.rules.push_back(std::move(*quantity.rule));
  double low = quantity.from_zero ? 0 : Highest(chart);
  for (const Point& p : chart.lines[0].points) {
    if (std::isfinite(p.y)) low = std::min(low, p.y);
  }
  chart.y = quantity.percent ? PlainAxis(0, 100, 3) : NiceAxis(low, Highest(chart), 4);
  const double height = last ? 132 : 112;
  DrawChart(chart, {0, to.height, to.width, height}, to);
  to.height += height;
}

std::optional<ChartRule> LimitRule(std::optional<double> limit, const char* word) {
  if (!limit) return std::nullopt;
  return ChartRule{.y = *limit,
                   .tone = Tone::kOrange,
                   .dashed = true,
                   .label = std::string(word) + " at " + Fixed(*limit, 0)};
}

}  // namespace

std::optional<Drawing> MemoryFigure(const RoundRecord& round, double width) {
  const std::vector<ResourceSample> samples = OrderedSamples(round.samples);
  if (samples.empty()) return std::nullopt;
  Drawing drawing{.width = width, .title = "RAM over time, round " + std::to_string(round.round)};
  const TimeChart base = MakeTimeChart(samples, width);
  AddAvailable(round, samples, base, drawing);
  AddProcess(round, samples, base, drawing);
  return drawing;
}

std::optional<Drawing> DeviceFigure(const RoundRecord& round, double width) {
  const std::vector<ResourceSample> samples = OrderedSamples(round.samples);
  if (samples.empty()) return std::nullopt;
  const TimeChart base = MakeTimeChart(samples, width);
  std::vector<Quantity> quantities;
  const auto add = [&](std::optional<double> ResourceSample::*member, Quantity quantity) {
    quantity.line.points = SamplePoints(
        samples, base.unit_s, [&](const ResourceSample& s) { return (s.*member).value_or(kGap); });
    const auto& points = quantity.line.points;
    const bool known = std::any_of(points.begin(), points.end(),
                                   [](const Point& p) { return std::isfinite(p.y); });
    if (known) quantities.push_back(std::move(quantity));
  };
  add(&ResourceSample::battery_percent,
      {.title = "battery, %",
       .line = {.tone = Tone::kGreen, .steps = true, .label = "battery"},
       .rule = LimitRule(Threshold(round, "min_battery_percent"), "stop"),
       .percent = true});
  add(&ResourceSample::temperature_c,
      {.title = "temperature, °C",
       .line = {.tone = Tone::kBlue, .label = "chip"},
       .rule = LimitRule(Threshold(round, "max_temperature_c"), "pause"),
       .from_zero = false});
  add(&ResourceSample::power_w,
      {.title = "power out of the battery, W", .line = {.tone = Tone::kPurple, .label = "power"}});
  if (quantities.empty()) return std::nullopt;
  Drawing drawing{.width = width,
                  .title = "Battery, heat and power, round " + std::to_string(round.round)};
  for (size_t i = 0; i < quantities.size(); ++i) {
    AddQuantity(std::move(quantities[i]), base, i + 1 == quantities.size(), drawing);
  }
  return drawing;
}

}  // namespace masr
