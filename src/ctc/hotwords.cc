#include "ctc/hotwords.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "text/normalizer.h"

namespace masr {
namespace {

bool HasLetter(std::string_view phrase) {
  return phrase.find_first_not_of(" '") != std::string_view::npos;
}

}  // namespace

Result<std::vector<Hotword>> ParseHotwords(std::string_view text, const std::string& name,
                                           float default_boost) {
  std::vector<Hotword> hotwords;
  int64_t number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == std::string_view::npos || line.starts_with('#')) continue;
    const std::string where = name + ": line " + std::to_string(number);
    float boost = default_boost;
    const size_t colon = line.rfind(" :");
    if (colon != std::string_view::npos) {
      const std::string_view digits = line.substr(colon + 2);
      const auto [stop, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), boost);
      if (error != std::errc() || stop != digits.data() + digits.size() || !std::isfinite(boost)) {
        return Fail(ErrorCode::kInvalidArgument,
                    where + ": \"" + std::string(digits) +
                        "\" is not a boost; write \"phrase :1.5\", or the phrase alone");
      }
      line = line.substr(0, colon);
    }
    std::string phrase = NormalizeEnglish(line);
    if (!HasLetter(phrase)) {
      return Fail(ErrorCode::kInvalidArgument, where + ": a phrase without letters");
    }
    hotwords.push_back({std::move(phrase), boost});
  }
  return hotwords;
}

Hotwords::Hotwords(std::vector<Hotword> phrases) {
  nodes_.emplace_back();
  std::vector<std::string> texts = {""};  // from the root to each node
  for (const Hotword& hotword : phrases) {
    if (hotword.phrase.empty()) continue;
    int32_t node = 0;
    float credit = 0;
    for (char c : hotword.phrase) {
      const auto byte = static_cast<uint8_t>(c);
      credit += hotword.boost;
      int32_t child = Child(node, byte);
      if (child < 0) {
        child = static_cast<int32_t>(nodes_.size());
        nodes_[static_cast<size_t>(node)].children.emplace_back(byte, child);
        nodes_.push_back({.credit = credit});
        texts.push_back(texts[static_cast<size_t>(node)] + c);
      }
      node = child;
      // Of phrases that begin alike, the one with the largest boost decides.
      Node& reached = nodes_[static_cast<size_t>(node)];
      if (std::abs(credit) > std::abs(reached.credit)) reached.credit = credit;
    }
    nodes_[static_cast<size_t>(node)].end = true;
    for (size_t at = 0; at < hotword.phrase.size();) {
      const size_t end = std::min(hotword.phrase.find(' ', at), hotword.phrase.size());
      words_.push_back(hotword.phrase.substr(at, end - at));
      at = end + 1;
    }
  }
  std::sort(words_.begin(), words_.end());
  words_.erase(std::unique(words_.begin(), words_.end()), words_.end());

  for (size_t node = 0; node < nodes_.size(); ++node) {
    const std::string& text = texts[node];
    for (size_t space = text.find(' '); space != std::string::npos && !nodes_[node].has_shorter;
         space = text.find(' ', space + 1)) {
      int32_t reached = 0;
      for (size_t at = space + 1; at < text.size() && reached >= 0; ++at) {
        reached = Child(reached, static_cast<uint8_t>(text[at]));
      }
      if (reached < 0) continue;
      nodes_[node].shorter = reached;
      nodes_[node].has_shorter = true;
    }
  }
}

int32_t Hotwords::Child(int32_t node, uint8_t byte) const {
  for (const auto& [label, child] : nodes_[static_cast<size_t>(node)].children) {
    if (label == byte) return child;
  }
  return -1;
}

float Hotwords::Earned(const State& state) const {
  return state.node < 0 ? 0 : nodes_[static_cast<size_t>(state.node)].credit - state.kept;
}

float Hotwords::Extend(const State& state, uint8_t byte, State& next) const {
  const float before = Earned(state);
  if (state.node == kLost) {
    next = {byte == ' ' ? 0 : kLost, 0};
    return 0;
  }
  int32_t node = state.node;
  float kept = state.kept;
  float banked = 0;
  if (byte == ' ' && nodes_[static_cast<size_t>(node)].end) {
    // Whatever comes now, this phrase was said.
    banked = before;
    kept = nodes_[static_cast<size_t>(node)].credit;
  }
  int32_t child = Child(node, byte);
  while (child < 0 && nodes_[static_cast<size_t>(node)].has_shorter) {
    node = nodes_[static_cast<size_t>(node)].shorter;
    kept = 0;
    child = Child(node, byte);
  }
  if (child < 0) {
    next = {byte == ' ' ? 0 : kLost, 0};
  } else {
    next = {child, kept};
  }
  return banked + Earned(next) - before;
}

float Hotwords::Finish(const State& state) const {
  if (state.node < 0 || nodes_[static_cast<size_t>(state.node)].end) return 0;
  return -Earned(state);
}

}  // namespace masr
