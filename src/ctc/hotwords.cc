#include "ctc/hotwords.h"

#include <algorithm>
#include <cmath>

#include "base/number_text.h"
#include "io/text_lines.h"
#include "text/normalizer.h"

namespace masr {
namespace {

constexpr float kLargestBoost = 1000;

bool BeginsCharacter(char byte) { return (static_cast<uint8_t>(byte) & 0xC0) != 0x80; }

std::string_view WithoutEnd(std::string_view line) {
  return line.substr(0, line.find_last_not_of(" \t") + 1);
}

}  // namespace

Result<std::vector<Hotword>> ParseHotwords(std::string_view text, const std::string& name,
                                           float default_boost) {
  std::vector<Hotword> hotwords;
  for (const TextLine& numbered : SplitLines(text)) {
    std::string_view line = WithoutEnd(numbered.text);
    if (line.starts_with('#')) continue;
    const std::string where = name + ": line " + std::to_string(numbered.number);
    float boost = default_boost;
    const size_t colon = line.rfind(" :");
    if (colon != std::string_view::npos) {
      const std::string_view digits = line.substr(colon + 2);
      const std::optional<double> given = ParseDouble(digits);
      if (!given || !(std::abs(*given) <= kLargestBoost)) {
        return Fail(ErrorCode::kInvalidArgument,
                    where + ": \"" + std::string(digits) +
                        "\" is not a boost; write \"phrase :1.5\", or the phrase alone");
      }
      boost = static_cast<float>(*given);
      line = line.substr(0, colon);
    }
    std::string phrase = NormalizeEnglish(line);
    if (phrase.find_first_not_of(" '") == std::string::npos) {
      return Fail(ErrorCode::kInvalidArgument, where + ": a phrase without letters");
    }
    hotwords.push_back({std::move(phrase), boost});
  }
  return hotwords;
}

Hotwords::Hotwords(const std::vector<Hotword>& phrases) {
  nodes_.emplace_back();
  for (const Hotword& hotword : phrases) {
    if (!hotword.phrase.empty()) Add(hotword);
  }
  std::sort(words_.begin(), words_.end());
  words_.erase(std::unique(words_.begin(), words_.end()), words_.end());
  Link();
}

void Hotwords::Add(const Hotword& hotword) {
  int32_t node = 0;
  float earned = 0;
  for (char c : hotword.phrase) {
    const auto byte = static_cast<uint8_t>(c);
    if (BeginsCharacter(c)) earned += hotword.boost;
    int32_t child = Child(node, byte);
    if (child < 0) {
      child = static_cast<int32_t>(nodes_.size());
      nodes_[static_cast<size_t>(node)].children.emplace_back(byte, child);
      nodes_.emplace_back();
    }
    node = child;
    // A phrase that is held back takes nothing before it is there.
    Node& reached = nodes_[static_cast<size_t>(node)];
    reached.expected = std::max(reached.expected, earned);
  }
  nodes_[static_cast<size_t>(node)].end = true;
  nodes_[static_cast<size_t>(node)].reward = earned;
  for (size_t at = 0; at < hotword.phrase.size();) {
    const size_t end = std::min(hotword.phrase.find(' ', at), hotword.phrase.size());
    words_.push_back(hotword.phrase.substr(at, end - at));
    at = end + 1;
  }
}

// Breadth first: what a node links to is shorter, and linked already.
void Hotwords::Link() {
  std::vector<int32_t> queue = {0};
  for (size_t i = 0; i < queue.size(); ++i) {
    const int32_t parent = queue[i];
    for (const auto& [byte, child] : nodes_[static_cast<size_t>(parent)].children) {
      queue.push_back(child);
      int32_t shorter = nodes_[static_cast<size_t>(parent)].shorter;
      while (shorter != kLost && Child(shorter, byte) < 0) {
        shorter = nodes_[static_cast<size_t>(shorter)].shorter;
      }
      Node& node = nodes_[static_cast<size_t>(child)];
      if (shorter != kLost) {
        node.shorter = Child(shorter, byte);
      } else {
        // After a space anything may begin; within a word nothing.
        node.shorter = byte == ' ' ? 0 : kLost;
      }
      if (node.end) {
        node.ended = child;
      } else if (node.shorter != kLost) {
        node.ended = nodes_[static_cast<size_t>(node.shorter)].ended;
      }
    }
  }
}

int32_t Hotwords::Child(int32_t node, uint8_t byte) const {
  for (const auto& [label, child] : nodes_[static_cast<size_t>(node)].children) {
    if (label == byte) return child;
  }
  return -1;
}

float Hotwords::Expected(const State& state) const {
  if (state.node == kLost) return 0;
  return std::max(0.0f, nodes_[static_cast<size_t>(state.node)].expected - state.kept);
}

// What the longest phrase that ends here has earned for good.
float Hotwords::EndWord(State& state) const {
  if (state.node == kLost) return 0;
  const int32_t ended = nodes_[static_cast<size_t>(state.node)].ended;
  if (ended == kLost) return 0;
  const float reward = nodes_[static_cast<size_t>(ended)].reward;
  if (ended != state.node) {
    state.kept += reward;
    return reward;
  }
  // The whole of the text under way: what was earned within it is part of this.
  const float more = reward - state.kept;
  state.kept = reward;
  return more;
}

float Hotwords::Extend(const State& state, uint8_t byte, State& next) const {
  const float before = Expected(state);
  State now = state;
  const float earned = byte == ' ' ? EndWord(now) : 0;
  int32_t child = kLost;
  while (now.node != kLost) {
    child = Child(now.node, byte);
    if (child >= 0) break;
    now = {nodes_[static_cast<size_t>(now.node)].shorter, 0};
  }
  if (now.node != kLost) {
    now.node = child;
  } else if (byte == ' ') {
    now = {0, 0};
  }
  next = now;
  return earned + Expected(now) - before;
}

float Hotwords::Finish(const State& state) const {
  State last = state;
  return EndWord(last) - Expected(state);
}

}  // namespace masr
