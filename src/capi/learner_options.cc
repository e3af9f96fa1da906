#include "capi/learner_options.h"

#include <cmath>
#include <vector>

#include "base/number_text.h"
#include "io/config_reader.h"
#include "io/json.h"
#include "train/personalize.h"

namespace masr::capi {
namespace {

constexpr int64_t kMostRank = 1024;
constexpr int64_t kMostParts = 10000;
constexpr double kMostSeconds = 3600;

Status Refuse(const std::string& what) { return Fail(ErrorCode::kInvalidArgument, what); }

}  // namespace

static_assert(MASR_TUNE_FULL == static_cast<int>(Tuning::kFull));
static_assert(MASR_TUNE_VECTORS == static_cast<int>(Tuning::kVectors));
static_assert(MASR_TUNE_LORA == static_cast<int>(Tuning::kLora));
static_assert(MASR_TUNE_ADAPTERS == static_cast<int>(Tuning::kAdapters));

Result<Candidate> CandidateFrom(const masr_training_options& options) {
  if (options.tuning < MASR_TUNE_FULL || options.tuning > MASR_TUNE_ADAPTERS) {
    return Fail(ErrorCode::kInvalidArgument,
                "tuning " + std::to_string(options.tuning) + " is not one of masr_tuning (0 to 3)");
  }
  if (options.freeze_blocks < 0) {
    return Fail(ErrorCode::kInvalidArgument, "freeze_blocks must not be negative");
  }
  Candidate candidate;
  candidate.first_block = static_cast<size_t>(options.freeze_blocks);
  candidate.tuning = static_cast<Tuning>(options.tuning);
  if (options.lora_rank != 0) candidate.lora_rank = options.lora_rank;
  if (options.adapter_width != 0) candidate.adapter_width = options.adapter_width;
  if (options.optimizer_bits != 0) candidate.optimizer_bits = options.optimizer_bits;
  if (options.parts != 0) candidate.parts = options.parts;
  candidate.micro_batch_seconds = options.micro_batch_seconds;
  candidate.longest_s = options.longest_s;
  return candidate;
}

Result<LearnerOptions> LearnerOptionsFrom(const masr_training_options& options) {
  LearnerOptions learner;
  MASR_TRY(learner.candidate, CandidateFrom(options));
  if (options.learning_rate != 0) {
    learner.learning_rate = static_cast<float>(options.learning_rate);
  } else {
    learner.learning_rate *= RateFactor(learner.candidate.tuning);
  }
  if (options.seed != 0) learner.seed = options.seed;
  return learner;
}

Status CheckLearnerOptions(const LearnerOptions& options, const Encoder& encoder) {
  const Candidate& c = options.candidate;
  const size_t blocks = encoder.blocks().size();
  if (c.first_block >= blocks) {
    return Refuse("freeze_blocks is " + std::to_string(c.first_block) + ", of " +
                  std::to_string(blocks) + " blocks; at least one must learn");
  }
  if (c.lora_rank < 1 || c.lora_rank > kMostRank) return Refuse("lora_rank must be 1 to 1024");
  if (c.adapter_width < 1 || c.adapter_width > kMostRank) {
    return Refuse("adapter_width must be 1 to 1024");
  }
  if (c.optimizer_bits != 8 && c.optimizer_bits != 32) {
    return Refuse("optimizer_bits must be 8 or 32");
  }
  if (c.parts < 1 || c.parts > kMostParts) return Refuse("parts must be 1 to 10000");
  if (!(c.micro_batch_seconds >= 0 && c.micro_batch_seconds <= kMostSeconds)) {
    return Refuse("micro_batch_seconds must be 0 to 3600");
  }
  if (!(c.longest_s >= 0 && c.longest_s <= kMostSeconds)) {
    return Refuse("longest_s must be 0 to 3600");
  }
  if (!(options.learning_rate >= 0 && options.learning_rate <= 1)) {
    return Refuse("learning_rate must be 0 to 1");
  }
  return {};
}

std::string LearnerOptionsToJson(const LearnerOptions& options) {
  const Candidate& c = options.candidate;
  // A seed as text: JSON's readers agree on whole numbers up to 2^53 only.
  return nlohmann::ordered_json{{"freeze_blocks", c.first_block},
                                {"tuning", TuningNames()[static_cast<size_t>(c.tuning)]},
                                {"lora_rank", c.lora_rank},
                                {"adapter_width", c.adapter_width},
                                {"optimizer_bits", c.optimizer_bits},
                                {"parts", c.parts},
                                {"micro_batch_seconds", c.micro_batch_seconds},
                                {"learning_rate", static_cast<double>(options.learning_rate)},
                                {"seed", std::to_string(options.seed)}}
      .dump();
}

Result<LearnerOptions> LearnerOptionsFromJson(std::string_view text, const std::string& where) {
  MASR_TRY(const nlohmann::json object, ParseConfig(text, where));
  ConfigReader reader(object, where);
  LearnerOptions options;
  Candidate& c = options.candidate;
  c.first_block = static_cast<size_t>(reader.Int("freeze_blocks", {}, 0, 1 << 20));
  c.tuning = static_cast<Tuning>(reader.Choice("tuning", {}, TuningNames()));
  c.lora_rank = reader.Int("lora_rank", {}, 1, kMostRank);
  c.adapter_width = reader.Int("adapter_width", c.adapter_width, 1, kMostRank);
  c.optimizer_bits = static_cast<int>(reader.Int("optimizer_bits", {}, 8, 32));
  c.parts = reader.Int("parts", {}, 1, kMostParts);
  c.micro_batch_seconds = reader.Number("micro_batch_seconds", {}, 0, kMostSeconds);
  options.learning_rate = static_cast<float>(reader.Number("learning_rate", {}, 0, 1));
  const auto seed = ParseInteger<uint64_t>(reader.Text("seed", {}));
  if (!seed) reader.Refuse("'seed' is not a number");
  options.seed = seed.value_or(0);
  if (Status status = reader.Finish(); !status.has_value()) {
    return Fail(ErrorCode::kCorrupt, status.error().message);
  }
  return options;
}

}  // namespace masr::capi
