// Line charts over linear axes, drawn for the width of a phone: lines named at their right end,
// labels that make room for each other or stay away.
//
// A chart is plain data in the units of its axes; DrawChart lays it out. What is not finite is not
// drawn; what lies outside of the axes is drawn at the edge of the plot.
#ifndef MOBILEASR_REPORT_CHART_H_
#define MOBILEASR_REPORT_CHART_H_

#include <optional>
#include <string>
#include <vector>

#include "report/axis.h"
#include "report/drawing.h"
#include "report/palette.h"

namespace masr {

struct ChartLine {
  std::vector<Point> points;  // rising in x; a y that is not finite is a gap
  Tone tone = Tone::kBlue;
  bool thin = false;
  bool dashed = false;
  bool steps = false;  // a value holds until the next
  std::string label;   // at the right, level with the last point
  std::optional<Tone> label_tone;
};

// A horizontal line, a limit.
struct ChartRule {
  double y = 0;
  Tone tone = Tone::kMuted;
  bool dashed = false;
  std::string label;  // at the right
};

enum class Shade { kNone, kBand, kPause, kRefused };

// The whole height between two values of x.
struct ChartBand {
  double from = 0;
  double to = 0;
  Shade shade = Shade::kBand;
  std::string label;       // at the top of the plot; for pauses at its foot
  bool label_low = false;  // above where pauses have theirs: lines run at the top
};

// A stretch of x with a bar and a name above the plot.
struct ChartSpan {
  double from = 0;
  double to = 0;
  bool muted = false;              // what did not count: grey and broken
  std::vector<std::string> names;  // the first that fits is written
};

struct ChartMark {
  Point at;
  Tone tone = Tone::kBlue;
  bool hollow = false;
  bool small = false;
  std::string label;  // beside it, where there is room
  std::string tip;    // under a resting mouse
};

struct Chart {
  Axis x;
  Axis y;
  std::string x_title;
  std::string y_title;
  bool hide_x = false;  // ticks without numbers: another chart below has the same axis
  std::vector<ChartLine> lines;
  std::vector<ChartRule> rules;
  std::vector<ChartBand> bands;
  std::vector<ChartSpan> spans;
  std::vector<double> dividers;  // vertical lines
  std::vector<ChartMark> marks;  // labels of the first ones come first
};

// The part of `frame` inside the axes.
Box PlotArea(const Chart& chart, const Box& frame);

void DrawChart(const Chart& chart, const Box& frame, Drawing& to);

// Heights near those given, in the same order from the top, `gap` apart and within [top, bottom] as
// far as there is room. Sorted input gives sorted output.
std::vector<double> Spread(std::vector<double> wanted, double gap, double top, double bottom);

}  // namespace masr

#endif  // MOBILEASR_REPORT_CHART_H_
