#include "ctc/lexicon.h"

#include <algorithm>
#include <limits>
#include <string_view>

namespace masr {
namespace {

struct Entry {
  std::string_view text;
  int32_t word;
  float score;
};

// The entries [begin, end) share their first `depth` bytes.
struct Range {
  size_t begin;
  size_t end;
  size_t depth;
};

}  // namespace

Lexicon::Lexicon(const LanguageModel& model, std::span<const std::string> extra) {
  std::vector<Entry> entries;
  for (int32_t word = kEndWord + 1; word < model.words(); ++word) {
    entries.push_back({model.word(word), word, model.UnigramScore(word)});
  }
  for (const std::string& word : extra) {
    if (word.empty() || model.Find(word) != kUnknownWord) continue;
    entries.push_back({word, kUnknownWord, model.UnigramScore(kUnknownWord)});
  }
  const auto by_text = [](const Entry& a, const Entry& b) { return a.text < b.text; };
  std::stable_sort(entries.begin(), entries.end(), by_text);

  // Level by level, so that the children of a node follow one another.
  nodes_.emplace_back();
  std::vector<Range> ranges = {{0, entries.size(), 0}};
  for (size_t node = 0; node < nodes_.size(); ++node) {
    const Range range = ranges[node];
    float best = -std::numeric_limits<float>::infinity();
    nodes_[node].first_child = static_cast<int32_t>(nodes_.size());
    size_t begin = range.begin;
    for (; begin < range.end && entries[begin].text.size() == range.depth; ++begin) {
      nodes_[node].word = entries[begin].word;
      best = std::max(best, entries[begin].score);
    }
    while (begin < range.end) {
      const char byte = entries[begin].text[range.depth];
      size_t end = begin;
      for (; end < range.end && entries[end].text[range.depth] == byte; ++end) {
        best = std::max(best, entries[end].score);
      }
      nodes_.push_back({.byte = static_cast<uint8_t>(byte)});
      nodes_[node].children += 1;
      ranges.push_back({begin, end, range.depth + 1});
      begin = end;
    }
    nodes_[node].best = best;
  }
}

int32_t Lexicon::Child(int32_t node, uint8_t byte) const {
  const Node& parent = nodes_[static_cast<size_t>(node)];
  for (int32_t child = parent.first_child; child < parent.first_child + parent.children; ++child) {
    if (nodes_[static_cast<size_t>(child)].byte == byte) return child;
  }
  return kNone;
}

}  // namespace masr
