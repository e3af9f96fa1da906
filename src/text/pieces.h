// Vocabularies of pieces longer than a character, and how a word falls into them: SentencePiece's
// unigram models (Kudo, 2018) and byte-pair encoding (Sennrich et al., 2016).
#ifndef MOBILEASR_TEXT_PIECES_H_
#define MOBILEASR_TEXT_PIECES_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace masr {

enum class PieceModel : uint8_t {
  kUnigram,  // of all ways to spell the word, the one whose scores sum to the most
  kBpe,      // characters, then again and again the neighbours whose joint score is the highest
};

struct TextPieces {
  PieceModel model = PieceModel::kUnigram;
  std::vector<std::string> texts;  // a leading space says that a word begins
  std::vector<float> scores;

  bool empty() const { return texts.empty(); }
  bool operator==(const TextPieces&) const = default;
};

// The token of a text and its score, if it is a piece.
struct KnownPiece {
  int32_t token = 0;
  float score = 0;
};
using FindPiece = std::function<std::optional<KnownPiece>(std::string_view)>;

struct Segmentation {
  std::vector<int32_t> tokens;
  // Of the first of the word's characters that no piece reaches; then there are no tokens.
  std::optional<size_t> unknown;
};

// `word` in its characters; pieces have at most `longest` of them. Of equally good neighbours
// those further left are joined first.
Segmentation SegmentWord(const std::vector<std::string>& word, PieceModel model, size_t longest,
                         const FindPiece& find);

}  // namespace masr

#endif  // MOBILEASR_TEXT_PIECES_H_
