#include "convert/huggingface_vocabulary.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "io/config_reader.h"
#include "text/normalizer.h"

namespace masr {
namespace {

bool IsBracketed(const std::string& token) {
  return token.size() > 2 && ((token.front() == '<' && token.back() == '>') ||
                              (token.front() == '[' && token.back() == ']'));
}

bool IsAsciiLetter(const std::string& c, char first) {
  return c.size() == 1 && c[0] >= first && c[0] < first + 26;
}

// Of ASCII, and of Latin-1's letters (U+00C0 to U+00DE but for the sign of multiplication).
std::string Lowered(const std::string& c) {
  if (IsAsciiLetter(c, 'A')) return {static_cast<char>(c[0] + 32)};
  if (c.size() == 2 && c[0] == '\xc3') {
    const auto low = static_cast<unsigned char>(c[1]);
    if (low >= 0x80 && low <= 0x9e && low != 0x97) return {c[0], static_cast<char>(low + 32)};
  }
  return c;
}

// The token of each number; empty where vocab.json has none.
Result<std::vector<std::string>> TokensByNumber(const nlohmann::json& json,
                                                const std::string& where, int64_t tokens) {
  if (!json.is_object()) {
    return Fail(ErrorCode::kCorrupt, where + ": must be an object of tokens and numbers");
  }
  std::vector<std::string> names(static_cast<size_t>(tokens));
  for (const auto& [token, number] : json.items()) {
    if (!number.is_number_integer()) {
      return Fail(ErrorCode::kUnsupported,
                  where + ": '" + token +
                      "' has no number; a vocabulary for each language is not supported, write "
                      "that of one language to the file");
    }
    const auto n = number.get<int64_t>();
    if (n < 0 || n >= tokens) {
      return Fail(ErrorCode::kCorrupt, where + ": '" + token + "' is number " + std::to_string(n) +
                                           " but config.json says that there are " +
                                           std::to_string(tokens));
    }
    std::string& name = names[static_cast<size_t>(n)];
    if (!name.empty()) {
      return Fail(ErrorCode::kCorrupt, where + ": '" + name + "' and '" + token +
                                           "' have the same number, " + std::to_string(n));
    }
    name = token;
  }
  return names;
}

}  // namespace

Result<SourceVocabulary> ParseCtcVocabulary(std::string_view text, const std::string& where,
                                            int64_t blank, int64_t tokens,
                                            const std::string& delimiter) {
  MASR_TRY(const nlohmann::json json, ParseConfig(text, where));
  MASR_TRY(const std::vector<std::string> names, TokensByNumber(json, where, tokens));
  SourceVocabulary vocabulary;
  vocabulary.rows.push_back(blank);
  for (int64_t n = 0; n < tokens; ++n) {
    const std::string& name = names[static_cast<size_t>(n)];
    if (n == blank) continue;
    if (name.empty() || IsBracketed(name)) {
      vocabulary.dropped.push_back(name.empty() ? "number " + std::to_string(n) : name);
      continue;
    }
    if (name != delimiter && SplitCodePoints(name) != std::vector<std::string>{name}) {
      return Fail(ErrorCode::kUnsupported, where + ": the token '" + name +
                                               "' is not one character; vocabularies of longer "
                                               "pieces are not supported");
    }
    vocabulary.characters.push_back(name == delimiter ? " " : name);
    vocabulary.rows.push_back(n);
  }
  const auto& all = vocabulary.characters;
  if (std::ranges::any_of(all, [](const auto& c) { return IsAsciiLetter(c, 'A'); }) &&
      std::ranges::none_of(all, [](const auto& c) { return IsAsciiLetter(c, 'a'); })) {
    std::ranges::transform(all, vocabulary.characters.begin(), Lowered);
    vocabulary.lowered = true;
  }
  return vocabulary;
}

}  // namespace masr
