// Where the numbers of an axis go, and how many points of a line are worth drawing.
#ifndef MOBILEASR_REPORT_AXIS_H_
#define MOBILEASR_REPORT_AXIS_H_

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "report/drawing.h"

namespace masr {

struct Tick {
  double at = 0;
  std::string text;
};

// Data from `low` to `high`, low < high.
struct Axis {
  double low = 0;
  double high = 1;
  std::vector<Tick> ticks;  // rising, within [low, high]
};

// At most `most` ticks (at least two are tried for), whole multiples of 1, 2 or 5 times a power of
// ten. What is not finite counts as 0; an empty range is widened.
std::vector<Tick> NiceTicks(double low, double high, int most);

// Widened so that it ends at ticks; these are at least two, and at most `most` or three.
Axis NiceAxis(double low, double high, int most);
// From `low` to `high` as they are.
Axis PlainAxis(double low, double high, int most);

// Of each of `buckets` equal pieces of the x range the first, lowest, highest and last point, in
// their order: drawn that wide, the line looks the same. A point whose y is not finite is a gap and
// is kept where nothing else is in its piece; points without a finite x are dropped. `points` are
// sorted by x. At most 4 * buckets come back.
std::vector<Point> Thinned(std::span<const Point> points, size_t buckets);

}  // namespace masr

#endif  // MOBILEASR_REPORT_AXIS_H_
