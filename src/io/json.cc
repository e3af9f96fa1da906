#include "io/json.h"

#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace masr {
namespace {

using nlohmann::json;

// Before the parser builds anything: brackets outside strings tell the depth.
bool IsDeeperThan(std::string_view text, int max_depth) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > max_depth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

// Where the parser stopped, by the only interface that tells it without an exception.
class ErrorPosition : public nlohmann::json_sax<json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string&, const json::exception&) override {
    position_ = position;
    return false;
  }
  std::size_t position() const { return position_; }

 private:
  std::size_t position_ = 0;
};

}  // namespace

Result<json> ParseJson(std::string_view text, int max_depth) {
  if (IsDeeperThan(text, max_depth)) {
    return Fail(ErrorCode::kCorrupt,
                "JSON nested deeper than " + std::to_string(max_depth) + " levels");
  }
  // The parser takes a zero byte for the end of the text and would ignore what follows.
  const size_t zero = text.find('\0');
  if (zero != std::string_view::npos) {
    return Fail(ErrorCode::kCorrupt, "not JSON at byte " + std::to_string(zero + 1));
  }
  std::vector<std::set<std::string>> names;  // of the objects that are open
  std::optional<std::string> duplicate;
  const auto watch = [&](int, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::object_start) {
      names.emplace_back();
    } else if (event == json::parse_event_t::object_end) {
      names.pop_back();
    } else if (event == json::parse_event_t::key) {
      const std::string& name = value.get_ref<const std::string&>();
      if (!names.back().insert(name).second && !duplicate) duplicate = name;
    }
    return true;
  };
  json value = json::parse(text.begin(), text.end(), watch, /*allow_exceptions=*/false);
  if (value.is_discarded()) {
    ErrorPosition error;
    json::sax_parse(text.begin(), text.end(), &error);
    return Fail(ErrorCode::kCorrupt, "not JSON at byte " + std::to_string(error.position()));
  }
  if (duplicate) {
    return Fail(ErrorCode::kCorrupt, "the name \"" + *duplicate + "\" is there twice");
  }
  return value;
}

Result<std::string> WriteJson(const nlohmann::ordered_json& value) {
  using Handler = nlohmann::ordered_json::error_handler_t;
  std::string text = value.dump(-1, ' ', false, Handler::replace);
  // The two ways around invalid UTF-8 differ exactly when there is some.
  if (text != value.dump(-1, ' ', false, Handler::ignore)) {
    return Fail(ErrorCode::kInvalidArgument, "a string for JSON is not UTF-8");
  }
  return text;
}

}  // namespace masr
