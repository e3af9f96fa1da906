#include "train/round_record.h"

#include <nlohmann/json.hpp>

#include "io/json.h"

namespace masr {
namespace {

using Json = nlohmann::ordered_json;

// Reads fields that may be missing and must have the right type where they are there. The first
// error is kept.
class FieldReader {
 public:
  FieldReader(const nlohmann::json& object, std::string where)
      : object_(object), where_(std::move(where)) {
    if (!object.is_object()) Refuse("is not a JSON object");
  }

  void Read(const char* name, int64_t& to) {
    if (const auto* v = Find(name)) Take(name, v->is_number_integer(), "an integer", *v, to);
  }
  void Read(const char* name, double& to) {
    if (const auto* v = Find(name)) Take(name, v->is_number(), "a number", *v, to);
  }
  void Read(const char* name, bool& to) {
    if (const auto* v = Find(name)) Take(name, v->is_boolean(), "true or false", *v, to);
  }
  void Read(const char* name, std::string& to) {
    if (const auto* v = Find(name)) Take(name, v->is_string(), "a text", *v, to);
  }
  void Read(const char* name, std::optional<double>& to) {
    if (Find(name) == nullptr) return;
    to = 0.0;
    Read(name, *to);
  }
  template <typename Value>
  void Read(const char* name, std::map<std::string, Value>& to) {
    const auto* map = Find(name);
    if (map == nullptr) return;
    FieldReader fields(*map, where_ + ", " + name);
    if (map->is_object()) {
      for (const auto& [key, value] : map->items()) fields.Read(key.c_str(), to[key]);
    }
    Keep(fields);
  }
  // An array of objects.
  template <typename Item, typename ReadItem>
  void Read(const char* name, std::vector<Item>& to, const ReadItem& read) {
    const auto* list = Find(name);
    if (list == nullptr) return;
    if (!list->is_array()) return Refuse(std::string(name) + " is not a list");
    for (const auto& item : *list) {
      FieldReader fields(item, where_ + ", " + name + " " + std::to_string(to.size()));
      to.push_back(read(fields));
      Keep(fields);
    }
  }
  template <typename Item, typename ReadItem>
  void Read(const char* name, std::optional<Item>& to, const ReadItem& read) {
    const auto* object = Find(name);
    if (object == nullptr) return;
    FieldReader fields(*object, where_ + ", " + name);
    to = read(fields);
    Keep(fields);
  }

  const std::optional<Error>& error() const { return error_; }

 private:
  const nlohmann::json* Find(const char* name) const {
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(name);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  template <typename Value>
  void Take(const char* name, bool right, const char* expected, const nlohmann::json& from,
            Value& to) {
    if (!right) return Refuse(std::string(name) + " is not " + expected);
    to = from.get<Value>();
  }
  void Refuse(const std::string& message) {
    if (!error_) error_ = Error{ErrorCode::kCorrupt, where_ + ": " + message};
  }
  void Keep(const FieldReader& inner) {
    if (!error_ && inner.error_) error_ = inner.error_;
  }

  const nlohmann::json& object_;
  std::string where_;
  std::optional<Error> error_;
};

Json SampleToJson(const ResourceSample& s) {
  Json json = {{"time_s", s.time_s},
               {"epoch", s.epoch},
               {"paused", s.paused},
               {"process_bytes", s.process_bytes},
               {"available_bytes", s.available_bytes}};
  if (s.battery_percent) json["battery_percent"] = *s.battery_percent;
  if (s.temperature_c) json["temperature_c"] = *s.temperature_c;
  if (s.power_w) json["power_w"] = *s.power_w;
  return json;
}

ResourceSample ReadSample(FieldReader& fields) {
  ResourceSample s;
  fields.Read("time_s", s.time_s);
  fields.Read("epoch", s.epoch);
  fields.Read("paused", s.paused);
  fields.Read("process_bytes", s.process_bytes);
  fields.Read("available_bytes", s.available_bytes);
  fields.Read("battery_percent", s.battery_percent);
  fields.Read("temperature_c", s.temperature_c);
  fields.Read("power_w", s.power_w);
  return s;
}

RoundEpoch ReadEpoch(FieldReader& fields) {
  RoundEpoch e;
  fields.Read("epoch", e.epoch);
  fields.Read("train_loss", e.train_loss);
  fields.Read("mean", e.mean);
  fields.Read("validation_loss", e.validation_loss);
  fields.Read("wer", e.validation_wer);
  fields.Read("cer", e.validation_cer);
  fields.Read("cer_error", e.cer_error);
  fields.Read("seconds", e.seconds);
  return e;
}

Json RatesToJson(const ErrorRates& rates) { return {{"wer", rates.wer}, {"cer", rates.cer}}; }

ErrorRates ReadRates(FieldReader& fields) {
  ErrorRates rates;
  fields.Read("wer", rates.wer);
  fields.Read("cer", rates.cer);
  return rates;
}

SentenceChange ReadSentence(FieldReader& fields) {
  SentenceChange sentence;
  fields.Read("reference", sentence.reference);
  fields.Read("before", sentence.before);
  fields.Read("after", sentence.after);
  return sentence;
}

}  // namespace

nlohmann::ordered_json RoundEpochToJson(const RoundEpoch& e) {
  return {{"epoch", e.epoch},         {"train_loss", e.train_loss},
          {"mean", e.mean},           {"validation_loss", e.validation_loss},
          {"wer", e.validation_wer},  {"cer", e.validation_cer},
          {"cer_error", e.cer_error}, {"seconds", e.seconds}};
}

Result<RoundEpoch> RoundEpochFromJson(const nlohmann::json& object, const std::string& where) {
  FieldReader fields(object, where);
  RoundEpoch epoch = ReadEpoch(fields);
  if (fields.error()) return tl::unexpected(*fields.error());
  return epoch;
}

nlohmann::ordered_json RoundRecordToJson(const RoundRecord& r) {
  Json json = {{"round", r.round},
               {"began", r.began},
               {"base", r.base},
               {"from", r.from},
               {"sub_model", r.sub_model},
               {"plan_reason", r.plan_reason},
               {"tuning", r.tuning},
               {"learning_share", r.learning_share},
               {"trainable_parameters", r.trainable_parameters},
               {"ram_budget_bytes", r.ram_budget_bytes},
               {"memory", r.memory},
               {"planned_peak_bytes", r.planned_peak_bytes},
               {"peak_rss_bytes", r.peak_rss_bytes},
               {"thresholds", r.thresholds},
               {"best_epoch", r.best_epoch},
               {"accepted", r.accepted},
               {"model_hash", r.model_hash},
               {"rolled_back", r.rolled_back},
               {"why", r.why},
               {"halted_by", r.halted_by},
               {"halt_why", r.halt_why},
               {"retries", r.retries},
               {"audio_seconds", r.audio_seconds},
               {"training_utterances", r.training_utterances},
               {"replayed_utterances", r.replayed_utterances},
               {"validation_utterances", r.validation_utterances},
               {"transcript_agreement", r.transcript_agreement},
               {"left_out", r.left_out},
               {"seconds", r.seconds},
               {"seconds_paused", r.seconds_paused},
               {"general_set", r.general_set}};
  const auto add_rates = [&](const char* name, const std::optional<ErrorRates>& rates) {
    if (rates) json[name] = RatesToJson(*rates);
  };
  add_rates("general_base", r.general_base);
  add_rates("general_before", r.general_before);
  add_rates("general_after", r.general_after);
  add_rates("test_before", r.test_before);
  add_rates("test_after", r.test_after);
  json["epochs"] = Json::array();
  for (const RoundEpoch& epoch : r.epochs) json["epochs"].push_back(RoundEpochToJson(epoch));
  json["samples"] = Json::array();
  for (const ResourceSample& sample : r.samples) json["samples"].push_back(SampleToJson(sample));
  json["sentences"] = Json::array();
  for (const SentenceChange& s : r.sentences) {
    json["sentences"].push_back(
        {{"reference", s.reference}, {"before", s.before}, {"after", s.after}});
  }
  return json;
}

Result<RoundRecord> RoundRecordFromJson(const nlohmann::json& object, const std::string& where) {
  RoundRecord r;
  FieldReader fields(object, where);
  fields.Read("round", r.round);
  fields.Read("began", r.began);
  fields.Read("base", r.base);
  fields.Read("from", r.from);
  fields.Read("sub_model", r.sub_model);
  fields.Read("plan_reason", r.plan_reason);
  fields.Read("tuning", r.tuning);
  fields.Read("learning_share", r.learning_share);
  fields.Read("trainable_parameters", r.trainable_parameters);
  fields.Read("ram_budget_bytes", r.ram_budget_bytes);
  fields.Read("memory", r.memory);
  fields.Read("planned_peak_bytes", r.planned_peak_bytes);
  fields.Read("peak_rss_bytes", r.peak_rss_bytes);
  fields.Read("thresholds", r.thresholds);
  fields.Read("best_epoch", r.best_epoch);
  fields.Read("accepted", r.accepted);
  fields.Read("model_hash", r.model_hash);
  fields.Read("rolled_back", r.rolled_back);
  fields.Read("why", r.why);
  fields.Read("halted_by", r.halted_by);
  fields.Read("halt_why", r.halt_why);
  fields.Read("retries", r.retries);
  fields.Read("audio_seconds", r.audio_seconds);
  fields.Read("training_utterances", r.training_utterances);
  fields.Read("replayed_utterances", r.replayed_utterances);
  fields.Read("validation_utterances", r.validation_utterances);
  fields.Read("transcript_agreement", r.transcript_agreement);
  fields.Read("left_out", r.left_out);
  fields.Read("seconds", r.seconds);
  fields.Read("seconds_paused", r.seconds_paused);
  fields.Read("general_set", r.general_set);
  fields.Read("general_base", r.general_base, ReadRates);
  fields.Read("general_before", r.general_before, ReadRates);
  fields.Read("general_after", r.general_after, ReadRates);
  fields.Read("test_before", r.test_before, ReadRates);
  fields.Read("test_after", r.test_after, ReadRates);
  fields.Read("epochs", r.epochs, ReadEpoch);
  fields.Read("samples", r.samples, ReadSample);
  fields.Read("sentences", r.sentences, ReadSentence);
  if (fields.error()) return tl::unexpected(*fields.error());
  return r;
}

Json HistoryToJson(const std::vector<RoundRecord>& rounds) {
  Json json = {{"rounds", Json::array()}};
  for (const RoundRecord& round : rounds) json["rounds"].push_back(RoundRecordToJson(round));
  return json;
}

Result<std::vector<RoundRecord>> ReadHistory(std::string_view text, const std::string& where) {
  auto json = ParseJson(text);
  if (!json.has_value()) return Fail(where, std::move(json.error()));
  return HistoryFromJson(*json, where);
}

Result<std::vector<RoundRecord>> HistoryFromJson(const nlohmann::json& json,
                                                 const std::string& where) {
  const auto list = json.is_object() ? json.find("rounds") : json.end();
  if (list == json.end() || !list->is_array()) {
    return Fail(ErrorCode::kCorrupt, where + ": not a history (no list 'rounds')");
  }
  std::vector<RoundRecord> rounds;
  for (const nlohmann::json& object : *list) {
    MASR_TRY(RoundRecord round,
             RoundRecordFromJson(object, where + ", round " + std::to_string(rounds.size() + 1)));
    rounds.push_back(std::move(round));
  }
  return rounds;
}

}  // namespace masr
