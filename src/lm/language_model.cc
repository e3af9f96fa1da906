#include "lm/language_model.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "io/file.h"
#include "lm/arpa.h"

namespace masr {
namespace {

constexpr std::string_view kFormatKey = "mobileasr.language_model";
constexpr std::string_view kFormat = "1";
constexpr std::string_view kUnitKey = "mobileasr.unit";
constexpr size_t kCodes = 256;
// ARPA files are read with at most 100 in log10; sums of a few of these stay far from a float's
// end.
constexpr float kLargestLn = 300.0f;
constexpr int32_t kMaxWordBytes = 1000;
constexpr size_t kNarrowWords = size_t{1} << 16;

// Adds the beginnings that n-grams lack, from the highest order down.
void AddMissingContexts(NgramModel& model) {
  for (int order = model.order(); order > 2; --order) {
    const Ngrams& ngrams = model.orders[static_cast<size_t>(order - 1)];
    const auto length = static_cast<size_t>(order - 1);
    std::vector<std::vector<int32_t>> missing;
    for (int64_t entry = 0; entry < ngrams.size(); ++entry) {
      const auto context =
          std::span(ngrams.words).subspan(static_cast<size_t>(entry * order), length);
      if (FindNgram(model, context) >= 0) continue;
      if (!missing.empty() && std::ranges::equal(missing.back(), context)) continue;
      missing.emplace_back(context.begin(), context.end());
    }
    if (missing.empty()) continue;
    Ngrams& contexts = model.orders[length - 1];
    std::vector<float> probabilities;
    probabilities.reserve(missing.size());
    for (const std::vector<int32_t>& ngram : missing) {
      probabilities.push_back(static_cast<float>(
          Log10Probability(model, std::span(ngram).first(length - 1), ngram.back())));
    }
    for (size_t i = 0; i < missing.size(); ++i) {
      contexts.words.insert(contexts.words.end(), missing[i].begin(), missing[i].end());
      contexts.log10_probability.push_back(probabilities[i]);
      contexts.log10_backoff.push_back(0.0f);
    }
    SortNgrams(model);
  }
}

// A table of 256 values: the extremes, and the means of bins of equal population between them;
// where there are fewer distinct values than that, they are the table.
std::vector<float> MakeTable(const std::vector<float>& values) {
  std::vector<float> sorted(values);
  std::sort(sorted.begin(), sorted.end());
  std::vector<float> distinct(sorted);
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  if (distinct.size() <= kCodes) {
    distinct.resize(kCodes, distinct.empty() ? 0.0f : distinct.back());
    return distinct;
  }
  std::vector<float> table = {sorted.front()};
  table.reserve(kCodes);
  constexpr size_t kBins = kCodes - 2;
  for (size_t bin = 0; bin < kBins; ++bin) {
    const size_t begin = sorted.size() * bin / kBins;
    const size_t end = std::max(sorted.size() * (bin + 1) / kBins, begin + 1);
    const double sum = std::accumulate(sorted.begin() + static_cast<ptrdiff_t>(begin),
                                       sorted.begin() + static_cast<ptrdiff_t>(end), 0.0);
    table.push_back(static_cast<float>(sum / static_cast<double>(end - begin)));
  }
  table.push_back(sorted.back());
  return table;
}

uint8_t Nearest(const std::vector<float>& table, float value) {
  const auto above = std::lower_bound(table.begin(), table.end(), value);
  if (above == table.begin()) return 0;
  const auto code = static_cast<size_t>(above - table.begin());
  if (above == table.end()) return kCodes - 1;
  const bool lower = value - table[code - 1] <= table[code] - value;
  return static_cast<uint8_t>(lower ? code - 1 : code);
}

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

LanguageModel::State LanguageModel::NoContext() {
  State state;
  state.entries.fill(-1);
  return state;
}

LanguageModel::Numbers LanguageModel::Store(const std::vector<float>& log10, bool quantize) {
  std::vector<float> ln(log10);
  for (float& value : ln) value *= std::numbers::ln10_v<float>;
  Numbers numbers;
  if (!quantize) {
    storage_->floats.push_back(std::move(ln));
    numbers.table = storage_->floats.back();
    return numbers;
  }
  storage_->floats.push_back(MakeTable(ln));
  const std::vector<float>& table = storage_->floats.back();
  std::vector<uint8_t> codes;
  codes.reserve(ln.size());
  for (float value : ln) codes.push_back(Nearest(table, value));
  storage_->bytes.push_back(std::move(codes));
  numbers.codes = storage_->bytes.back();
  numbers.table = table;
  return numbers;
}

Result<LanguageModel> LanguageModel::FromNgrams(NgramModel model, LanguageModelUnit unit,
                                                bool quantize) {
  while (model.order() > 1 && model.orders.back().size() == 0) model.orders.pop_back();
  SortWords(model);
  AddMissingContexts(model);
  LanguageModel compact;
  compact.unit_ = unit;
  Storage& storage = *compact.storage_;
  storage.bytes.emplace_back();
  storage.integers.emplace_back();
  for (const std::string& word : model.words) {
    if (word.size() > static_cast<size_t>(kMaxWordBytes)) {
      return Fail(ErrorCode::kUnsupported,
                  "the language model has a word of more than 1000 bytes; take it out");
    }
    storage.bytes.back().insert(storage.bytes.back().end(), word.begin(), word.end());
    if (storage.bytes.back().size() > INT32_MAX) {
      return Fail(ErrorCode::kUnsupported, "the words of the language model exceed 2 GiB");
    }
    storage.integers.back().push_back(static_cast<int32_t>(storage.bytes.back().size()));
  }
  compact.word_bytes_ = storage.bytes.back();
  compact.word_ends_ = storage.integers.back();
  for (int order = 1; order <= model.order(); ++order) {
    const Ngrams& ngrams = model.orders[static_cast<size_t>(order - 1)];
    if (ngrams.size() > INT32_MAX) {
      return Fail(ErrorCode::kUnsupported,
                  "more than 2^31 n-grams of order " + std::to_string(order) + "; prune the model");
    }
    Level level;
    std::vector<int32_t> last;
    last.reserve(static_cast<size_t>(ngrams.size()));
    for (int64_t entry = 0; entry < ngrams.size(); ++entry) {
      last.push_back(ngrams.words[static_cast<size_t>((entry + 1) * order - 1)]);
    }
    if (model.words.size() <= kNarrowWords) {
      storage.shorts.emplace_back(last.begin(), last.end());
      level.words.narrow = storage.shorts.back();
    } else {
      storage.integers.push_back(std::move(last));
      level.words.wide = storage.integers.back();
    }
    // Unigrams are few, and what is likely among them decides most: exact always.
    const bool codes = quantize && order > 1;
    level.probability = compact.Store(ngrams.log10_probability, codes);
    if (order < model.order()) {
      level.backoff = compact.Store(ngrams.log10_backoff, codes);
      // Both orders are sorted: the children of an entry follow those of the one before.
      const Ngrams& longer = model.orders[static_cast<size_t>(order)];
      std::vector<int32_t> children;
      children.reserve(static_cast<size_t>(ngrams.size()) + 1);
      int64_t child = 0;
      const auto length = static_cast<size_t>(order);
      for (int64_t entry = 0; entry < ngrams.size(); ++entry) {
        children.push_back(static_cast<int32_t>(child));
        const auto context =
            std::span(ngrams.words).subspan(static_cast<size_t>(entry) * length, length);
        while (child < longer.size() &&
               std::ranges::equal(
                   context, std::span(longer.words)
                                .subspan(static_cast<size_t>(child) * (length + 1), length))) {
          ++child;
        }
      }
      children.push_back(static_cast<int32_t>(child));
      storage.integers.push_back(std::move(children));
      level.children = storage.integers.back();
    }
    compact.levels_.push_back(level);
  }
  compact.SetBegin();
  return compact;
}

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

void LanguageModel::SetBegin() {
  begin_ = NoContext();
  begin_.entries[0] = kBeginWord;
}

int32_t LanguageModel::Child(int level, int32_t parent, int32_t word) const {
  const Level& above = levels_[static_cast<size_t>(level)];
  const Words& words = levels_[static_cast<size_t>(level) + 1].words;
  int32_t low = above.children[static_cast<size_t>(parent)];
  const int32_t end = above.children[static_cast<size_t>(parent) + 1];
  int32_t high = end;
  while (low < high) {
    const int32_t middle = low + (high - low) / 2;
    if (words[middle] < word) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < end && words[low] == word ? low : -1;
}

float LanguageModel::Score(const State& state, int32_t word, State& next) const {
  State after = NoContext();
  after.entries[0] = word;
  float score = levels_[0].probability[word];
  float backoff = 0;  // of the contexts longer than the one that knows the word
  // From the shortest context to the longest: the longest that knows the word decides.
  for (int level = 0; level + 1 < order(); ++level) {
    const int32_t context = state.entries[static_cast<size_t>(level)];
    if (context < 0) continue;
    const int32_t child = Child(level, context, word);
    if (child < 0) {
      backoff += levels_[static_cast<size_t>(level)].backoff[context];
      continue;
    }
    score = levels_[static_cast<size_t>(level) + 1].probability[child];
    backoff = 0;
    if (level + 2 < order()) after.entries[static_cast<size_t>(level) + 1] = child;
  }
  next = after;
  return score + backoff;
}

int32_t LanguageModel::Find(std::string_view searched) const {
  for (int32_t special : {kUnknownWord, kBeginWord, kEndWord}) {
    if (word(special) == searched) return special;
  }
  int32_t low = 3;
  int32_t high = words();
  while (low < high) {
    const int32_t middle = low + (high - low) / 2;
    if (word(middle) < searched) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < words() && word(low) == searched ? low : kUnknownWord;
}

std::string_view LanguageModel::word(int32_t index) const {
  const auto i = static_cast<size_t>(index);
  const int32_t begin = i == 0 ? 0 : word_ends_[i - 1];
  return {reinterpret_cast<const char*>(word_bytes_.data()) + begin,
          static_cast<size_t>(word_ends_[i] - begin)};
}

}  // namespace masr
