// The compact n-gram model that a decoder asks: a trie of sorted arrays with 8-bit or 32-bit
// logarithms, in memory or mapped from a file (as KenLM's trie; Heafield, 2011).
#ifndef MOBILEASR_LM_LANGUAGE_MODEL_H_
#define MOBILEASR_LM_LANGUAGE_MODEL_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/safetensors.h"
#include "lm/ngram_model.h"

namespace masr {

enum class LanguageModelUnit : uint8_t {
  kWord,       // a unit is what stands between spaces
  kCharacter,  // a unit is one code point; the space is written "<space>"
};

// Move-only, immutable, any number of threads.
class LanguageModel {
 public:
  static constexpr std::string_view kSpace = "<space>";
  static constexpr size_t kCodes = 256;  // values per order where numbers take 8 bits
  static constexpr int32_t kMaxWordBytes = 1000;

  // The entries that the last words form among the 1-grams, 2-grams, ...; -1 where there is none.
  struct State {
    std::array<int32_t, kMaxNgramOrder - 1> entries;

    bool operator==(const State&) const = default;
  };

  // `quantize`: above order 1, 8 bits per number, 256 values per order; else exact. N-grams
  // whose beginning the model lacks (other toolkits prune those away) get one by backing off.
  static Result<LanguageModel> FromNgrams(NgramModel model, LanguageModelUnit unit, bool quantize);
  // Reads what Save has written, or an ARPA file (told by its content; words, exact).
  static Result<LanguageModel> Open(const std::string& path);
  // From the bytes of a saved file, which the caller keeps alive (tests, fuzzing).
  static Result<LanguageModel> Parse(std::span<const uint8_t> bytes);
  // Written atomically. `metadata` is kept: provenance, licences.
  Status Save(const std::string& path, const std::map<std::string, std::string>& metadata) const;

  // Of a sentence that begins, and of nothing known at all.
  State Begin() const { return begin_; }
  static State NoContext();

  // ln p(word | state); `next` (which may be `state`) is the state after the word.
  float Score(const State& state, int32_t word, State& next) const;

  // ln p(word) of the unigram.
  float UnigramScore(int32_t word) const { return levels_[0].probability[word]; }

  // The index of a word, kUnknownWord if the model does not have it.
  int32_t Find(std::string_view word) const;
  // All but the first three are in the order of their bytes.
  std::string_view word(int32_t index) const;
  int32_t words() const { return static_cast<int32_t>(word_ends_.size()); }

  int order() const { return static_cast<int>(levels_.size()); }
  int64_t ngrams(int order) const { return levels_[static_cast<size_t>(order - 1)].size(); }
  LanguageModelUnit unit() const { return unit_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  // The numbers of one order: codes into a table of 256, or the numbers themselves.
  struct Numbers {
    std::span<const uint8_t> codes;
    std::span<const float> table;

    float operator[](int64_t entry) const {
      const auto e = static_cast<size_t>(entry);
      return codes.empty() ? table[e] : table[codes[e]];
    }
  };

  // Word indices in 16 bits where all words fit, else in 32.
  struct Words {
    std::span<const uint16_t> narrow;
    std::span<const int32_t> wide;

    int32_t operator[](int64_t entry) const {
      const auto e = static_cast<size_t>(entry);
      return wide.empty() ? static_cast<int32_t>(narrow[e]) : wide[e];
    }
    int64_t size() const { return static_cast<int64_t>(narrow.size() + wide.size()); }
  };

  struct Level {
    Words words;                        // the last word of each n-gram, ascending below one parent
    Numbers probability;                // ln
    Numbers backoff;                    // ln; none in the highest order
    std::span<const int32_t> children;  // [size + 1]: entry e's are those from [e] to [e + 1] of
                                        // the next order; none in the highest order

    int64_t size() const { return words.size(); }
  };

  // What the spans point to.
  struct Storage {
    SafetensorsFile file;
    std::vector<std::vector<uint8_t>> bytes;
    std::vector<std::vector<uint16_t>> shorts;
    std::vector<std::vector<int32_t>> integers;
    std::vector<std::vector<float>> floats;
  };

  static Result<LanguageModel> FromFile(SafetensorsFile file);
  Status Validate() const;
  Numbers Store(const std::vector<float>& log10, bool quantize);
  int32_t Child(int level, int32_t parent, int32_t word) const;
  void SetBegin();

  std::unique_ptr<Storage> storage_ = std::make_unique<Storage>();
  LanguageModelUnit unit_ = LanguageModelUnit::kWord;
  std::span<const uint8_t> word_bytes_;
  std::span<const int32_t> word_ends_;
  std::vector<Level> levels_;
  State begin_{};
  std::map<std::string, std::string> metadata_;
};

}  // namespace masr

#endif  // MOBILEASR_LM_LANGUAGE_MODEL_H_
