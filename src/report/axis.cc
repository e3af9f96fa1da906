#include "report/axis.h"

#include <algorithm>
#include <cmath>

#include "report/markup.h"

namespace masr {
namespace {

// Far above any quantity of a round, and far below where sums of doubles lose whole steps.
constexpr double kLargest = 1e15;

struct Range {
  double low;
  double high;
};

Range Usable(double low, double high) {
  low = std::isfinite(low) ? std::clamp(low, -kLargest, kLargest) : 0;
  high = std::isfinite(high) ? std::clamp(high, -kLargest, kLargest) : 0;
  if (low > high) std::swap(low, high);
  // Steps below the precision of the numbers themselves would not move them.
  const double least = std::max(1e-9, 1e-6 * std::max(std::abs(low), std::abs(high)));
  if (high - low < least) high = low + std::max(least, low == 0 ? 1.0 : 0.1 * std::abs(low));
  return {low, high};
}

// The smallest 1, 2 or 5 times a power of ten that is at least that much.
double NiceAtLeast(double least) {
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

double NiceStep(const Range& range, int most) {
  return NiceAtLeast((range.high - range.low) / std::max(1, most - 1));
}

Range RoundedOut(const Range& range, double step) {
  return {step * std::floor(range.low / step + 1e-9), step * std::ceil(range.high / step - 1e-9)};
}

std::vector<Tick> TicksOf(const Range& range, double step) {
  const int decimals = std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
  std::vector<Tick> ticks;
  const double first = std::ceil(range.low / step - 1e-9);
  for (double n = first; n * step <= range.high + 1e-9 * step; ++n) {
    const double at = std::clamp(n * step, range.low, range.high);
    ticks.push_back(
        {at, decimals == 0 ? Grouped(std::llround(n * step)) : Fixed(n * step, decimals)});
  }
  return ticks;
}

}  // namespace

std::vector<Tick> NiceTicks(double low, double high, int most) {
  const Range range = Usable(low, high);
  return TicksOf(range, NiceStep(range, most));
}

Axis NiceAxis(double low, double high, int most) {
  const Range data = Usable(low, high);
  double step = NiceStep(data, most);
  Range range = RoundedOut(data, step);
  // Rounding outwards may have added a tick at either end.
  while (std::lround((range.high - range.low) / step) + 1 > std::max(3, most)) {
    step = NiceAtLeast(1.5 * step);
    range = RoundedOut(data, step);
  }
  return {range.low, range.high, TicksOf(range, step)};
}

Axis PlainAxis(double low, double high, int most) {
  const Range range = Usable(low, high);
  return {range.low, range.high, NiceTicks(low, high, most)};
}

std::vector<Point> Thinned(std::span<const Point> points, size_t buckets) {
  std::vector<Point> usable;
  for (const Point& p : points) {
    if (std::isfinite(p.x)) usable.push_back(p);
  }
  if (usable.size() <= 4 * buckets) return usable;
  const double from = usable.front().x;
  const double width = usable.back().x - from;
  const auto bucket_of = [&](const Point& p) {
    const double share = width > 0 ? (p.x - from) / width : 0;
    return std::min(buckets - 1, static_cast<size_t>(std::max(0.0, share) * buckets));
  };
  std::vector<Point> kept;
  for (size_t begin = 0; begin < usable.size();) {
    size_t end = begin;
    std::vector<size_t> finite;
    for (; end < usable.size() && bucket_of(usable[end]) == bucket_of(usable[begin]); ++end) {
      if (std::isfinite(usable[end].y)) finite.push_back(end);
    }
    if (finite.empty()) {
      kept.push_back(usable[begin]);
    } else {
      const auto below = [&](size_t a, size_t b) { return usable[a].y < usable[b].y; };
      const auto [low, high] = std::minmax_element(finite.begin(), finite.end(), below);
      std::vector<size_t> chosen = {finite.front(), *low, *high, finite.back()};
      std::sort(chosen.begin(), chosen.end());
      chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
      for (const size_t i : chosen) kept.push_back(usable[i]);
    }
    begin = end;
  }
  return kept;
}

}  // namespace masr
