// The file form of a language model: one safetensors file of flat arrays, mapped.
#include <algorithm>
#include <cmath>
#include <utility>

#include "io/file.h"
#include "lm/arpa.h"
#include "lm/language_model.h"

namespace masr {
namespace {

constexpr std::string_view kFormatKey = "mobileasr.language_model";
constexpr std::string_view kFormat = "1";
constexpr std::string_view kUnitKey = "mobileasr.unit";
// ARPA files are read with at most 100 in log10; sums of a few of these stay far from a float's
// end.
constexpr float kLargestLn = 300.0f;

template <class T>
std::span<const uint8_t> BytesOf(std::span<const T> values) {
  return {reinterpret_cast<const uint8_t*>(values.data()), values.size_bytes()};
}

template <class T>
std::span<const T> ValuesOf(const TensorEntry& tensor) {
  return {reinterpret_cast<const T*>(tensor.bytes.data()), tensor.bytes.size() / sizeof(T)};
}

std::string Name(int order, const char* what) {
  return "ngrams." + std::to_string(order) + "." + what;
}

Result<const TensorEntry*> Require(const SafetensorsFile& file, const std::string& name,
                                   DType dtype) {
  const TensorEntry* tensor = file.Find(name);
  if (tensor == nullptr) {
    return Fail(ErrorCode::kCorrupt, "the language model lacks the tensor \"" + name + "\"");
  }
  if (tensor->dtype != dtype || tensor->shape.size() != 1) {
    return Fail(ErrorCode::kCorrupt,
                "the tensor \"" + name + "\" should be a list of " + std::string(DTypeName(dtype)));
  }
  return tensor;
}

}  // namespace

Status LanguageModel::Save(const std::string& path,
                           const std::map<std::string, std::string>& metadata) const {
  std::vector<TensorEntry> tensors;
  const auto add = [&](std::string name, DType dtype, std::span<const uint8_t> bytes) {
    tensors.push_back(
        {std::move(name), dtype, {static_cast<int64_t>(bytes.size() / DTypeBytes(dtype))}, bytes});
  };
  add("words.bytes", DType::kU8, word_bytes_);
  add("words.ends", DType::kI32, BytesOf(word_ends_));
  const auto add_numbers = [&](int order, const char* what, const Numbers& numbers) {
    if (!numbers.codes.empty()) add(Name(order, what), DType::kU8, numbers.codes);
    const std::string table = numbers.codes.empty() ? "" : ".table";
    add(Name(order, what) + table, DType::kF32, BytesOf(numbers.table));
  };
  for (int order = 1; order <= this->order(); ++order) {
    const Level& level = levels_[static_cast<size_t>(order - 1)];
    if (level.words.wide.empty()) {
      add(Name(order, "words"), DType::kI16, BytesOf(level.words.narrow));
    } else {
      add(Name(order, "words"), DType::kI32, BytesOf(level.words.wide));
    }
    add_numbers(order, "probability", level.probability);
    if (order == this->order()) continue;
    add_numbers(order, "backoff", level.backoff);
    add(Name(order, "children"), DType::kI32, BytesOf(level.children));
  }
  auto all = metadata;
  all.emplace(kFormatKey, kFormat);
  all.emplace(kUnitKey, unit_ == LanguageModelUnit::kWord ? "word" : "character");
  return WriteSafetensors(path, tensors, all);
}

Result<LanguageModel> LanguageModel::Open(const std::string& path) {
  {
    MASR_TRY(const MappedFile file, MappedFile::Open(path));
    const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()),
                                file.bytes().size());
    // Safetensors begin with a small number in 8 bytes, hence with a zero among the first ones;
    // text has none.
    if (text.substr(0, 8).find('\0') == std::string_view::npos) {
      MASR_TRY(NgramModel model, ParseArpa(text, path));
      return FromNgrams(std::move(model), LanguageModelUnit::kWord, false);
    }
  }
  auto file = SafetensorsFile::Open(path);
  if (!file.has_value()) return tl::unexpected(std::move(file.error()));
  auto model = FromFile(std::move(*file));
  if (!model.has_value()) return Fail(path, std::move(model.error()));
  return model;
}

Result<LanguageModel> LanguageModel::Parse(std::span<const uint8_t> bytes) {
  MASR_TRY(SafetensorsFile file, SafetensorsFile::Parse(bytes));
  return FromFile(std::move(file));
}

Result<LanguageModel> LanguageModel::FromFile(SafetensorsFile opened) {
  LanguageModel model;
  model.storage_->file = std::move(opened);
  const SafetensorsFile& file = model.storage_->file;
  model.metadata_ = file.metadata();
  const auto format = model.metadata_.find(std::string(kFormatKey));
  const auto unit = model.metadata_.find(std::string(kUnitKey));
  if (format == model.metadata_.end() || unit == model.metadata_.end()) {
    return Fail(ErrorCode::kCorrupt, "not a language model of MobileASR (no \"" +
                                         std::string(kFormatKey) + "\" in its metadata)");
  }
  if (format->second != kFormat || (unit->second != "word" && unit->second != "character")) {
    return Fail(ErrorCode::kUnsupported, "a language model of format \"" + format->second +
                                             "\", unit \"" + unit->second +
                                             "\"; this build reads format " + std::string(kFormat));
  }
  if (unit->second == "character") model.unit_ = LanguageModelUnit::kCharacter;
  model.metadata_.erase(std::string(kFormatKey));
  model.metadata_.erase(std::string(kUnitKey));

  MASR_TRY(const TensorEntry* bytes, Require(file, "words.bytes", DType::kU8));
  MASR_TRY(const TensorEntry* ends, Require(file, "words.ends", DType::kI32));
  model.word_bytes_ = bytes->bytes;
  model.word_ends_ = ValuesOf<int32_t>(*ends);

  const auto numbers = [&](int order, const char* what) -> Result<Numbers> {
    Numbers read;
    const TensorEntry* codes = file.Find(Name(order, what));
    if (codes != nullptr && codes->dtype == DType::kU8) {
      MASR_TRY(const TensorEntry* table, Require(file, Name(order, what) + ".table", DType::kF32));
      read.codes = codes->bytes;
      read.table = ValuesOf<float>(*table);
      return read;
    }
    MASR_TRY(const TensorEntry* exact, Require(file, Name(order, what), DType::kF32));
    read.table = ValuesOf<float>(*exact);
    return read;
  };
  while (file.Find(Name(model.order() + 1, "words")) != nullptr) {
    const int order = model.order() + 1;
    if (order > kMaxNgramOrder) {
      return Fail(ErrorCode::kUnsupported,
                  "a language model of an order above " + std::to_string(kMaxNgramOrder));
    }
    Level level;
    const TensorEntry* words = file.Find(Name(order, "words"));
    if (words->dtype == DType::kI16) {
      level.words.narrow = ValuesOf<uint16_t>(*words);
    } else {
      MASR_TRY(words, Require(file, Name(order, "words"), DType::kI32));
      level.words.wide = ValuesOf<int32_t>(*words);
    }
    MASR_TRY(level.probability, numbers(order, "probability"));
    if (file.Find(Name(order + 1, "words")) != nullptr) {
      MASR_TRY(level.backoff, numbers(order, "backoff"));
      MASR_TRY(const TensorEntry* children, Require(file, Name(order, "children"), DType::kI32));
      level.children = ValuesOf<int32_t>(*children);
    }
    model.levels_.push_back(level);
  }
  MASR_RETURN_IF_ERROR(model.Validate());
  model.SetBegin();
  return model;
}

// Everything that Score, Find and word rely on.
Status LanguageModel::Validate() const {
  const auto corrupt = [](const std::string& what) {
    return Fail(ErrorCode::kCorrupt,
                "the language model is damaged: " + what + "; copy or make it again");
  };
  if (levels_.empty()) return corrupt("it has no n-grams");
  int64_t previous = 0;
  for (int32_t end : word_ends_) {
    if (end < previous || end > static_cast<int64_t>(word_bytes_.size())) {
      return corrupt("\"words.ends\" does not ascend within \"words.bytes\"");
    }
    if (end - previous > kMaxWordBytes) return corrupt("a word of more than 1000 bytes");
    previous = end;
  }
  if (words() < 3 || word(kUnknownWord) != "<unk>" || word(kBeginWord) != "<s>" ||
      word(kEndWord) != "</s>") {
    return corrupt("its first words are not <unk>, <s>, </s>");
  }
  for (int32_t i = kEndWord + 2; i < words(); ++i) {
    if (!(word(i - 1) < word(i))) return corrupt("its words are not in order");
  }
  if (levels_[0].size() != words()) return corrupt("there is not one unigram for each word");
  const auto fits = [](const Numbers& numbers, int64_t size) {
    return numbers.codes.empty() ? static_cast<int64_t>(numbers.table.size()) == size
                                 : static_cast<int64_t>(numbers.codes.size()) == size &&
                                       numbers.table.size() == kCodes;
  };
  for (size_t i = 0; i < levels_.size(); ++i) {
    const Level& level = levels_[i];
    const auto of_order = [&](const char* what) {
      return std::string("\"") + Name(static_cast<int>(i) + 1, what) + "\" ";
    };
    if (!fits(level.probability, level.size())) {
      return corrupt(of_order("probability") + "has another length than \"words\"");
    }
    const auto probability = [](float ln) { return ln >= -kLargestLn && ln <= 0; };
    const auto backoff = [](float ln) { return std::abs(ln) <= kLargestLn; };
    if (!std::ranges::all_of(level.probability.table, probability) ||
        !std::ranges::all_of(level.backoff.table, backoff)) {
      return corrupt("a probability or back-off weight of order " + std::to_string(i + 1) +
                     " is out of range");
    }
    if (i + 1 == levels_.size()) break;
    if (!fits(level.backoff, level.size())) {
      return corrupt(of_order("backoff") + "has another length than \"words\"");
    }
    if (static_cast<int64_t>(level.children.size()) != level.size() + 1 ||
        level.children.front() < 0 || level.children.back() > levels_[i + 1].size() ||
        !std::ranges::is_sorted(level.children)) {
      return corrupt(of_order("children") + "does not ascend within the next order");
    }
    const Words& below = levels_[i + 1].words;
    for (int64_t entry = 0; entry < level.size(); ++entry) {
      const auto e = static_cast<size_t>(entry);
      for (int32_t child = level.children[e] + 1; child < level.children[e + 1]; ++child) {
        if (below[child - 1] >= below[child]) return corrupt("n-grams are not in order");
      }
    }
  }
  return {};
}

}  // namespace masr
