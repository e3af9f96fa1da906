// Tokens of a CTC output: index 0 is the blank. Character vocabularies split text into code points,
// vocabularies of pieces each word into pieces (text/pieces.h).
#ifndef MOBILEASR_TEXT_VOCABULARY_H_
#define MOBILEASR_TEXT_VOCABULARY_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/pieces.h"

namespace masr {

class Vocabulary {
 public:
  static constexpr int32_t kBlank = 0;

  // The tokens in order, without the blank, each one UTF-8 code point; duplicates are refused.
  static Result<Vocabulary> FromCharacters(const std::vector<std::string>& characters);
  // The pieces in order, without the blank. Duplicates, pieces that are no text, and spaces after
  // the first character of one are refused, as are scores that are missing or not finite.
  static Result<Vocabulary> FromPieces(const TextPieces& pieces);
  // Space, apostrophe, a to z: 29 tokens with the blank.
  static Vocabulary English();

  int64_t size() const { return static_cast<int64_t>(tokens_.size()); }
  // Token 0 is the empty string.
  const std::string& token(int32_t index) const { return tokens_[index]; }
  // Whether tokens are pieces: then a text begins with a space, as each of its words does.
  bool has_pieces() const { return !scores_.empty(); }
  // The tokens without the blank, as given to FromCharacters.
  std::vector<std::string> characters() const;

  // Fails on a code point that is not in the vocabulary, naming it and its position. Of pieces, a
  // text's spaces count as one between words and none at the ends.
  Result<std::vector<int32_t>> Encode(std::string_view text) const;
  // Joins the tokens, skipping blanks; the caller has collapsed repeats. The space that the first
  // piece begins with is left out.
  std::string Decode(std::span<const int32_t> tokens) const;

 private:
  Status Add(const std::string& text);
  Result<std::vector<int32_t>> EncodePieces(std::string_view text) const;

  std::vector<std::string> tokens_;
  std::map<std::string, int32_t, std::less<>> index_;
  PieceModel model_ = PieceModel::kUnigram;
  std::vector<float> scores_;  // by token, of pieces
  size_t longest_ = 0;         // of the pieces, in characters
};

}  // namespace masr

#endif  // MOBILEASR_TEXT_VOCABULARY_H_
