// Phrases that a decoder should prefer: names, places, commands (contextual biasing by an automaton
// of phrases; Aho and Corasick, 1975, as in sherpa-onnx's context graph).
#ifndef MOBILEASR_CTC_HOTWORDS_H_
#define MOBILEASR_CTC_HOTWORDS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace masr {

struct Hotword {
  std::string phrase;  // words separated by single spaces
  float boost = 0;     // nats per character; may be negative, to hold a phrase back
};

// One phrase a line, normalised as English text is; a line may end in " :BOOST" (else
// `default_boost`). Blank lines and lines that begin with # are left out. Fails, with the line, on
// a boost that is not a number from -1000 to 1000, and on a phrase without letters.
Result<std::vector<Hotword>> ParseHotwords(std::string_view text, const std::string& name,
                                           float default_boost);

// Matches phrases from the beginning of a word to the end of one; of those that end together the
// longest counts. Each character of a phrase under way earns its boost at once, so that it is not
// pruned away, and gives it back if the phrase does not come to its end. A phrase within a longer
// one keeps what it earned when the longer one fails.
class Hotwords {
 public:
  struct State {
    int32_t node = 0;  // kLost: within a word that no phrase has
    float kept = 0;    // earned for good by phrases within the text of `node`
  };

  explicit Hotwords(const std::vector<Hotword>& phrases);

  // What one more byte earns or takes back; a space ends a word. `next` may be `state`.
  float Extend(const State& state, uint8_t byte, State& next) const;
  // What the end of the text earns or takes back.
  float Finish(const State& state) const;

  // All words of all phrases.
  const std::vector<std::string>& words() const { return words_; }
  bool empty() const { return nodes_.size() == 1; }

 private:
  static constexpr int32_t kLost = -1;

  struct Node {
    std::vector<std::pair<uint8_t, int32_t>> children;
    float expected = 0;  // the most that a phrase which goes on from here has earned so far
    float reward = 0;    // of the phrase that ends here
    bool end = false;
    int32_t shorter = kLost;  // the longest end of this text that begins a phrase, from a word on
    int32_t ended = kLost;    // the longest phrase that this text ends in
  };

  void Add(const Hotword& hotword);
  void Link();
  int32_t Child(int32_t node, uint8_t byte) const;
  float Expected(const State& state) const;
  float EndWord(State& state) const;

  std::vector<Node> nodes_;  // [0]: the root, where a word begins
  std::vector<std::string> words_;
};

}  // namespace masr

#endif  // MOBILEASR_CTC_HOTWORDS_H_
