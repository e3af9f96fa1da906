#include "lm/arpa.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>
#include <vector>

#include "base/number_text.h"
#include "io/file.h"

namespace masr {
namespace {

// What SRILM and KenLM take for the probability of a word that the model says nothing of.
constexpr float kMissing = -100.0f;

// A back-off weight above this is a mistake, and would leave the floats.
constexpr float kLargest = 100.0f;

using Fields = std::vector<std::string_view>;

std::string_view Trim(std::string_view line) {
  const size_t begin = line.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(" \t\r") - begin + 1);
}

std::string_view Canonical(std::string_view word) { return word == "<UNK>" ? "<unk>" : word; }

void Split(std::string_view line, Fields& fields) {
  fields.clear();
  for (size_t at = line.find_first_not_of(" \t"); at != std::string_view::npos;
       at = line.find_first_not_of(" \t", at)) {
    const size_t end = std::min(line.find_first_of(" \t", at), line.size());
    fields.push_back(line.substr(at, end - at));
    at = end;
  }
}

Result<float> ParseLog10(std::string_view field, const char* what) {
  const std::optional<double> value = ParseDouble(field);
  if (!value || std::isnan(*value) || *value > kLargest) {
    return Fail(ErrorCode::kCorrupt,
                std::string(what) + " \"" + std::string(field) + "\" is not a number up to 100");
  }
  // Minus infinity, too, is written by some.
  return std::max(static_cast<float>(*value), kMissing);
}

class Parser {
 public:
  Parser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  Result<NgramModel> Parse() {
    Status status = ReadAll();
    if (!status.has_value()) {
      return Fail(name_ + ": line " + std::to_string(line_number_), std::move(status.error()));
    }
    MASR_RETURN_IF_ERROR(Complete());
    return std::move(model_);
  }

 private:
  // The next line that is not blank; false at the end of the file.
  bool Next() {
    while (at_ < text_.size()) {
      const size_t end = std::min(text_.find('\n', at_), text_.size());
      line_ = Trim(text_.substr(at_, end - at_));
      at_ = end + 1;
      ++line_number_;
      if (!line_.empty()) return true;
    }
    return false;
  }

  static tl::unexpected<Error> Corrupt(std::string message) {
    return Fail(ErrorCode::kCorrupt, std::move(message));
  }

  Status ReadAll() {
    // What comes before \data\ is a comment.
    bool found = Next();
    while (found && line_ != "\\data\\") found = Next();
    if (!found) return Corrupt("there is no line \\data\\: this is not an ARPA file");
    MASR_RETURN_IF_ERROR(ReadCounts());
    for (size_t order = 1; order <= counts_.size(); ++order) {
      MASR_RETURN_IF_ERROR(ReadSection(static_cast<int>(order)));
    }
    if (line_ != "\\end\\") return Corrupt("\\end\\ should follow the last n-gram");
    return {};
  }

  Status ReadCounts() {
    bool found = Next();
    for (; found && line_.starts_with("ngram "); found = Next()) {
      const std::string_view rest = Trim(line_.substr(6));
      const size_t equals = rest.find('=');
      int64_t order = 0;
      int64_t count = 0;
      if (equals == std::string_view::npos || !ReadCount(Trim(rest.substr(0, equals)), order) ||
          !ReadCount(Trim(rest.substr(equals + 1)), count)) {
        return Corrupt("expected \"ngram ORDER=COUNT\"");
      }
      if (order != static_cast<int64_t>(counts_.size()) + 1) {
        return Corrupt("the orders should be 1, 2, 3, ...");
      }
      if (order > kMaxNgramOrder) {
        return Fail(ErrorCode::kUnsupported, "an order above " + std::to_string(kMaxNgramOrder) +
                                                 "; train or prune a smaller model");
      }
      counts_.push_back(count);
    }
    if (counts_.empty()) return Corrupt("\\data\\ announces no n-grams");
    if (!found) return Corrupt("the file ends after \\data\\");
    model_ = EmptyNgramModel(static_cast<int>(counts_.size()));
    return {};
  }

  static bool ReadCount(std::string_view field, int64_t& value) {
    value = ParseInteger<int64_t>(field).value_or(-1);
    return value >= 0;
  }

  // Leaves the line after the section in line_.
  Status ReadSection(int order) {
    const std::string header = "\\" + std::to_string(order) + "-grams:";
    if (line_ != header) return Corrupt("expected " + header);
    const int64_t announced = counts_[static_cast<size_t>(order - 1)];
    int64_t read = 0;
    Fields fields;
    bool found = Next();
    for (; found && !line_.starts_with('\\'); found = Next()) {
      if (++read > announced) {
        return Corrupt("more " + std::to_string(order) + "-grams than the " +
                       std::to_string(announced) + " that \\data\\ announces");
      }
      Split(line_, fields);
      MASR_RETURN_IF_ERROR(ReadNgram(order, fields));
    }
    if (!found) return Corrupt("the file ends within " + header + " (no \\end\\): is it whole?");
    if (read < announced) {
      return Corrupt(std::to_string(read) + " " + std::to_string(order) +
                     "-grams, but \\data\\ announces " + std::to_string(announced));
    }
    return {};
  }

  Status ReadNgram(int order, const Fields& fields) {
    const auto words = static_cast<size_t>(order);
    if (fields.size() != words + 1 && fields.size() != words + 2) {
      return Corrupt("expected a probability, " + std::to_string(order) +
                     " words and perhaps a back-off weight");
    }
    MASR_TRY(const float probability, ParseLog10(fields[0], "the log10 probability"));
    if (probability > 0) return Corrupt("a log10 probability above 0");
    float backoff = 0;
    if (fields.size() == words + 2) {
      MASR_TRY(backoff, ParseLog10(fields.back(), "the log10 back-off weight"));
    }
    if (order == 1) return AddUnigram(fields[1], probability, backoff);
    Ngrams& ngrams = model_.orders[words - 1];
    for (size_t i = 1; i <= words; ++i) {
      const auto word = index_.find(Canonical(fields[i]));
      if (word == index_.end()) {
        return Corrupt("\"" + std::string(fields[i]) + "\" is not among the unigrams");
      }
      ngrams.words.push_back(word->second);
    }
    ngrams.log10_probability.push_back(probability);
    ngrams.log10_backoff.push_back(backoff);
    lines_[words - 1].push_back(line_number_);
    return {};
  }

  Status AddUnigram(std::string_view word, float probability, float backoff) {
    word = Canonical(word);
    const auto special = std::find(model_.words.begin(), model_.words.begin() + 3, word);
    int32_t index = static_cast<int32_t>(special - model_.words.begin());
    if (index == 3) {
      index = static_cast<int32_t>(model_.words.size());
      model_.words.emplace_back(word);
    }
    // Keys point into the text, which outlives the parser.
    if (!index_.emplace(word, index).second) {
      return Corrupt("\"" + std::string(word) + "\" comes twice");
    }
    Ngrams& unigrams = model_.orders[0];
    const size_t size = std::max<size_t>(model_.words.size(), 3);
    unigrams.log10_probability.resize(size, kMissing);
    unigrams.log10_backoff.resize(size, 0.0f);
    unigrams.log10_probability[static_cast<size_t>(index)] = probability;
    unigrams.log10_backoff[static_cast<size_t>(index)] = backoff;
    return {};
  }

  Status Complete() {
    for (const char* word : {"<s>", "</s>"}) {
      if (!index_.contains(word)) {
        return Fail(ErrorCode::kCorrupt,
                    name_ + ": there is no unigram " + word + "; train with sentence boundaries");
      }
    }
    for (size_t w = 0; w < model_.words.size(); ++w) {
      model_.orders[0].words.push_back(static_cast<int32_t>(w));
    }
    const DuplicateNgram duplicate = SortNgrams(model_);
    if (duplicate.order > 0) {
      const auto& lines = lines_[static_cast<size_t>(duplicate.order - 1)];
      return Fail(ErrorCode::kCorrupt,
                  name_ + ": line " + std::to_string(lines[static_cast<size_t>(duplicate.entry)]) +
                      ": an n-gram that the file has already");
    }
    return {};
  }

  std::string_view text_;
  const std::string& name_;
  size_t at_ = 0;
  std::string_view line_;
  int64_t line_number_ = 0;
  std::vector<int64_t> counts_;
  NgramModel model_;
  std::unordered_map<std::string_view, int32_t> index_;
  std::array<std::vector<int64_t>, kMaxNgramOrder> lines_;  // of each n-gram above order 1
};

}  // namespace

Result<NgramModel> ParseArpa(std::string_view text, const std::string& name) {
  return Parser(text, name).Parse();
}

Result<NgramModel> ReadArpa(const std::string& path) {
  MASR_TRY(const MappedFile file, MappedFile::Open(path));
  return ParseArpa({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}, path);
}

Status WriteArpa(const NgramModel& model, const std::string& path) {
  return ReplaceFile(path, [&](FileSink& sink) -> Status {
    std::string out = "\\data\\\n";
    for (int order = 1; order <= model.order(); ++order) {
      out += "ngram " + std::to_string(order) + "=" +
             std::to_string(model.orders[static_cast<size_t>(order - 1)].size()) + "\n";
    }
    const auto flush = [&]() -> Status {
      MASR_RETURN_IF_ERROR(sink.Write({reinterpret_cast<const uint8_t*>(out.data()), out.size()}));
      out.clear();
      return {};
    };
    for (int order = 1; order <= model.order(); ++order) {
      const Ngrams& ngrams = model.orders[static_cast<size_t>(order - 1)];
      out += "\n\\" + std::to_string(order) + "-grams:\n";
      for (int64_t entry = 0; entry < ngrams.size(); ++entry) {
        const auto e = static_cast<size_t>(entry);
        out += ShortestText(ngrams.log10_probability[e]);
        for (int i = 0; i < order; ++i) {
          out += i == 0 ? '\t' : ' ';
          out += model.words[static_cast<size_t>(
              ngrams.words[e * static_cast<size_t>(order) + static_cast<size_t>(i)])];
        }
        if (order < model.order()) {
          out += '\t';
          out += ShortestText(ngrams.log10_backoff[e]);
        }
        out += '\n';
        if (out.size() > 1 << 20) MASR_RETURN_IF_ERROR(flush());
      }
    }
    out += "\n\\end\\\n";
    return flush();
  });
}

}  // namespace masr
