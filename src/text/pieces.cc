#include "text/pieces.h"

#include <algorithm>
#include <limits>

namespace masr {
namespace {

// The best way to each place in the word (Viterbi).
Segmentation Unigram(const std::vector<std::string>& word, size_t longest, const FindPiece& find) {
  struct Way {
    double score = -std::numeric_limits<double>::infinity();
    size_t begin = 0;  // of the last piece
    int32_t token = 0;
    bool reached = false;
  };
  std::vector<Way> ways(word.size() + 1);
  ways[0] = {.score = 0, .reached = true};
  size_t furthest = 0;
  for (size_t begin = 0; begin < word.size(); ++begin) {
    if (!ways[begin].reached) continue;
    std::string text;
    for (size_t end = begin + 1; end <= std::min(word.size(), begin + longest); ++end) {
      text += word[end - 1];
      const auto piece = find(text);
      if (!piece) continue;
      const double score = ways[begin].score + static_cast<double>(piece->score);
      if (ways[end].reached && score <= ways[end].score) continue;
      ways[end] = {score, begin, piece->token, true};
      furthest = std::max(furthest, end);
    }
  }
  if (!ways[word.size()].reached) return {.tokens = {}, .unknown = furthest};
  Segmentation found;
  for (size_t end = word.size(); end > 0; end = ways[end].begin) {
    found.tokens.push_back(ways[end].token);
  }
  std::ranges::reverse(found.tokens);
  return found;
}

Segmentation Bpe(const std::vector<std::string>& word, const FindPiece& find) {
  std::vector<std::string> symbols = word;
  while (symbols.size() > 1) {
    size_t best = symbols.size();
    float score = 0;
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      const auto piece = find(symbols[i] + symbols[i + 1]);
      if (!piece || (best < symbols.size() && piece->score <= score)) continue;
      best = i;
      score = piece->score;
    }
    if (best == symbols.size()) break;
    symbols[best] += symbols[best + 1];
    symbols.erase(symbols.begin() + static_cast<int64_t>(best) + 1);
  }
  Segmentation found;
  for (const std::string& symbol : symbols) {
    const auto piece = find(symbol);
    if (!piece) {
      // It is one character: what was joined is a piece.
      const auto place = std::ranges::find(word, symbol) - word.begin();
      return {.tokens = {}, .unknown = static_cast<size_t>(place)};
    }
    found.tokens.push_back(piece->token);
  }
  return found;
}

}  // namespace

Segmentation SegmentWord(const std::vector<std::string>& word, PieceModel model, size_t longest,
                         const FindPiece& find) {
  return model == PieceModel::kUnigram ? Unigram(word, longest, find) : Bpe(word, find);
}

}  // namespace masr
