#include "text/vocabulary.h"

#include "base/check.h"
#include "text/normalizer.h"

namespace masr {

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
    const auto index = static_cast<int32_t>(vocabulary.size());
    const auto [place, inserted] = vocabulary.index_.emplace(character, index);
    if (!inserted) {
      return Fail(ErrorCode::kInvalidArgument,
                  "vocabulary: \"" + character + "\" is there twice, as tokens " +
                      std::to_string(place->second) + " and " + std::to_string(index));
    }
    vocabulary.tokens_.push_back(character);
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
  std::vector<int32_t> encoded;
  for (const std::string& character : SplitCodePoints(text)) {
    const auto found = index_.find(character);
    if (found == index_.end()) {
      return Fail(ErrorCode::kInvalidArgument,
                  "\"" + character + "\", character " + std::to_string(encoded.size() + 1) +
                      " of the text, is not in the vocabulary; write numbers and signs as words, "
                      "or leave the utterance out");
    }
    encoded.push_back(found->second);
  }
  return encoded;
}

std::string Vocabulary::Decode(std::span<const int32_t> tokens) const {
  std::string text;
  for (int32_t token : tokens) {
    MASR_DCHECK(token >= 0 && token < size());
    text += tokens_[static_cast<size_t>(token)];
  }
  return text;
}

}  // namespace masr
