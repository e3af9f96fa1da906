// Phrases that a decoder should prefer: names, places, commands (contextual biasing by a tree of
// phrases, as sherpa-onnx's context graph).
#ifndef MOBILEASR_CTC_HOTWORDS_H_
#define MOBILEASR_CTC_HOTWORDS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace masr {

struct Hotword {
  std::string phrase;  // words separated by single spaces
  float boost = 0;     // nats per character; may be negative, to hold a phrase back
};

// One phrase a line, normalised as English text is; a line may end in " :BOOST" (else
// `default_boost`). Blank lines and lines that begin with # are left out. Fails, with the line, on
// a boost that is not a number, and on a phrase without letters.
Result<std::vector<Hotword>> ParseHotwords(std::string_view text, const std::string& name,
                                           float default_boost);

// Matches phrases from the beginning of a word to the end of one. Each byte of a phrase under way
// earns its boost at once, so that it is not pruned away, and gives it back if the phrase does not
// come to its end.
class Hotwords {
 public:
  struct State {
    int32_t node = 0;  // kLost: within a word that no phrase has
    float kept = 0;    // of the credit at `node`: earned for good by a shorter phrase
  };

  explicit Hotwords(std::vector<Hotword> phrases);

  // What one more byte earns or takes back; a space ends a word. `next` may be `state`.
  float Extend(const State& state, uint8_t byte, State& next) const;
  // What the end of the text takes back.
  float Finish(const State& state) const;

  // All words of all phrases.
  const std::vector<std::string>& words() const { return words_; }
  bool empty() const { return nodes_.size() == 1; }

 private:
  static constexpr int32_t kLost = -1;

  struct Node {
    std::vector<std::pair<uint8_t, int32_t>> children;
    float credit = 0;     // earned from the root to here
    bool end = false;     // a phrase may end here
    int32_t shorter = 0;  // where the longest end of this text that begins at a word is a beginning
    bool has_shorter = false;
  };

  int32_t Child(int32_t node, uint8_t byte) const;
  float Earned(const State& state) const;

  std::vector<Node> nodes_;
  std::vector<std::string> words_;
};

}  // namespace masr

#endif  // MOBILEASR_CTC_HOTWORDS_H_
