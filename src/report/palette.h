// Colours of figures and pages, as a style sheet: light, and dark where the reader prefers that.
//
// Lines are told apart by people who do not see red or green (after Okabe and Ito, 2008, darkened
// until text in them has the contrast of WCAG AA, 4.5:1, on the ground), and never by colour alone.
#ifndef MOBILEASR_REPORT_PALETTE_H_
#define MOBILEASR_REPORT_PALETTE_H_

#include <string>
#include <string_view>

namespace masr {

enum class Tone { kInk, kMuted, kBlue, kOrange, kGreen, kPurple };

// Class names. Lines are stroked, areas and text filled.
std::string_view LineClass(Tone tone);
std::string_view FillClass(Tone tone);

// Classes of drawings: lN and fN of the tones; t, heading, strong, halo (text); thin, wide, dashed,
// dotted, axis, grid (lines); ring, hollow (marks); pale, ground, band, pause, refused (areas). No
// custom properties or nested rules: rsvg-convert knows neither, and leaves the dark half out.
std::string PaletteCss();

// One scheme's colours as "#rrggbb", for what is around drawings and for the test of contrast.
struct Scheme {
  std::string_view ground;
  std::string_view surface;  // of cards on the ground
  std::string_view grid;
  std::string_view band;     // every second epoch
  std::string_view pause;    // while a round waits
  std::string_view refused;  // behind a round whose result was not taken
  std::string_view tones[6];
};
const Scheme& LightScheme();
const Scheme& DarkScheme();

}  // namespace masr

#endif  // MOBILEASR_REPORT_PALETTE_H_
