// Any bytes as an ARPA file (first byte even) or as a compact language model (odd): what is
// accepted can be asked about any words, and answers with finite numbers.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "lm/arpa.h"
#include "lm/language_model.h"
#include "lm/prune.h"

namespace {

constexpr int32_t kAsked = 32;

void Ask(const masr::LanguageModel& model) {
  masr::LanguageModel::State state = model.Begin();
  for (int32_t i = 0; i < kAsked; ++i) {
    const int32_t word = static_cast<int32_t>((int64_t{i} * 2654435761) % model.words());
    if (!std::isfinite(model.Score(state, word, state))) std::abort();
    if (model.Find(model.word(word)) != word) std::abort();
  }
  model.Score(state, masr::kEndWord, state);
}

void TryArpa(std::string_view text) {
  auto open = masr::ParseArpa(text, "fuzz.arpa");
  if (!open.has_value()) {
    if (open.error().message.find("fuzz.arpa") != 0) std::abort();
    return;
  }
  for (const bool quantize : {false, true}) {
    const auto model =
        masr::LanguageModel::FromNgrams(*open, masr::LanguageModelUnit::kWord, quantize);
    if (!model.has_value()) return;  // a word that is too long
    Ask(*model);
  }
  masr::PruneByEntropy(*open, 1e-6);
  const auto pruned =
      masr::LanguageModel::FromNgrams(std::move(*open), masr::LanguageModelUnit::kWord, false);
  if (!pruned.has_value()) std::abort();
  Ask(*pruned);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::span<const uint8_t> bytes(data + 1, size - 1);
  if (data[0] % 2 == 0) {
    TryArpa({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    return 0;
  }
  const auto model = masr::LanguageModel::Parse(bytes);
  if (model.has_value()) {
    Ask(*model);
  } else if (model.error().message.empty()) {
    std::abort();
  }
  return 0;
}
