// What the charts of one round over time share: its samples in order, their axis, epochs and
// pauses.
#ifndef MOBILEASR_REPORT_TIME_CHART_H_
#define MOBILEASR_REPORT_TIME_CHART_H_

#include <span>
#include <vector>

#include "report/chart.h"
#include "train/round_record.h"

namespace masr {

// In the order of their times, at most some thousands: where there are more, several become one
// that has the most RAM, the least left, and a pause if one of them paused. Without those that do
// not tell a finite time.
std::vector<ResourceSample> OrderedSamples(std::span<const ResourceSample> samples);

// A chart without lines: the axis in seconds, minutes or hours, every second epoch shaded, pauses.
// `samples` are ordered and not empty. Values of x are in the axis's unit: time_s / seconds.
struct TimeChart {
  Chart chart;
  double unit_s = 1;
};
TimeChart MakeTimeChart(std::span<const ResourceSample> samples, double width);

// One line of the samples; `value` of a sample may be NaN: a gap.
template <typename Value>
std::vector<Point> SamplePoints(std::span<const ResourceSample> samples, double unit_s,
                                const Value& value) {
  std::vector<Point> points;
  for (const ResourceSample& s : samples) points.push_back({s.time_s / unit_s, value(s)});
  return points;
}

}  // namespace masr

#endif  // MOBILEASR_REPORT_TIME_CHART_H_
