#include "convert/sentence_pieces.h"

#include <cstring>

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

// A protobuf message's fields, one after the other.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}

  // The next field, whose number it gives; 0 at the end, and where the message is damaged.
  uint64_t Next() {
    text_ = {};
    number_ = 0;
    if (rest_.empty() || !good_) return 0;
    const uint64_t tag = Varint();
    switch (tag & 7) {
      case 0:
        number_ = Varint();
        break;
      case 1:
        text_ = Take(8);
        break;
      case 2:
        text_ = Take(Varint());
        break;
      case 5:
        text_ = Take(4);
        break;
      default:
        good_ = false;
    }
    return good_ ? tag >> 3 : 0;
  }

  bool good() const { return good_; }
  std::string_view text() const { return text_; }
  int32_t number() const { return static_cast<int32_t>(number_); }
  float real() const {
    float value = 0;
    if (text_.size() == sizeof(value)) std::memcpy(&value, text_.data(), sizeof(value));
    return value;
  }

 private:
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    good_ = false;
    return 0;
  }
  std::string_view Take(uint64_t count) {
    if (count > rest_.size()) good_ = false;
    const std::string_view taken = good_ ? rest_.substr(0, count) : std::string_view();
    rest_.remove_prefix(taken.size());
    return taken;
  }

  std::string_view rest_;
  std::string_view text_;
  uint64_t number_ = 0;
  bool good_ = true;
};

// Each gives whether the message was undamaged.
bool ReadPiece(std::string_view bytes, Piece& piece) {
  Fields fields(bytes);
  while (const uint64_t field = fields.Next()) {
    if (field == 1) piece.text = fields.text();
    if (field == 2) piece.score = fields.real();
    if (field == 3) piece.kind = fields.number();
  }
  return fields.good();
}

bool ReadTrainer(std::string_view bytes, File& file) {
  Fields fields(bytes);
  while (const uint64_t field = fields.Next()) {
    if (field == 3) file.model = fields.number();
    if (field == 24) file.space_after = fields.number() != 0;
  }
  return fields.good();
}

bool ReadFile(std::string_view bytes, File& file) {
  Fields fields(bytes);
  while (const uint64_t field = fields.Next()) {
    if (field == 1 && !ReadPiece(fields.text(), file.pieces.emplace_back())) return false;
    if (field == 2 && !ReadTrainer(fields.text(), file)) return false;
  }
  return fields.good();
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
  if (!ReadFile(bytes, file)) {
    return Fail(ErrorCode::kCorrupt, where + ": no SentencePiece vocabulary, or a damaged one");
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
