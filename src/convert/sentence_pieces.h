// A SentencePiece vocabulary (tokenizer.model, sentencepiece_model.proto).
#ifndef MOBILEASR_CONVERT_SENTENCE_PIECES_H_
#define MOBILEASR_CONVERT_SENTENCE_PIECES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/pieces.h"

namespace masr {

struct SentencePieces {
  TextPieces pieces;                 // ours, in the order of their numbers
  std::vector<int64_t> numbers;      // theirs of each of ours
  int64_t count = 0;                 // of theirs
  std::vector<std::string> dropped;  // that no text has: <unk>, <s> and the like
};

// kUnsupported, with the reason, for vocabularies of whole words, pieces of bytes, symbols that are
// matched before all else, and spaces at the end of words; kCorrupt for what is none. `bytes` are
// the file's.
Result<SentencePieces> ParseSentencePieces(std::string_view bytes, const std::string& where);

}  // namespace masr

#endif  // MOBILEASR_CONVERT_SENTENCE_PIECES_H_
