#include "report/palette.h"

namespace masr {
namespace {

constexpr std::string_view kLineClasses[] = {"l0", "l1", "l2", "l3", "l4", "l5"};
constexpr std::string_view kFillClasses[] = {"f0", "f1", "f2", "f3", "f4", "f5"};

constexpr Scheme kLight = {
    .ground = "#ffffff",
    .surface = "#f5f7f9",
    .grid = "#dfe4e9",
    .band = "#f1f4f7",
    .pause = "#fbe3c8",
    .refused = "#f0f0f0",
    .tones = {"#1b2530", "#55606c", "#0067a8", "#a84400", "#00705a", "#8a3f86"}};
constexpr Scheme kDark = {
    .ground = "#13171c",
    .surface = "#1c2229",
    .grid = "#323a44",
    .band = "#1b2128",
    .pause = "#4a3416",
    .refused = "#24282d",
    .tones = {"#e8ecf0", "#a6b0bb", "#69b5f2", "#f0a35e", "#5ccaa2", "#d79bd4"}};

constexpr const char* kShapes =
    ".t{font:13px system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",\"Helvetica Neue\","
    "Arial,sans-serif;font-variant-numeric:tabular-nums}"
    ".heading{font-size:16px;font-weight:600}.strong{font-weight:600}"
    ".l0,.l1,.l2,.l3,.l4,.l5{fill:none;stroke-width:2;stroke-linejoin:round;"
    "stroke-linecap:round}"
    ".thin{stroke-width:1.25}.wide{stroke-width:4;stroke-linecap:butt}.dashed{stroke-dasharray:5 "
    "4;stroke-linecap:butt}.dotted{stroke-dasharray:0.1 4;stroke-linecap:round}"
    ".grid,.axis{stroke-width:1;fill:none}.ring{stroke-width:2}"
    ".halo{paint-order:stroke;stroke-width:3;stroke-linejoin:round}.pale{fill-opacity:.5}";

void AppendRule(std::string& css, std::string_view selector, std::string_view property,
                std::string_view value) {
  css += std::string(selector) + "{" + std::string(property) + ":" + std::string(value) + "}";
}

std::string Colours(const Scheme& scheme) {
  std::string css;
  for (size_t i = 0; i < 6; ++i) {
    AppendRule(css, "." + std::string(kLineClasses[i]), "stroke", scheme.tones[i]);
    AppendRule(css, "." + std::string(kFillClasses[i]), "fill", scheme.tones[i]);
  }
  AppendRule(css, ".ground", "fill", scheme.ground);
  AppendRule(css, ".hollow", "fill", scheme.ground);
  AppendRule(css, ".ring,.halo", "stroke", scheme.ground);
  AppendRule(css, ".grid", "stroke", scheme.grid);
  AppendRule(css, ".axis", "stroke", scheme.tones[static_cast<size_t>(Tone::kMuted)]);
  AppendRule(css, ".band", "fill", scheme.band);
  AppendRule(css, ".pause", "fill", scheme.pause);
  AppendRule(css, ".refused", "fill", scheme.refused);
  return css;
}

}  // namespace

std::string_view LineClass(Tone tone) { return kLineClasses[static_cast<size_t>(tone)]; }
std::string_view FillClass(Tone tone) { return kFillClasses[static_cast<size_t>(tone)]; }

std::string PaletteCss() {
  return kShapes + Colours(kLight) + "@media (prefers-color-scheme:dark){" + Colours(kDark) + "}";
}

const Scheme& LightScheme() { return kLight; }
const Scheme& DarkScheme() { return kDark; }

}  // namespace masr
