#include "report/page_parts.h"
#include "report/palette.h"

namespace masr {
namespace {

// Colours come as custom properties, so that the rules below are written once.
std::string Properties(const Scheme& s) {
  const auto property = [](const char* name, std::string_view value) {
    return "--" + std::string(name) + ":" + std::string(value) + ";";
  };
  const auto tone = [&](Tone t) { return s.tones[static_cast<size_t>(t)]; };
  return property("ground", s.ground) + property("surface", s.surface) + property("line", s.grid) +
         property("ink", tone(Tone::kInk)) + property("muted", tone(Tone::kMuted)) +
         property("blue", tone(Tone::kBlue)) + property("orange", tone(Tone::kOrange)) +
         property("green", tone(Tone::kGreen)) + property("pause", s.pause);
}

constexpr const char* kRules = R"(
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Helvetica Neue",Arial,sans-serif;
font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
main{max-width:1140px;margin:0 auto;padding:20px 10px 48px}
h1{font-size:28px;line-height:1.2;margin:4px 0 12px;letter-spacing:-.01em;text-wrap:balance}
h2{font-size:20px;line-height:1.3;margin:44px 0 6px}
h3{font-size:16px;margin:28px 0 2px}
p{margin:6px 0;max-width:68ch}
small{font-size:13px;color:var(--muted)}
.eyebrow,.note,figcaption,dt{font-size:14px;color:var(--muted)}
.eyebrow{margin:0}
.rates{display:flex;flex-wrap:wrap;align-items:baseline;gap:2px 10px;margin:14px 0 6px;max-width:none}
.rate{font-size:40px;line-height:1.15;font-weight:650;letter-spacing:-.02em;white-space:nowrap}
.was,.arrow{color:var(--muted);font-weight:450}.arrow{font-size:28px}
.what{flex-basis:100%}
.facts{display:grid;grid-template-columns:1fr 1fr;gap:14px 12px;margin:22px 0;padding:14px 0;
border-top:1px solid var(--line);border-bottom:1px solid var(--line)}
.facts dd{margin:0;font-size:18px;font-weight:600}.facts small{display:block;font-weight:400}
.last{background:var(--surface);border-left:4px solid var(--muted);border-radius:0 6px 6px 0;
padding:12px 14px}
.last.taken{border-color:var(--blue)}
.last h2{font-size:16px;margin:0}.last p{margin:4px 0 0}
figure{margin:12px 0 0;min-width:0}
figcaption{margin-top:6px;max-width:90ch}
figure svg{display:block;width:100%;height:auto;max-width:480px}
.wide{display:none}
.yes,.no{font-weight:600}.yes{color:var(--blue)}.no{color:var(--muted)}
.sentences{display:grid;gap:12px;margin-top:12px}
.sentences dl{margin:0;padding:12px 14px;background:var(--surface);border-radius:6px}
.sentences dl>div+div{margin-top:6px}
.sentences dd{margin:0}
mark{background:none;color:var(--orange);text-decoration:underline wavy 1px;text-underline-offset:3px}
del{color:var(--muted);text-decoration-thickness:1px}
.right{color:var(--green);font-weight:600}
table{border-collapse:collapse;width:100%;font-size:14px;margin-top:10px}
th,td{text-align:left;vertical-align:top;padding:8px 14px 8px 0;border-bottom:1px solid var(--line)}
thead th{color:var(--muted);font-weight:500;vertical-align:bottom;border-color:var(--muted)}
td small,th small{display:block;font-weight:400}
footer{margin-top:44px;padding-top:12px;border-top:1px solid var(--line)}
@media (max-width:819px){
thead{display:none}
table,tbody,tr,th,td{display:block}
tr{padding:10px 14px;margin-bottom:12px;background:var(--surface);border-radius:6px}
tbody th{font-size:16px;padding:0 0 4px;border:0}
tbody th small{display:inline;margin-left:8px}
td{display:grid;grid-template-columns:8.5em 1fr;padding:4px 0;border:0}
td::before{content:attr(data-name);color:var(--muted)}
}
@media (min-width:820px){
main{padding:40px 28px 64px}
h1{font-size:38px}.rate{font-size:52px}.what{flex-basis:auto}
.facts{grid-template-columns:repeat(4,1fr)}
.narrow,.card{display:none}.wide{display:block}
.wide svg{max-width:none}
.panels{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:20px}
.sentences{grid-template-columns:1fr 1fr}
.scroll{overflow-x:auto}
table{overflow-wrap:normal}
td:first-of-type{min-width:128px}td:nth-of-type(7){min-width:220px;overflow-wrap:anywhere}
tbody th small,td:nth-of-type(n+2):nth-of-type(-n+5){white-space:nowrap}
tbody td:nth-of-type(8),tbody td:nth-of-type(9){white-space:nowrap}
}
@media print{.scroll{overflow:visible}figure,.sentences dl,tr{break-inside:avoid}}
)";

}  // namespace

std::string PageCss() {
  return ":root{color-scheme:light dark;" + Properties(LightScheme()) +
         "}@media (prefers-color-scheme:dark){:root{" + Properties(DarkScheme()) + "}}" + kRules +
         PaletteCss();
}

}  // namespace masr
