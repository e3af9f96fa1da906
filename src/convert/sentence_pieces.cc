#include "convert/sentence_pieces.h"

#include <protozero/pbf_reader.hpp>

namespace masr {
namespace {

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

std::string ToText(protozero::data_view view) { return {view.data(), view.size()}; }

Piece ReadPiece(protozero::pbf_reader reader) {
  Piece piece;
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        piece.text = ToText(reader.get_view());
        break;
      case 2:
        piece.score = reader.get_float();
        break;
      case 3:
        piece.kind = reader.get_enum();
        break;
      default:
        reader.skip();
    }
  }
  return piece;
}

File ReadFile(std::string_view bytes) {
  File file;
  protozero::pbf_reader reader(bytes.data(), bytes.size());
  while (reader.next()) {
    if (reader.tag() == 1) {
      file.pieces.push_back(ReadPiece(reader.get_message()));
      continue;
    }
    if (reader.tag() != 2) {
      reader.skip();
      continue;
    }
    protozero::pbf_reader trainer = reader.get_message();
    while (trainer.next()) {
      if (trainer.tag() == 3) {
        file.model = trainer.get_enum();
      } else if (trainer.tag() == 24) {
        file.space_after = trainer.get_bool();
      } else {
        trainer.skip();
      }
    }
  }
  return file;
}

// Ours of theirs: a space where they have U+2581.
std::string Ours(std::string text) {
  for (size_t at = text.find(kSpace); at != std::string::npos; at = text.find(kSpace, at + 1)) {
    text.replace(at, kSpace.size(), " ");
  }
  return text;
}

}  // namespace

Result<SentencePieces> ParseSentencePieces(std::string_view bytes, const std::string& where) {
  File file;
  try {
    file = ReadFile(bytes);
  } catch (const protozero::exception& error) {
    return Fail(ErrorCode::kCorrupt,
                where + ": no SentencePiece vocabulary (" + std::string(error.what()) + ")");
  }
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
        found.pieces.texts.push_back(Ours(std::move(piece.text)));
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
