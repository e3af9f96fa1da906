#include "io/config_reader.h"

#include <nlohmann/json.hpp>

#include "base/number_text.h"

#include "io/json.h"

namespace masr {
namespace {

using Json = nlohmann::json;

std::string Quoted(std::string_view key) { return "'" + std::string(key) + "'"; }

// The value, unless it is not whole or does not fit.
std::optional<int64_t> WholeNumber(const Json& value) {
  if (!value.is_number_integer()) return std::nullopt;
  if (value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) {
    return std::nullopt;
  }
  return value.get<int64_t>();
}

}  // namespace

ConfigReader::ConfigReader(const Json& object, std::string where)
    : object_(object), where_(std::move(where)) {
  if (!object_.is_object()) Refuse("must be a JSON object");
}

void ConfigReader::Refuse(std::string message) {
  if (!error_) error_ = Error{ErrorCode::kInvalidArgument, where_ + ": " + std::move(message)};
}

const Json* ConfigReader::Find(std::string_view key, bool required) {
  asked_.emplace(key);
  if (object_.is_object()) {
    const auto it = object_.find(key);
    if (it != object_.end()) return &*it;
  }
  if (required) Refuse(Quoted(key) + " is missing");
  return nullptr;
}

int64_t ConfigReader::Int(std::string_view key, std::optional<int64_t> otherwise, int64_t low,
                          int64_t high) {
  const Json* value = Find(key, !otherwise.has_value());
  if (value == nullptr) return otherwise.value_or(low);
  const std::optional<int64_t> number = WholeNumber(*value);
  if (number && *number >= low && *number <= high) return *number;
  Refuse(Quoted(key) + " must be a whole number from " + std::to_string(low) + " to " +
         std::to_string(high));
  return low;
}

double ConfigReader::Number(std::string_view key, std::optional<double> otherwise, double low,
                            double high) {
  const Json* value = Find(key, !otherwise.has_value());
  if (value == nullptr) return otherwise.value_or(low);
  if (value->is_number()) {
    const auto number = value->get<double>();
    if (number >= low && number <= high) return number;
  }
  Refuse(Quoted(key) + " must be a number from " + ShortestText(low) + " to " + ShortestText(high));
  return low;
}

bool ConfigReader::Bool(std::string_view key, bool otherwise) {
  const Json* value = Find(key, false);
  if (value == nullptr) return otherwise;
  if (value->is_boolean()) return value->get<bool>();
  Refuse(Quoted(key) + " must be true or false");
  return otherwise;
}

std::string ConfigReader::Text(std::string_view key, const std::optional<std::string>& otherwise) {
  const Json* value = Find(key, !otherwise.has_value());
  if (value == nullptr) return otherwise.value_or("");
  if (value->is_string()) return value->get<std::string>();
  Refuse(Quoted(key) + " must be a string");
  return "";
}

size_t ConfigReader::Choice(std::string_view key, const std::optional<std::string>& otherwise,
                            const std::vector<std::string>& choices) {
  const std::string text = Text(key, otherwise);
  std::string all;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (choices[i] == text) return i;
    all += (i == 0 ? "" : ", ") + choices[i];
  }
  Refuse(Quoted(key) + " is '" + text + "' but must be one of: " + all);
  return 0;
}

std::vector<std::string> ConfigReader::TextList(std::string_view key) {
  std::vector<std::string> list;
  const Json* value = Find(key, true);
  if (value == nullptr) return list;
  if (!value->is_array()) {
    Refuse(Quoted(key) + " must be a list of strings");
    return list;
  }
  for (const Json& item : *value) {
    if (!item.is_string()) {
      Refuse(Quoted(key) + " must be a list of strings");
      return {};
    }
    list.push_back(item.get<std::string>());
  }
  return list;
}

std::vector<double> ConfigReader::NumberList(std::string_view key) {
  const Json* value = Find(key, false);
  if (value == nullptr) return {};
  std::vector<double> list;
  bool good = value->is_array();
  for (size_t i = 0; good && i < value->size(); ++i) {
    good = (*value)[i].is_number();
    if (good) list.push_back((*value)[i].get<double>());
  }
  if (good) return list;
  Refuse(Quoted(key) + " must be a list of numbers");
  return {};
}

const Json* ConfigReader::Child(std::string_view key) { return Find(key, false); }

Status ConfigReader::Finish() {
  if (object_.is_object()) {
    for (const auto& [key, value] : object_.items()) {
      if (asked_.contains(key)) continue;
      std::string message = "unknown option '" + key + "'; known:";
      for (const std::string& option : asked_) {
        message.append(option == *asked_.begin() ? " " : ", ").append(option);
      }
      Refuse(message);
    }
  }
  return FinishIgnoringOthers();
}

Status ConfigReader::FinishIgnoringOthers() {
  if (error_) return tl::unexpected(*error_);
  return {};
}

Result<Json> ParseConfig(std::string_view text, const std::string& where) {
  auto json = ParseJson(text);
  if (!json.has_value()) return Fail(where, std::move(json.error()));
  return json;
}

}  // namespace masr
