// A strict check that markup is well-formed, for tests: every element closed in its order, every
// attribute quoted and given once, no bare & or <, nothing after the end.
#ifndef MOBILEASR_REPORT_TESTING_MARKUP_CHECKER_H_
#define MOBILEASR_REPORT_TESTING_MARKUP_CHECKER_H_

#include <cctype>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace masr {

class MarkupChecker {
 public:
  // Empty, or the first mistake with what stands there.
  static std::string Mistake(std::string_view text) { return MarkupChecker(text).Run(); }

 private:
  explicit MarkupChecker(std::string_view text) : text_(text) {}

  std::string Run() {
    size_t roots = 0;
    while (at_ < text_.size()) {
      if (Starts("<!DOCTYPE html>") || Starts("<?xml")) {
        at_ = text_.find('>', at_) + 1;
      } else if (Starts("</")) {
        const size_t end = text_.find('>', at_);
        const std::string_view name = text_.substr(at_ + 2, end - at_ - 2);
        if (open_.empty() || open_.back() != name) return Here("closes what is not open");
        open_.pop_back();
        at_ = end + 1;
      } else if (text_[at_] == '<') {
        if (open_.empty() && ++roots > 1) return Here("a second root");
        if (!Open()) return Here(mistake_);
      } else if (text_[at_] == '&') {
        if (!Entity()) return Here("a bare &");
      } else {
        if (text_[at_] == '>') return Here("a bare >");
        if (static_cast<unsigned char>(text_[at_]) < 0x20 && text_[at_] != '\n') {
          return Here("a control character");
        }
        if (open_.empty() && text_[at_] != '\n') return Here("text outside of the root");
        ++at_;
      }
    }
    return open_.empty() ? "" : "not closed: " + open_.back();
  }

  bool Open() {
    ++at_;
    const std::string name = Name();
    if (name.empty()) return Wrong("no name after <");
    std::set<std::string> given;
    while (at_ < text_.size()) {
      const bool space = std::isspace(static_cast<unsigned char>(text_[at_])) != 0;
      while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
      if (Starts("/>")) {
        at_ += 2;
        return true;
      }
      if (Starts(">")) {
        ++at_;
        if (name != "style") {
          open_.push_back(name);
          return true;
        }
        // Style sheets hold child selectors: raw text until its end, without < or &.
        const size_t end = text_.find("</style>", at_);
        if (text_.substr(at_, end - at_).find_first_of("<&") != std::string_view::npos) {
          return Wrong("markup in a style sheet");
        }
        at_ = end + 8;
        return true;
      }
      const std::string attribute = Name();
      if (!space || attribute.empty() || !Starts("=\"")) return Wrong("a bad attribute");
      if (!given.insert(attribute).second) return Wrong("an attribute twice");
      for (at_ += 2; at_ < text_.size() && text_[at_] != '"';) {
        if (text_[at_] == '<') return Wrong("< in an attribute");
        if (text_[at_] != '&') {
          ++at_;
        } else if (!Entity()) {
          return Wrong("a bare & in an attribute");
        }
      }
      ++at_;
    }
    return Wrong("no end of a tag");
  }

  bool Entity() {
    for (const char* entity : {"&amp;", "&lt;", "&gt;", "&#34;", "&#39;"}) {
      if (Starts(entity)) {
        at_ += std::string_view(entity).size();
        return true;
      }
    }
    return false;
  }

  std::string Name() {
    const size_t begin = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) ||
                                  text_[at_] == '-' || text_[at_] == ':')) {
      ++at_;
    }
    return std::string(text_.substr(begin, at_ - begin));
  }

  bool Starts(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  bool Wrong(const char* mistake) {
    mistake_ = mistake;
    return false;
  }
  std::string Here(const char* mistake) const {
    return std::string(mistake) + " at: " + std::string(text_.substr(at_, 60));
  }

  std::string_view text_;
  size_t at_ = 0;
  const char* mistake_ = "";
  std::vector<std::string> open_;
};

}  // namespace masr

#endif  // MOBILEASR_REPORT_TESTING_MARKUP_CHECKER_H_
