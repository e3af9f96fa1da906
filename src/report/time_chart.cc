#include "report/time_chart.h"

#include <algorithm>
#include <cmath>

namespace masr {
namespace {

constexpr size_t kMostSamples = 2000;
// Narrower stripes than this many pixels are a grey, not epochs.
constexpr double kLeastStripe = 4;

ResourceSample Worst(std::span<const ResourceSample> samples) {
  ResourceSample worst = samples.front();
  for (const ResourceSample& s : samples) {
    worst.paused = worst.paused || s.paused;
    worst.process_bytes = std::max(worst.process_bytes, s.process_bytes);
    if (s.available_bytes >= 0) {
      worst.available_bytes = worst.available_bytes < 0
                                  ? s.available_bytes
                                  : std::min(worst.available_bytes, s.available_bytes);
    }
  }
  return worst;
}

// Stretches of samples that are alike, as [first, end) of their times; a stretch lasts until the
// next one's first sample.
template <typename Key, typename Visit>
void ForEachStretch(std::span<const ResourceSample> samples, const Key& key, const Visit& visit) {
  for (size_t begin = 0; begin < samples.size();) {
    size_t end = begin;
    while (end < samples.size() && key(samples[end]) == key(samples[begin])) ++end;
    visit(samples[begin], samples[std::min(end, samples.size() - 1)].time_s);
    begin = end;
  }
}

}  // namespace

std::vector<ResourceSample> OrderedSamples(std::span<const ResourceSample> samples) {
  std::vector<ResourceSample> ordered;
  for (const ResourceSample& s : samples) {
    if (std::isfinite(s.time_s)) ordered.push_back(s);
  }
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const auto& a, const auto& b) { return a.time_s < b.time_s; });
  const size_t together = (ordered.size() + kMostSamples - 1) / kMostSamples;
  if (together <= 1) return ordered;
  std::vector<ResourceSample> fewer;
  for (size_t i = 0; i < ordered.size(); i += together) {
    const size_t n = std::min(together, ordered.size() - i);
    fewer.push_back(Worst(std::span<const ResourceSample>(ordered).subspan(i, n)));
  }
  return fewer;
}

TimeChart MakeTimeChart(std::span<const ResourceSample> samples, double width) {
  TimeChart made;
  const double last_s = samples.back().time_s;
  const bool hours = last_s >= 3 * 3600;
  const bool minutes = last_s >= 180;
  const double unit_s = hours ? 3600 : minutes ? 60 : 1;
  made.unit_s = unit_s;
  Chart& chart = made.chart;
  chart.x_title = hours ? "hours" : minutes ? "minutes" : "seconds";
  chart.x = PlainAxis(std::min(0.0, samples.front().time_s) / unit_s, last_s / unit_s,
                      static_cast<int>(width / 60));

  size_t stripes = 0;
  const auto epoch_of = [](const ResourceSample& s) { return s.epoch; };
  ForEachStretch(samples, epoch_of, [&](const ResourceSample&, double) { ++stripes; });
  if (static_cast<double>(stripes) * kLeastStripe <= width) {
    ForEachStretch(samples, epoch_of, [&](const ResourceSample& first, double end_s) {
      chart.bands.push_back({.from = first.time_s / unit_s,
                             .to = end_s / unit_s,
                             .shade = first.epoch % 2 != 0 ? Shade::kBand : Shade::kNone,
                             .label = std::to_string(first.epoch),
                             .label_low = true});
    });
  }
  ForEachStretch(
      samples, [](const ResourceSample& s) { return s.paused; },
      [&](const ResourceSample& first, double end_s) {
        if (!first.paused) return;
        chart.bands.push_back({.from = first.time_s / unit_s,
                               .to = end_s / unit_s,
                               .shade = Shade::kPause,
                               .label = "pause"});
      });
  return made;
}

}  // namespace masr
