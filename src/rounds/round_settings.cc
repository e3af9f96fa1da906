#include "rounds/round_settings.h"

#include <nlohmann/json.hpp>

#include "io/config_reader.h"

namespace masr {
namespace {

using Json = nlohmann::ordered_json;
constexpr double kLarge = 1e300;
constexpr int64_t kMost = int64_t{1} << 52;

const std::vector<std::string> kFormats = {"f32", "bf16", "int8", "as-stored"};
const std::vector<std::string> kCachePlaces = {"none", "ram", "disk"};
const std::vector<std::string> kCacheFormats = {"f32", "bf16"};
const std::vector<std::string> kOptimizers = {"adamw", "sgd"};

Json CandidateToJson(const Candidate& c) {
  return {{"first_block", c.first_block},
          {"tuning", TuningNames()[static_cast<size_t>(c.tuning)]},
          {"parts", c.parts},
          {"micro_batch_seconds", c.micro_batch_seconds},
          {"cache", c.cache},
          {"lora_rank", c.lora_rank},
          {"adapter_width", c.adapter_width},
          {"longest_s", c.longest_s},
          {"optimizer_bits", c.optimizer_bits}};
}

Candidate ReadCandidate(ConfigReader& reader) {
  Candidate c;
  c.first_block = static_cast<size_t>(reader.Int("first_block", {}, 0, kMost));
  c.tuning = static_cast<Tuning>(reader.Choice("tuning", {}, TuningNames()));
  c.parts = reader.Int("parts", {}, 1, kMost);
  c.micro_batch_seconds = reader.Number("micro_batch_seconds", {}, 0, kLarge);
  c.cache = reader.Bool("cache", false);
  c.lora_rank = reader.Int("lora_rank", c.lora_rank, 1, kMost);
  c.adapter_width = reader.Int("adapter_width", c.adapter_width, 1, kMost);
  c.longest_s = reader.Number("longest_s", c.longest_s, 0, kLarge);
  c.optimizer_bits = static_cast<int>(reader.Int("optimizer_bits", c.optimizer_bits, 8, 32));
  if (c.optimizer_bits != 8 && c.optimizer_bits != 32) {
    reader.Refuse("'optimizer_bits' must be 8 or 32");
  }
  return c;
}

Json CacheToJson(const PrefixCacheOptions& c) {
  return {{"place", kCachePlaces[static_cast<size_t>(c.place)]},
          {"folder", c.folder},
          {"budget_bytes", c.budget_bytes},
          {"format", kCacheFormats[static_cast<size_t>(c.format)]}};
}

PrefixCacheOptions ReadCache(ConfigReader& reader) {
  PrefixCacheOptions c;
  c.place = static_cast<CachePlace>(reader.Choice("place", {}, kCachePlaces));
  c.folder = reader.Text("folder", {});
  c.budget_bytes = reader.Int("budget_bytes", {}, 0, kMost);
  c.format = static_cast<CacheFormat>(reader.Choice("format", {}, kCacheFormats));
  return c;
}

Json TrainerToJson(const TrainerOptions& t) {
  return {{"optimizer", kOptimizers[static_cast<size_t>(t.optimizer.kind)]},
          {"weight_decay", t.optimizer.weight_decay},
          {"clip_norm", t.clip_norm}};
}

TrainerOptions ReadTrainer(ConfigReader& reader) {
  TrainerOptions t;
  t.optimizer.kind =
      static_cast<OptimizerOptions::Kind>(reader.Choice("optimizer", {}, kOptimizers));
  t.optimizer.weight_decay = static_cast<float>(reader.Number("weight_decay", {}, 0, 1));
  t.clip_norm = reader.Number("clip_norm", {}, 0, kLarge);
  return t;
}

Json AugmentToJson(const AugmentOptions& a) {
  return {{"speeds", a.speeds}, {"gain_db", a.gain_db}, {"spec_augment", a.spec_augment}};
}

AugmentOptions ReadAugment(ConfigReader& reader) {
  AugmentOptions a;
  a.speeds = reader.NumberList("speeds");
  a.gain_db = reader.Number("gain_db", {}, 0, 40);
  a.spec_augment = reader.Bool("spec_augment", false);
  return a;
}

// A nested object, read by `read`; its first error becomes the parent's.
template <typename Value>
void ReadChild(ConfigReader& parent, const char* name, Value (*read)(ConfigReader&), Value& to) {
  const nlohmann::json* child = parent.Child(name);
  if (child == nullptr) return parent.Refuse(std::string("needs '") + name + "'");
  ConfigReader reader(*child, name);
  to = read(reader);
  if (const Status status = reader.Finish(); !status.has_value()) {
    parent.Refuse(status.error().message);
  }
}

}  // namespace

nlohmann::ordered_json RoundSettingsToJson(const RoundSettings& settings) {
  const PersonalizeOptions& p = settings.personalize;
  return {{"epochs", p.epochs},
          {"patience", p.patience},
          {"validation_share", p.validation_share},
          {"batch_seconds", p.batch_seconds},
          {"updates_per_epoch", p.updates_per_epoch},
          {"learning_rate", p.learning_rate},
          {"base_share", p.base_share},
          {"trainer", TrainerToJson(p.trainer)},
          {"augment", AugmentToJson(p.augment)},
          {"candidate", CandidateToJson(p.candidate)},
          {"cache", CacheToJson(p.cache)},
          {"arena_bytes", p.arena_bytes},
          {"validation_batch_seconds", p.validation_batch_seconds},
          {"seed", p.seed},
          {"checkpoint_every_s", p.checkpoint.every_s},
          {"format", kFormats[static_cast<size_t>(settings.format)]},
          {"replay_share", settings.replay_share},
          {"general", settings.general},
          {"test", settings.test},
          {"max_general_cer_rise", settings.max_general_cer_rise},
          {"speech_cache_bytes", settings.speech_cache_bytes},
          {"check_transcripts", settings.check_transcripts}};
}

Result<RoundSettings> RoundSettingsFromJson(const nlohmann::json& object,
                                            const std::string& where) {
  RoundSettings settings;
  ConfigReader reader(object, where);
  PersonalizeOptions& p = settings.personalize;
  p.epochs = reader.Int("epochs", {}, 1, kMost);
  p.patience = reader.Int("patience", {}, 1, kMost);
  p.validation_share = reader.Number("validation_share", {}, 0, 1);
  p.batch_seconds = reader.Number("batch_seconds", {}, 0, kLarge);
  p.updates_per_epoch = reader.Int("updates_per_epoch", {}, 1, kMost);
  p.learning_rate = static_cast<float>(reader.Number("learning_rate", {}, 0, kLarge));
  p.base_share = reader.Number("base_share", {}, 0, 1);
  ReadChild(reader, "trainer", ReadTrainer, p.trainer);
  ReadChild(reader, "augment", ReadAugment, p.augment);
  ReadChild(reader, "candidate", ReadCandidate, p.candidate);
  if (reader.Child("cache") != nullptr) ReadChild(reader, "cache", ReadCache, p.cache);
  p.arena_bytes = reader.Int("arena_bytes", {}, 0, kMost);
  p.validation_batch_seconds = reader.Number("validation_batch_seconds", {}, 0, kLarge);
  p.seed = static_cast<uint64_t>(reader.Int("seed", {}, 0, INT64_MAX));
  p.checkpoint.every_s = reader.Number("checkpoint_every_s", {}, 0, kLarge);
  settings.format = static_cast<WeightFormat>(reader.Choice("format", {}, kFormats));
  settings.replay_share = reader.Number("replay_share", {}, 0, kLarge);
  settings.general = reader.Text("general", {});
  settings.test = reader.Text("test", {});
  settings.max_general_cer_rise = reader.Number("max_general_cer_rise", {}, 0, kLarge);
  settings.speech_cache_bytes = reader.Int("speech_cache_bytes", {}, 0, kMost);
  settings.check_transcripts = reader.Bool("check_transcripts", true);
  MASR_RETURN_IF_ERROR(reader.Finish());
  return settings;
}

}  // namespace masr
