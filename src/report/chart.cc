#include "report/chart.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace masr {
namespace {

// "1,000" on the left; "budget 1.25", "stop at 0.27" on the right.
constexpr double kLeft = 44;
constexpr double kRight = 94;
constexpr double kTitleHeight = 22;
constexpr double kSpanHeight = 24;
constexpr double kTickHeight = 19;
constexpr double kLabelGap = 15;

std::string Join(std::string_view a, std::string_view b) {
  return std::string(a) + (b.empty() ? "" : " ") + std::string(b);
}

class ChartPainter {
 public:
  ChartPainter(const Chart& chart, const Box& frame, Drawing& to)
      : chart_(chart), plot_(PlotArea(chart, frame)), frame_(frame), to_(to) {}

  void Draw() {
    for (const ChartBand& band : chart_.bands) DrawBand(band);
    DrawGrid();
    for (const double x : chart_.dividers) {
      AddLine(to_, {X(x), plot_.y}, {X(x), plot_.bottom()}, "axis thin dotted");
    }
    for (const ChartRule& rule : chart_.rules) DrawRule(rule);
    for (const ChartLine& line : chart_.lines) DrawLine(line);
    for (const ChartMark& mark : chart_.marks) DrawMark(mark);
    DrawEndLabels();
    for (const ChartMark& mark : chart_.marks) LabelMark(mark);
    for (const ChartBand& band : chart_.bands) LabelBand(band);
    for (const ChartSpan& span : chart_.spans) DrawSpan(span);
    AddText(to_, {frame_.x, frame_.y + 12}, chart_.y_title, "t f1", Anchor::kStart);
    if (!chart_.hide_x) {
      AddText(to_, {plot_.x + plot_.width / 2, plot_.bottom() + 2 * kTickHeight - 3},
              chart_.x_title, "t f1", Anchor::kMiddle);
    }
  }

 private:
  struct EndLabel {
    double y = 0;
    std::string text;
    Tone tone = Tone::kInk;
  };

  double X(double value) const {
    const double share = (value - chart_.x.low) / (chart_.x.high - chart_.x.low);
    return std::isfinite(value) ? plot_.x + plot_.width * std::clamp(share, 0.0, 1.0) : value;
  }
  double Y(double value) const {
    const double share = (value - chart_.y.low) / (chart_.y.high - chart_.y.low);
    return std::isfinite(value) ? plot_.bottom() - plot_.height * std::clamp(share, 0.0, 1.0)
                                : value;
  }

  // True, and the place is taken, if nothing is there yet.
  bool Take(const Box& box) {
    const auto overlaps = [&](const Box& taken) { return Overlap(taken, box); };
    if (std::any_of(taken_.begin(), taken_.end(), overlaps)) return false;
    taken_.push_back(box);
    return true;
  }

  bool Within(const Box& box) const {
    return box.x >= plot_.x && box.right() <= plot_.right() && box.y >= plot_.y &&
           box.bottom() <= plot_.bottom();
  }

  void DrawBand(const ChartBand& band) {
    if (band.shade == Shade::kNone) return;
    const char* const css = band.shade == Shade::kPause     ? "pause"
                            : band.shade == Shade::kRefused ? "refused"
                                                            : "band";
    const double from = X(band.from);
    // A pause of a second in an hour is still seen.
    const double least = band.shade == Shade::kPause ? 1.5 : 0;
    AddBox(to_, {from, plot_.y, std::max(X(band.to) - from, least), plot_.height}, css);
  }

  void DrawGrid() {
    for (const Tick& tick : chart_.y.ticks) {
      AddLine(to_, {plot_.x, Y(tick.at)}, {plot_.right(), Y(tick.at)}, "grid");
      AddText(to_, {plot_.x - 6, Y(tick.at) + 4.5}, tick.text, "t f1", Anchor::kEnd);
    }
    AddLine(to_, {plot_.x, plot_.bottom()}, {plot_.right(), plot_.bottom()}, "axis");
    for (const Tick& tick : chart_.x.ticks) {
      const double x = X(tick.at);
      if (chart_.hide_x) {
        AddLine(to_, {x, plot_.bottom()}, {x, plot_.bottom() + 3}, "axis");
        continue;
      }
      const Point at = {x, plot_.bottom() + kTickHeight};
      Box box = TextBox(at, tick.text, Anchor::kMiddle);
      box.x -= 3;
      box.width += 6;
      if (!Take(box)) continue;
      AddLine(to_, {x, plot_.bottom()}, {x, plot_.bottom() + 4}, "axis");
      AddText(to_, at, tick.text, "t f1", Anchor::kMiddle);
    }
  }

  void DrawRule(const ChartRule& rule) {
    const double y = Y(rule.y);
    AddLine(to_, {plot_.x, y}, {plot_.right(), y},
            Join(LineClass(rule.tone), rule.dashed ? "thin dashed" : "thin"));
    if (std::isfinite(y)) end_labels_.push_back({y, rule.label, rule.tone});
  }

  void DrawLine(const ChartLine& line) {
    std::vector<Point> pixels;
    std::optional<Point> last;
    // Two pieces to a pixel hold all that can be seen.
    for (const Point& p : Thinned(line.points, static_cast<size_t>(2 * plot_.width))) {
      const Point pixel = {X(p.x), Y(p.y)};
      if (line.steps && !pixels.empty() && std::isfinite(pixel.y)) {
        pixels.push_back({pixel.x, pixels.back().y});
      }
      pixels.push_back(pixel);
      if (std::isfinite(pixel.y)) last = pixel;
    }
    std::string css(LineClass(line.tone));
    if (line.thin) css += " thin";
    if (line.dashed) css += " dashed";
    AddPolyline(to_, pixels, css);
    if (last && !line.label.empty()) {
      end_labels_.push_back({last->y, line.label, line.label_tone.value_or(line.tone)});
    }
  }

  double Radius(const ChartMark& mark) const { return mark.small ? 3 : 5; }

  void DrawMark(const ChartMark& mark) {
    const Point at = {X(mark.at.x), Y(mark.at.y)};
    AddCircle(
        to_, at, Radius(mark),
        mark.hollow ? Join("hollow", LineClass(mark.tone)) : Join("ring", FillClass(mark.tone)),
        mark.tip);
    if (std::isfinite(at.x) && std::isfinite(at.y)) {
      const double r = Radius(mark);
      taken_.push_back({at.x - r, at.y - r, 2 * r, 2 * r});
    }
  }

  void LabelMark(const ChartMark& mark) {
    const Point at = {X(mark.at.x), Y(mark.at.y)};
    if (mark.label.empty() || !std::isfinite(at.x) || !std::isfinite(at.y)) return;
    const double away = Radius(mark) + 5;
    const std::pair<Point, Anchor> places[] = {
        {{at.x, at.y - away}, Anchor::kMiddle},
        {{at.x - 2, at.y - away}, Anchor::kStart},
        {{at.x + 2, at.y - away}, Anchor::kEnd},
        {{at.x, at.y + away + 0.8 * kTextSize}, Anchor::kMiddle},
        {{at.x + away, at.y + 4.5}, Anchor::kStart},
        {{at.x - away, at.y + 4.5}, Anchor::kEnd},
    };
    for (const auto& [place, anchor] : places) {
      const Box box = TextBox(place, mark.label, anchor);
      if (!Within(box) || !Take(box)) continue;
      AddText(to_, place, mark.label, Join("t strong halo", FillClass(mark.tone)), anchor);
      return;
    }
  }

  void LabelBand(const ChartBand& band) {
    if (band.label.empty()) return;
    const bool pause = band.shade == Shade::kPause;
    const double high = plot_.y + kTextSize;
    const double foot = plot_.bottom() - 6;
    const double y = pause ? foot : band.label_low ? foot - 1.5 * kTextSize : high;
    const Point at = {(X(band.from) + X(band.to)) / 2, y};
    Box box = TextBox(at, band.label, Anchor::kMiddle);
    if (!Within(box)) return;
    box.x -= 3;
    box.width += 6;
    if (Take(box)) AddText(to_, at, band.label, pause ? "t f0" : "t f1", Anchor::kMiddle);
  }

  void DrawSpan(const ChartSpan& span) {
    const double from = X(span.from);
    const double to = X(span.to);
    const double y = plot_.y - 5;
    AddLine(to_, {from, y}, {std::max(to, from + 1), y}, span.muted ? "l1 dashed" : "l2 wide");
    for (const std::string& name : span.names) {
      const Point at = {(from + to) / 2, y - 7};
      Box box = TextBox(at, name, Anchor::kMiddle);
      // A short name may be a little wider than what it names.
      if (box.width > to - from && name != span.names.back()) continue;
      if (box.x < plot_.x - kLeft || box.right() > frame_.right()) continue;
      box.x -= 2;
      box.width += 4;
      if (!Take(box)) continue;
      AddText(to_, at, name, span.muted ? "t f1" : "t strong f0", Anchor::kMiddle);
      return;
    }
  }

  void DrawEndLabels() {
    std::stable_sort(end_labels_.begin(), end_labels_.end(),
                     [](const EndLabel& a, const EndLabel& b) { return a.y < b.y; });
    std::erase_if(end_labels_, [](const EndLabel& label) { return label.text.empty(); });
    std::vector<double> wanted;
    for (const EndLabel& label : end_labels_) wanted.push_back(label.y);
    const std::vector<double> heights = Spread(wanted, kLabelGap, plot_.y, plot_.bottom());
    for (size_t i = 0; i < heights.size(); ++i) {
      const EndLabel& label = end_labels_[i];
      const double x = plot_.right();
      AddLine(to_, {x + 1, label.y}, {x + 6, heights[i]}, Join(LineClass(label.tone), "thin"));
      AddText(to_, {x + 9, heights[i] + 4.5}, FittingText(label.text, kRight - 9),
              Join("t", FillClass(label.tone)), Anchor::kStart);
    }
  }

  const Chart& chart_;
  Box plot_;
  Box frame_;
  Drawing& to_;
  std::vector<EndLabel> end_labels_;
  std::vector<Box> taken_;
};

}  // namespace

Box PlotArea(const Chart& chart, const Box& frame) {
  const double top =
      (chart.y_title.empty() ? 8 : kTitleHeight) + (chart.spans.empty() ? 0 : kSpanHeight);
  const double bottom =
      chart.hide_x ? 14 : (chart.x_title.empty() ? kTickHeight + 5 : 2 * kTickHeight + 1);
  return {frame.x + kLeft, frame.y + top, std::max(1.0, frame.width - kLeft - kRight),
          std::max(1.0, frame.height - top - bottom)};
}

void DrawChart(const Chart& chart, const Box& frame, Drawing& to) {
  ChartPainter(chart, frame, to).Draw();
}

std::vector<double> Spread(std::vector<double> wanted, double gap, double top, double bottom) {
  const size_t n = wanted.size();
  if (n == 0) return wanted;
  gap = std::min(gap, (bottom - top) / static_cast<double>(n));
  // Each pushes the next one down; then the last, held by the bottom, pushes back up.
  for (size_t i = 0; i < n; ++i) {
    wanted[i] = std::max(wanted[i], i == 0 ? top : wanted[i - 1] + gap);
  }
  for (size_t i = n; i-- > 0;) {
    wanted[i] = std::min(wanted[i], i + 1 == n ? bottom : wanted[i + 1] - gap);
  }
  return wanted;
}

}  // namespace masr
