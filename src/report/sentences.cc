#include <algorithm>

#include "report/markup.h"
#include "report/page_parts.h"
#include "text/error_rate.h"

namespace masr {
namespace {

constexpr size_t kMostSentences = 12;
// A long utterance has some hundred letters. Alignment takes time and memory by the square.
constexpr size_t kMostBytes = 800;

// Cut at a word, or else before a whole code point.
std::string Cut(const std::string& text) {
  if (text.size() <= kMostBytes) return text;
  size_t end = text.rfind(' ', kMostBytes);
  if (end == std::string::npos || end == 0) {
    end = kMostBytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  }
  return text.substr(0, end) + " …";
}

std::string HeardHtml(const std::string& reference, const std::string& heard) {
  std::string html;
  for (const AlignedToken& token : AlignWords(reference, heard)) {
    if (!html.empty()) html += ' ';
    if (token.edit == Edit::kMatch) {
      html += Escaped(token.hypothesis);
    } else if (token.edit == Edit::kDeletion) {
      html += "<del>" + Escaped(token.reference) + "</del>";
    } else {
      html += "<mark>" + Escaped(token.hypothesis) + "</mark>";
    }
  }
  return html;
}

std::string Row(const char* name, const std::string& html, const std::string& errors) {
  return std::string("<div><dt>") + name + errors + "</dt><dd dir=\"auto\">" +
         (html.empty() ? "<i>(nothing)</i>" : html) + "</dd></div>\n";
}

std::string ErrorsText(const std::string& reference, const std::string& heard) {
  const int64_t errors = CountWordErrors(reference, heard).errors();
  return errors == 0 ? ", <b class=\"right\">all right</b>" : ", " + Grouped(errors) + " wrong";
}

}  // namespace

std::string SentencesHtml(std::span<const SentenceChange> sentences) {
  if (sentences.empty()) return "";
  std::string html = "<div class=\"sentences\">\n";
  for (const SentenceChange& s : sentences.first(std::min(sentences.size(), kMostSentences))) {
    const std::string reference = Cut(s.reference);
    const std::string before = Cut(s.before);
    const std::string after = Cut(s.after);
    html += "<dl>\n" + Row("Said", Escaped(reference, 2 * kMostBytes), "") +
            Row("Before", HeardHtml(reference, before), ErrorsText(reference, before)) +
            Row("After", HeardHtml(reference, after), ErrorsText(reference, after)) + "</dl>\n";
  }
  return html + "</div>\n";
}

}  // namespace masr
