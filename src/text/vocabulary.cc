#include "text/vocabulary.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "text/normalizer.h"

namespace masr {
namespace {

Error NotInVocabulary(const std::string& character, size_t place) {
  return {ErrorCode::kInvalidArgument,
          "\"" + character + "\", character " + std::to_string(place) +
              " of the text, is not in the vocabulary; write numbers and signs as words, or leave "
              "the utterance out"};
}

}  // namespace

Status Vocabulary::Add(const std::string& text) {
  const auto index = static_cast<int32_t>(size());
  const auto [place, inserted] = index_.emplace(text, index);
  if (!inserted) {
    return Fail(ErrorCode::kInvalidArgument,
                "vocabulary: \"" + text + "\" is there twice, as tokens " +
                    std::to_string(place->second) + " and " + std::to_string(index));
  }
  tokens_.push_back(text);
  return {};
}

Result<Vocabulary> Vocabulary::FromCharacters(const std::vector<std::string>& characters) {
  if (characters.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "a vocabulary needs at least one character");
  }
  Vocabulary vocabulary;
  vocabulary.tokens_.emplace_back();
  for (const std::string& character : characters) {
    // An invalid byte comes back as another character.
    if (SplitCodePoints(character) != std::vector<std::string>{character}) {
      return Fail(ErrorCode::kInvalidArgument, "vocabulary: token " +
                                                   std::to_string(vocabulary.size()) + ", \"" +
                                                   character + "\", is not one UTF-8 character");
    }
    MASR_RETURN_IF_ERROR(vocabulary.Add(character));
  }
  return vocabulary;
}

Result<Vocabulary> Vocabulary::FromPieces(const TextPieces& pieces) {
  if (pieces.empty() || pieces.scores.size() != pieces.texts.size()) {
    return Fail(ErrorCode::kInvalidArgument,
                "a vocabulary of pieces needs at least one, and a score for each");
  }
  Vocabulary vocabulary;
  vocabulary.model_ = pieces.model;
  vocabulary.tokens_.emplace_back();
  vocabulary.scores_.push_back(0);
  for (size_t i = 0; i < pieces.texts.size(); ++i) {
    const std::string& text = pieces.texts[i];
    const std::vector<std::string> characters = SplitCodePoints(text);
    std::string again;
    for (const std::string& character : characters) again += character;
    if (text.empty() || again != text || text.find(' ', 1) != std::string::npos ||
        !std::isfinite(pieces.scores[i])) {
      return Fail(ErrorCode::kInvalidArgument,
                  "vocabulary: token " + std::to_string(vocabulary.size()) + ", \"" + text +
                      "\", is not UTF-8 text with a space at its beginning at most and a score");
    }
    MASR_RETURN_IF_ERROR(vocabulary.Add(text));
    vocabulary.scores_.push_back(pieces.scores[i]);
    vocabulary.longest_ = std::max(vocabulary.longest_, characters.size());
  }
  return vocabulary;
}

Vocabulary Vocabulary::English() {
  return *FromCharacters(SplitCodePoints(" 'abcdefghijklmnopqrstuvwxyz"));
}

std::vector<std::string> Vocabulary::characters() const {
  return {tokens_.begin() + 1, tokens_.end()};
}

Result<std::vector<int32_t>> Vocabulary::Encode(std::string_view text) const {
  if (has_pieces()) return EncodePieces(text);
  std::vector<int32_t> encoded;
  for (const std::string& character : SplitCodePoints(text)) {
    const auto found = index_.find(character);
    if (found == index_.end()) {
      return tl::unexpected(NotInVocabulary(character, encoded.size() + 1));
    }
    encoded.push_back(found->second);
  }
  return encoded;
}

Result<std::vector<int32_t>> Vocabulary::EncodePieces(std::string_view text) const {
  const auto find = [this](std::string_view piece) -> std::optional<KnownPiece> {
    const auto found = index_.find(piece);
    if (found == index_.end()) return std::nullopt;
    return KnownPiece{found->second, scores_[static_cast<size_t>(found->second)]};
  };
  const std::vector<std::string> characters = SplitCodePoints(text);
  std::vector<int32_t> encoded;
  for (auto end = characters.begin(); end != characters.end();) {
    // No piece goes on into the next word, so that each falls into pieces on its own.
    const auto begin = std::find_if(end, characters.end(), [](const auto& c) { return c != " "; });
    if (begin == characters.end()) break;
    end = std::find(begin, characters.end(), " ");
    std::vector<std::string> word = {" "};
    word.insert(word.end(), begin, end);
    const Segmentation pieces = SegmentWord(word, model_, longest_, find);
    if (pieces.unknown) {
      const size_t place = static_cast<size_t>(begin - characters.begin()) + *pieces.unknown;
      return tl::unexpected(NotInVocabulary(word[*pieces.unknown], place));
    }
    encoded.insert(encoded.end(), pieces.tokens.begin(), pieces.tokens.end());
  }
  return encoded;
}

std::string Vocabulary::Decode(std::span<const int32_t> tokens) const {
  std::string text;
  for (int32_t token : tokens) {
    MASR_DCHECK(token >= 0 && token < size());
    text += tokens_[static_cast<size_t>(token)];
  }
  if (has_pieces() && text.starts_with(' ')) text.erase(0, 1);
  return text;
}

}  // namespace masr
