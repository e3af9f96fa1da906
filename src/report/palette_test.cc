#include "report/palette.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace masr {
namespace {

// WCAG 2.2, relative luminance.
double Luminance(std::string_view colour) {
  const double weights[] = {0.2126, 0.7152, 0.0722};
  double sum = 0;
  for (size_t i = 0; i < 3; ++i) {
    const double c = std::stoi(std::string(colour.substr(1 + 2 * i, 2)), nullptr, 16) / 255.0;
    sum += weights[i] * (c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4));
  }
  return sum;
}

double Contrast(std::string_view a, std::string_view b) {
  const double x = Luminance(a) + 0.05;
  const double y = Luminance(b) + 0.05;
  return std::max(x, y) / std::min(x, y);
}

TEST(Palette, TextIsLegibleInBothSchemes) {
  for (const Scheme* scheme : {&LightScheme(), &DarkScheme()}) {
    for (const std::string_view tone : scheme->tones) {
      for (const std::string_view behind :
           {scheme->ground, scheme->surface, scheme->band, scheme->refused}) {
        EXPECT_GE(Contrast(tone, behind), 4.5) << tone << " on " << behind;
      }
      // Lines over a pause; text there is ink.
      EXPECT_GE(Contrast(tone, scheme->pause), 3.0) << tone;
    }
    EXPECT_GE(Contrast(scheme->tones[0], scheme->pause), 4.5);
    EXPECT_GE(Contrast(scheme->tones[1], scheme->pause), 4.5);
  }
}

TEST(Palette, TheDarkSchemeIsInTheStyleSheet) {
  const std::string css = PaletteCss();
  const size_t dark = css.find("@media (prefers-color-scheme:dark)");
  ASSERT_NE(dark, std::string::npos);
  EXPECT_LT(css.find(LightScheme().tones[2]), dark);
  EXPECT_NE(css.find(DarkScheme().tones[2], dark), std::string::npos);
}

}  // namespace
}  // namespace masr
