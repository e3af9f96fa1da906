// The texts of a drawing and where they are, for tests that nothing is written over.
#ifndef MOBILEASR_REPORT_TESTING_DRAWN_TEXT_H_
#define MOBILEASR_REPORT_TESTING_DRAWN_TEXT_H_

#include <regex>
#include <string>
#include <vector>

#include "report/drawing.h"

namespace masr {

struct DrawnText {
  std::string text;
  Box box;
};

// Of a drawing that was not put together from others.
inline std::vector<DrawnText> TextsOf(const Drawing& drawing) {
  static const std::regex kText(
      "<text class=\"[^\"]*\" x=\"([-0-9.]+)\" y=\"([-0-9.]+)\"(?: text-anchor=\"([a-z]+)\")?>"
      "([^<]*)</text>");
  std::vector<DrawnText> texts;
  for (std::sregex_iterator it(drawing.body.begin(), drawing.body.end(), kText), end; it != end;
       ++it) {
    const Anchor anchor = (*it)[3] == "end"      ? Anchor::kEnd
                          : (*it)[3] == "middle" ? Anchor::kMiddle
                                                 : Anchor::kStart;
    const Point at = {std::stod((*it)[1]), std::stod((*it)[2])};
    texts.push_back({(*it)[4], TextBox(at, (*it)[4].str(), anchor)});
  }
  return texts;
}

// Empty, or two texts that overlap, or one that leaves the drawing.
inline std::string Collision(const Drawing& drawing) {
  const std::vector<DrawnText> texts = TextsOf(drawing);
  for (size_t i = 0; i < texts.size(); ++i) {
    const Box& box = texts[i].box;
    if (box.x < -0.5 || box.right() > drawing.width + 0.5 || box.y < 0 ||
        box.bottom() > drawing.height) {
      return "'" + texts[i].text + "' leaves the drawing";
    }
    for (size_t j = 0; j < i; ++j) {
      if (Overlap(texts[j].box, box)) return "'" + texts[j].text + "' and '" + texts[i].text + "'";
    }
  }
  return "";
}

}  // namespace masr

#endif  // MOBILEASR_REPORT_TESTING_DRAWN_TEXT_H_
