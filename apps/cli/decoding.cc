#include "decoding.h"

#include "io/file.h"

namespace masr::cli {
namespace {

constexpr size_t kMaxHotwordBytes = size_t{16} << 20;

}  // namespace

void AddDecodingOptions(CLI::App& app, DecodingFlags& flags) {
  DecodingOptions& options = flags.options;
  const char* group = "Decoding";
  const CLI::Range any_weight(-1000.0, 1000.0);
  app.add_option("--lm", options.language_model,
                 "Language model: what `mobileasr lm` writes, or an ARPA file. Without one and "
                 "without hotwords, decoding is greedy")
      ->group(group);
  app.add_option("--hotwords", flags.hotwords,
                 "File of phrases to prefer, one a line, each perhaps with \" :BOOST\"")
      ->group(group);
  app.add_option("--hotword-boost", options.hotword_boost,
                 "Nats per character of a phrase that names no boost")
      ->check(any_weight)
      ->capture_default_str()
      ->group(group);
  app.add_option("--lm-weight", options.scorer.language_model_weight, "On ln p(word)")
      ->check(any_weight)
      ->capture_default_str()
      ->group(group);
  app.add_option("--word-score", options.scorer.word_score, "Nats for each word")
      ->check(any_weight)
      ->capture_default_str()
      ->group(group);
  app.add_option("--unknown-score", options.scorer.unknown_character_score,
                 "ln p of each character of an unknown word")
      ->check(any_weight)
      ->capture_default_str()
      ->group(group);
  app.add_option("--beam", options.beam.width, "Prefixes kept")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000))
      ->group(group);
}

Result<Decoding> MakeDecoding(const DecodingFlags& flags, const Model& model) {
  DecodingOptions options = flags.options;
  if (!flags.hotwords.empty()) {
    MASR_TRY(options.hotwords, ReadTextFile(flags.hotwords, kMaxHotwordBytes));
    options.hotwords_name = flags.hotwords;
  }
  return Decoding::Create(options, model.vocabulary);
}

}  // namespace masr::cli
