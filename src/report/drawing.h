// A vector drawing under construction: SVG elements as text, with the size they need.
//
// Colours are classes (report/palette.h), so that one drawing serves light and dark schemes. Units
// are pixels of the drawing, y downwards. Elements whose coordinates are not finite are left out.
#ifndef MOBILEASR_REPORT_DRAWING_H_
#define MOBILEASR_REPORT_DRAWING_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace masr {

struct Point {
  double x = 0;
  double y = 0;
};

struct Box {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;

  double right() const { return x + width; }
  double bottom() const { return y + height; }
};
bool Overlap(const Box& a, const Box& b);

struct Drawing {
  double width = 360;
  double height = 0;
  std::string title;        // what it is, a few words
  std::string description;  // what it says, for who cannot see it
  std::string body;
};

// Of all text in drawings. A drawing of 360 pixels on a page of 360 with margins of 10 is shrunk
// to 94 %: letters stay above 12 pixels.
inline constexpr double kTextSize = 13;

enum class Anchor { kStart, kMiddle, kEnd };

// At most this wide in the fonts that may be used; DejaVu Sans is the widest of them.
double TextWidth(std::string_view text);
// As much of the text as is at most `width` wide; what was cut off is "…".
std::string FittingText(std::string_view text, double width);
// Where the text's letters are; `at` is on its base line.
Box TextBox(Point at, std::string_view text, Anchor anchor);

// `css` is one or more class names.
void AddLine(Drawing& to, Point from, Point end, std::string_view css);
// Connected points; one that is not finite breaks the line, and one alone between breaks is a dot.
void AddPolyline(Drawing& to, std::span<const Point> points, std::string_view css);
// `tip` is shown by a mouse that rests on it.
void AddBox(Drawing& to, const Box& box, std::string_view css, std::string_view tip = {});
void AddCircle(Drawing& to, Point at, double radius, std::string_view css,
               std::string_view tip = {});
void AddText(Drawing& to, Point at, std::string_view text, std::string_view css, Anchor anchor);

// Under each other, the title and description being those given.
Drawing Stacked(std::span<const Drawing> drawings, std::string title, double gap = 12);
Drawing SideBySide(std::span<const Drawing> drawings, double gap = 12);

// An <svg> element for a page whose style sheet has PaletteCss(); it grows with its column.
std::string InlineSvg(const Drawing& drawing);
// A file of its own: style sheet, background, its title as a heading.
std::string SvgFile(const Drawing& drawing);

}  // namespace masr

#endif  // MOBILEASR_REPORT_DRAWING_H_
