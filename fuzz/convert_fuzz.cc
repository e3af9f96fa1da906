// Any bytes as what comes with another framework's model: refused with a message, or read to
// something that texts can be spelled in. A first byte 'v' is followed by a SentencePiece
// vocabulary, any other by a model_config.yaml of NVIDIA NeMo's.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "convert/nemo_config.h"
#include "convert/sentence_pieces.h"
#include "text/vocabulary.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

template <class T>
bool Accepted(const masr::Result<T>& result) {
  if (!result.has_value()) Require(!result.error().message.empty());
  return result.has_value();
}

void TryPieces(std::string_view bytes) {
  const auto read = masr::ParseSentencePieces(bytes, "fuzz");
  if (!Accepted(read)) return;
  Require(read->numbers.size() == read->pieces.texts.size());
  Require(read->numbers.size() == read->pieces.scores.size());
  for (const int64_t number : read->numbers) Require(number >= 0 && number < read->count);
  const auto vocabulary = masr::Vocabulary::FromPieces(read->pieces);
  if (!Accepted(vocabulary)) return;
  for (const std::string& text : read->pieces.texts) {
    const auto tokens = vocabulary->Encode(text);
    if (!Accepted(tokens)) continue;
    for (const int32_t token : *tokens) {
      Require(token > 0 && static_cast<size_t>(token) <= read->pieces.texts.size());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == 'v') {
    TryPieces(bytes);
  } else {
    Accepted(masr::ParseNemoConfig(std::string(bytes), "fuzz"));
  }
  return 0;
}
