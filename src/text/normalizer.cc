#include "text/normalizer.h"

#include <algorithm>
#include <array>

#include "text/utf8.h"

namespace masr {
namespace {

// Code points first to last are written as `base`.
struct Folding {
  char32_t first;
  char32_t last;
  std::string_view base;
};

// Sorted. Latin letters with accents, the ligatures, apostrophes, and punctuation (" "); what is
// made of no ink ("") joins its neighbours, so that a soft hyphen does not cut a word in two.
constexpr auto kFoldings = std::to_array<Folding>({
    {0x0000, 0x0023, " "},  // controls, space, ! " #
    {0x0028, 0x002a, " "},  // ( ) *
    {0x002c, 0x002f, " "},  // , - . /
    {0x003a, 0x003c, " "},  // : ; <
    {0x003e, 0x003f, " "},  // > ?
    {0x005b, 0x005f, " "},  // [ \ ] ^ _
    {0x0060, 0x0060, "'"},  // a grave accent typed for an apostrophe
    {0x007b, 0x00a1, " "},  // { | } ~, controls, no-break space, inverted !
    {0x00a6, 0x00a8, " "},  // broken bar, section sign, dieresis
    {0x00ab, 0x00ac, " "},  // opening guillemet, not sign
    {0x00ad, 0x00ad, ""},   // soft hyphen
    {0x00ae, 0x00af, " "},  // registered sign, macron
    {0x00b4, 0x00b4, "'"},  // acute accent
    {0x00b6, 0x00b8, " "},  // pilcrow, middle dot, cedilla
    {0x00bb, 0x00bb, " "},  // closing guillemet
    {0x00bf, 0x00bf, " "},  // inverted ?
    {0x00c0, 0x00c5, "a"},
    {0x00c6, 0x00c6, "ae"},
    {0x00c7, 0x00c7, "c"},
    {0x00c8, 0x00cb, "e"},
    {0x00cc, 0x00cf, "i"},
    {0x00d0, 0x00d0, "d"},
    {0x00d1, 0x00d1, "n"},
    {0x00d2, 0x00d6, "o"},
    {0x00d8, 0x00d8, "o"},
    {0x00d9, 0x00dc, "u"},
    {0x00dd, 0x00dd, "y"},
    {0x00de, 0x00de, "th"},
    {0x00df, 0x00df, "ss"},
    {0x00e0, 0x00e5, "a"},
    {0x00e6, 0x00e6, "ae"},
    {0x00e7, 0x00e7, "c"},
    {0x00e8, 0x00eb, "e"},
    {0x00ec, 0x00ef, "i"},
    {0x00f0, 0x00f0, "d"},
    {0x00f1, 0x00f1, "n"},
    {0x00f2, 0x00f6, "o"},
    {0x00f8, 0x00f8, "o"},
    {0x00f9, 0x00fc, "u"},
    {0x00fd, 0x00fd, "y"},
    {0x00fe, 0x00fe, "th"},
    {0x00ff, 0x00ff, "y"},
    {0x0100, 0x0105, "a"},
    {0x0106, 0x010d, "c"},
    {0x010e, 0x0111, "d"},
    {0x0112, 0x011b, "e"},
    {0x011c, 0x0123, "g"},
    {0x0124, 0x0127, "h"},
    {0x0128, 0x0131, "i"},
    {0x0132, 0x0133, "ij"},
    {0x0134, 0x0135, "j"},
    {0x0136, 0x0138, "k"},
    {0x0139, 0x0142, "l"},
    {0x0143, 0x014b, "n"},
    {0x014c, 0x0151, "o"},
    {0x0152, 0x0153, "oe"},
    {0x0154, 0x0159, "r"},
    {0x015a, 0x0161, "s"},
    {0x0162, 0x0167, "t"},
    {0x0168, 0x0173, "u"},
    {0x0174, 0x0175, "w"},
    {0x0176, 0x0178, "y"},
    {0x0179, 0x017e, "z"},
    {0x017f, 0x017f, "s"},
    {0x01a0, 0x01a1, "o"},
    {0x01af, 0x01b0, "u"},
    {0x01cd, 0x01ce, "a"},
    {0x01cf, 0x01d0, "i"},
    {0x01d1, 0x01d2, "o"},
    {0x01d3, 0x01dc, "u"},
    {0x0200, 0x0203, "a"},
    {0x0204, 0x0207, "e"},
    {0x0208, 0x020b, "i"},
    {0x020c, 0x020f, "o"},
    {0x0210, 0x0213, "r"},
    {0x0214, 0x0217, "u"},
    {0x0218, 0x0219, "s"},
    {0x021a, 0x021b, "t"},
    {0x02bb, 0x02bd, "'"},  // modifier letters:
                            // turned comma,
                            // apostrophe, reversed
                            // comma
    {0x0300, 0x036f, ""},   // combining accents
    {0x1e80, 0x1e85, "w"},
    {0x1e9e, 0x1e9e, "ss"},
    {0x1ea0, 0x1eb7, "a"},
    {0x1eb8, 0x1ec7, "e"},
    {0x1ec8, 0x1ecb, "i"},
    {0x1ecc, 0x1ee3, "o"},
    {0x1ee4, 0x1ef1, "u"},
    {0x1ef2, 0x1ef9, "y"},
    {0x2000, 0x200a, " "},  // spaces
    {0x200b, 0x200f, ""},   // zero-width space and joiners, direction marks
    {0x2010, 0x2017, " "},  // hyphens and dashes
    {0x2018, 0x2019, "'"},  // single quotation marks: the second is the usual apostrophe
    {0x201a, 0x201a, " "},  // low quotation mark
    {0x201b, 0x201b, "'"},  // reversed quotation mark
    {0x201c, 0x2029, " "},  // quotation marks, daggers, bullets, ellipsis, separators
    {0x202a, 0x202e, ""},   // direction marks
    {0x202f, 0x202f, " "},  // narrow space
    {0x2032, 0x2032, "'"},  // prime
    {0x2033, 0x205f, " "},  // the other primes and marks
    {0x2060, 0x206f, ""},   // word joiner and other marks without width
    {0x2212, 0x2212, " "},  // minus, often a dash
    {0x3000, 0x3003, " "},  // ideographic space and punctuation
    {0x3008, 0x3011, " "},  // brackets
    {0xfe00, 0xfe0f, ""},   // variation selectors
    {0xfeff, 0xfeff, ""},   // byte-order mark
    {0xff07, 0xff07, "'"},  // full-width apostrophe
});

std::string FoldedForm(char32_t value, std::string_view original) {
  if (value >= 'A' && value <= 'Z') return std::string(1, static_cast<char>(value - 'A' + 'a'));
  const auto* after =
      std::upper_bound(kFoldings.begin(), kFoldings.end(), value,
                       [](char32_t v, const Folding& folding) { return v < folding.first; });
  if (after != kFoldings.begin() && value <= (after - 1)->last) {
    return std::string((after - 1)->base);
  }
  return std::string(original);
}

}  // namespace

std::string NormalizeEnglish(std::string_view text) {
  std::string normalized;
  bool space_due = false;
  for (const std::string& original : SplitCodePoints(text)) {
    const std::string folded = FoldedForm(FirstCodePoint(original).value, original);
    if (folded == " ") {
      space_due = !normalized.empty();
    } else if (!folded.empty()) {
      if (space_due) normalized += ' ';
      space_due = false;
      normalized += folded;
    }
  }
  return normalized;
}

std::vector<std::string> SplitCodePoints(std::string_view text) {
  std::vector<std::string> code_points;
  while (!text.empty()) {
    const CodePoint first = FirstCodePoint(text);
    code_points.emplace_back(first.valid ? text.substr(0, first.bytes) : "\xef\xbf\xbd");
    text.remove_prefix(first.bytes);
  }
  return code_points;
}

}  // namespace masr
