#include "convert/sentence_pieces.h"

#include <algorithm>
#include <optional>
#include <protozero/pbf_reader.hpp>

namespace masr {
namespace {

using Wire = protozero::pbf_wire_type;

constexpr std::string_view kSpace = "\u2581";

enum Kind : int32_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6
};

struct Piece {
  std::string text;
  float score = 0;
  int32_t kind = kNormal;
};

struct File {
  std::vector<Piece> pieces;
  int32_t model = 1;  // unigram, bpe, word, char
  bool space_after = false;
};

// These throw what protozero throws of a damaged message. Numbers of fields are those of
// sentencepiece_model.proto.
Piece ReadPiece(protozero::pbf_reader message) {
  Piece piece;
  while (message.next()) {
    if (message.tag_and_type() == protozero::tag_and_type(1, Wire::length_delimited)) {
      piece.text = message.get_string();
    } else if (message.tag_and_type() == protozero::tag_and_type(2, Wire::fixed32)) {
      piece.score = message.get_float();
    } else if (message.tag_and_type() == protozero::tag_and_type(3, Wire::varint)) {
      piece.kind = message.get_enum();
    } else {
      message.skip();
    }
  }
  return piece;
}

void ReadTrainer(protozero::pbf_reader message, File& file) {
  while (message.next()) {
    if (message.tag_and_type() == protozero::tag_and_type(3, Wire::varint)) {
      file.model = message.get_enum();
    } else if (message.tag_and_type() == protozero::tag_and_type(24, Wire::varint)) {
      file.space_after = message.get_bool();
    } else {
      message.skip();
    }
  }
}

std::optional<File> ReadFile(std::string_view bytes) {
  try {
    File file;
    protozero::pbf_reader message(bytes.data(), bytes.size());
    while (message.next()) {
      if (message.tag_and_type() == protozero::tag_and_type(1, Wire::length_delimited)) {
        file.pieces.push_back(ReadPiece(message.get_message()));
      } else if (message.tag_and_type() == protozero::tag_and_type(2, Wire::length_delimited)) {
        ReadTrainer(message.get_message(), file);
      } else {
        message.skip();
      }
    }
    return file;
  } catch (const protozero::exception&) {
    return std::nullopt;
  }
}

// Ours of theirs: a space where they have U+2581.
std::string Ours(std::string_view text) {
  std::string ours;
  while (!text.empty()) {
    const size_t at = std::min(text.find(kSpace), text.size());
    ours += text.substr(0, at);
    if (at == text.size()) break;
    ours += ' ';
    text.remove_prefix(at + kSpace.size());
  }
  return ours;
}

}  // namespace

Result<SentencePieces> ParseSentencePieces(std::string_view bytes, const std::string& where) {
  std::optional<File> read = ReadFile(bytes);
  if (!read) {
    return Fail(ErrorCode::kCorrupt, where + ": no SentencePiece vocabulary, or a damaged one");
  }
  File& file = *read;
  const auto unsupported = [&](const std::string& what) {
    return Fail(ErrorCode::kUnsupported, where + ": " + what);
  };
  if (file.pieces.empty()) {
    return Fail(ErrorCode::kCorrupt, where + ": a SentencePiece vocabulary without any piece");
  }
  if (file.model == 3) return unsupported("a vocabulary of whole words is not supported");
  if (file.space_after) return unsupported("spaces at the end of pieces are not supported");
  SentencePieces found;
  // A vocabulary of characters falls into pieces in one way only.
  found.pieces.model = file.model == 2 ? PieceModel::kBpe : PieceModel::kUnigram;
  found.count = static_cast<int64_t>(file.pieces.size());
  for (size_t i = 0; i < file.pieces.size(); ++i) {
    Piece& piece = file.pieces[i];
    switch (piece.kind) {
      case kNormal:
        found.pieces.texts.push_back(Ours(piece.text));
        found.pieces.scores.push_back(piece.score);
        found.numbers.push_back(static_cast<int64_t>(i));
        break;
      case kUnknown:
      case kControl:
      case kUnused:
        found.dropped.push_back(piece.text);
        break;
      case kByte:
        return unsupported("pieces that are bytes ('" + piece.text + "') are not supported");
      default:
        return unsupported("the symbol '" + piece.text +
                           "' is matched before all else, which is not supported");
    }
  }
  return found;
}

}  // namespace masr
