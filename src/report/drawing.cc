#include "report/drawing.h"

#include <algorithm>
#include <cmath>

#include "report/markup.h"
#include "report/palette.h"
#include "text/utf8.h"

namespace masr {
namespace {

bool Finite(Point p) { return std::isfinite(p.x) && std::isfinite(p.y); }

std::string Attribute(std::string_view name, double value) {
  return " " + std::string(name) + "=\"" + Coordinate(value) + "\"";
}

std::string ClassAttribute(std::string_view css) { return " class=\"" + Escaped(css) + "\""; }

std::string EndWithTip(std::string_view element, std::string_view tip) {
  if (tip.empty()) return "/>";
  return "><title>" + Escaped(tip) + "</title></" + std::string(element) + ">";
}

// Parts of an em, of DejaVu Sans.
double LetterWidth(char32_t c) {
  if (c >= 0x1100 && c != kReplacementCharacter) return c < 0x2e80 ? 0.84 : 1.05;
  if (c >= 0x80) return 0.7;
  if (c >= '0' && c <= '9') return 0.64;
  switch (c) {
    case 'i':
    case 'j':
    case 'l':
      return 0.28;
    case ' ':
    case ',':
    case '.':
    case ':':
      return 0.34;
    case 'f':
    case 'r':
    case 't':
    case '(':
    case ')':
    case '-':
      return 0.42;
    case 'm':
    case 'w':
    case 'M':
    case 'W':
    case '%':
      return 0.98;
    default:
      return c >= 'A' && c <= 'Z' ? 0.7 : 0.64;
  }
}

std::string Element(const Drawing& drawing, std::string_view attributes, std::string_view inner) {
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + Coordinate(drawing.width) +
         " " + Coordinate(drawing.height) + "\" role=\"img\" aria-label=\"" +
         Escaped(drawing.title + (drawing.description.empty() ? "" : ". ") + drawing.description,
                 2000) +
         "\"" + std::string(attributes) + "><title>" + Escaped(drawing.title) + "</title>" +
         std::string(inner) + drawing.body + "</svg>\n";
}

void Append(Drawing& to, const Drawing& part, Point at) {
  to.body += "<g transform=\"translate(" + Coordinate(at.x) + " " + Coordinate(at.y) + ")\">" +
             part.body + "</g>";
  if (part.description.empty()) return;
  if (!to.description.empty()) to.description += " ";
  to.description += part.description;
}

}  // namespace

bool Overlap(const Box& a, const Box& b) {
  return a.x < b.right() && b.x < a.right() && a.y < b.bottom() && b.y < a.bottom();
}

double TextWidth(std::string_view text) {
  double ems = 0;
  while (!text.empty()) {
    const CodePoint point = FirstCodePoint(text);
    ems += LetterWidth(point.value);
    text.remove_prefix(point.bytes);
  }
  return ems * kTextSize;
}

std::string FittingText(std::string_view text, double width) {
  if (TextWidth(text) <= width) return std::string(text);
  const double room = width - TextWidth("…");
  double taken = 0;
  size_t bytes = 0;
  while (bytes < text.size()) {
    const CodePoint point = FirstCodePoint(text.substr(bytes));
    taken += kTextSize * LetterWidth(point.value);
    if (taken > room) break;
    bytes += point.bytes;
  }
  return std::string(text.substr(0, bytes)) + "…";
}

Box TextBox(Point at, std::string_view text, Anchor anchor) {
  const double width = TextWidth(text);
  const double x = at.x - (anchor == Anchor::kMiddle ? width / 2
                           : anchor == Anchor::kEnd  ? width
                                                     : 0);
  return {x, at.y - 0.8 * kTextSize, width, kTextSize};
}

void AddLine(Drawing& to, Point from, Point end, std::string_view css) {
  if (!Finite(from) || !Finite(end)) return;
  to.body += "<line" + ClassAttribute(css) + Attribute("x1", from.x) + Attribute("y1", from.y) +
             Attribute("x2", end.x) + Attribute("y2", end.y) + "/>";
}

void AddPolyline(Drawing& to, std::span<const Point> points, std::string_view css) {
  std::string path;
  size_t begin = 0;
  while (begin < points.size()) {
    size_t end = begin;
    while (end < points.size() && Finite(points[end])) ++end;
    for (size_t i = begin; i < end; ++i) {
      path += (i == begin ? "M" : " ") + Coordinate(points[i].x) + " " + Coordinate(points[i].y);
    }
    if (end == begin + 1) path += "h0";  // with round ends: a dot
    begin = end + 1;
  }
  if (!path.empty()) to.body += "<path" + ClassAttribute(css) + " d=\"" + path + "\"/>";
}

void AddBox(Drawing& to, const Box& box, std::string_view css, std::string_view tip) {
  if (!Finite({box.x, box.y}) || !Finite({box.width, box.height})) return;
  if (box.width <= 0 || box.height <= 0) return;
  to.body += "<rect" + ClassAttribute(css) + Attribute("x", box.x) + Attribute("y", box.y) +
             Attribute("width", box.width) + Attribute("height", box.height) +
             EndWithTip("rect", tip);
}

void AddCircle(Drawing& to, Point at, double radius, std::string_view css, std::string_view tip) {
  if (!Finite(at)) return;
  to.body += "<circle" + ClassAttribute(css) + Attribute("cx", at.x) + Attribute("cy", at.y) +
             Attribute("r", radius) + EndWithTip("circle", tip);
}

void AddText(Drawing& to, Point at, std::string_view text, std::string_view css, Anchor anchor) {
  if (!Finite(at) || text.empty()) return;
  const char* const end = anchor == Anchor::kEnd      ? " text-anchor=\"end\""
                          : anchor == Anchor::kMiddle ? " text-anchor=\"middle\""
                                                      : "";
  to.body += "<text" + ClassAttribute(css) + Attribute("x", at.x) + Attribute("y", at.y) + end +
             ">" + Escaped(text) + "</text>";
}

Drawing Stacked(std::span<const Drawing> drawings, std::string title, double gap) {
  Drawing all{.width = 0, .title = std::move(title)};
  for (const Drawing& drawing : drawings) {
    if (all.height > 0) all.height += gap;
    Append(all, drawing, {0, all.height});
    all.height += drawing.height;
    all.width = std::max(all.width, drawing.width);
  }
  return all;
}

Drawing SideBySide(std::span<const Drawing> drawings, double gap) {
  Drawing all{.width = 0};
  for (const Drawing& drawing : drawings) {
    if (all.width > 0) all.width += gap;
    Append(all, drawing, {all.width, 0});
    all.width += drawing.width;
    all.height = std::max(all.height, drawing.height);
  }
  return all;
}

std::string InlineSvg(const Drawing& drawing) { return Element(drawing, "", ""); }

std::string SvgFile(const Drawing& drawing) {
  constexpr double kMargin = 12;
  constexpr double kHeading = 28;
  Drawing file{.width = drawing.width + 2 * kMargin,
               .height = drawing.height + 2 * kMargin + kHeading,
               .title = drawing.title};
  AddBox(file, {0, 0, file.width, file.height}, "ground");
  AddText(file, {kMargin, kMargin + 16}, drawing.title, "t f0 heading", Anchor::kStart);
  Append(file, drawing, {kMargin, kMargin + kHeading});
  const std::string size =
      Attribute("width", file.width) + Attribute("height", file.height) + " class=\"figure\"";
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" +
         Element(file, size, "<style>" + PaletteCss() + "</style>");
}

}  // namespace masr
