#include "convert/yaml.h"

#ifdef MASR_YAML
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>
#include <optional>
#endif

namespace masr {

#ifndef MASR_YAML

bool HasYaml() { return false; }

Result<nlohmann::json> ParseYaml(const std::string&, const std::string& where) {
  return Fail(ErrorCode::kUnsupported,
              where + ": this build reads no YAML; build it where yaml-cpp is installed");
}

#else

namespace {

using Json = nlohmann::json;

// A person's configuration is far below; what aliases multiply is not.
constexpr int kMaxDepth = 64;
constexpr int64_t kMaxNodes = 1'000'000;

struct Refused {
  std::string what;
};

Json Scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;  // it was quoted
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return {};
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const char* begin = text.data() + (text.front() == '+' ? 1 : 0);
  const char* end = text.data() + text.size();
  int64_t whole = 0;
  if (const auto [last, error] = std::from_chars(begin, end, whole);
      error == std::errc() && last == end) {
    return whole;
  }
  double number = 0;
  if (const auto [last, error] = std::from_chars(begin, end, number);
      error == std::errc() && last == end && std::isfinite(number)) {
    return number;
  }
  return text;
}

Json ToJson(const YAML::Node& node, int depth, int64_t& nodes) {
  if (depth > kMaxDepth || ++nodes > kMaxNodes) {
    throw Refused{"is nested too deeply or too large for a configuration"};
  }
  switch (node.Type()) {
    case YAML::NodeType::Scalar:
      return Scalar(node);
    case YAML::NodeType::Sequence: {
      Json list = Json::array();
      for (const YAML::Node& item : node) list.push_back(ToJson(item, depth + 1, nodes));
      return list;
    }
    case YAML::NodeType::Map: {
      Json object = Json::object();
      for (const auto& item : node) {
        if (!item.first.IsScalar()) throw Refused{"has a key that is no text"};
        object[item.first.Scalar()] = ToJson(item.second, depth + 1, nodes);
      }
      return object;
    }
    default:
      return {};
  }
}

const Json* Lookup(const Json& root, std::string_view path) {
  const Json* at = &root;
  while (!path.empty()) {
    const size_t dot = std::min(path.find('.'), path.size());
    if (!at->is_object()) return nullptr;
    const auto found = at->find(path.substr(0, dot));
    if (found == at->end()) return nullptr;
    at = &*found;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return at;
}

bool IsReference(const Json& value) {
  if (!value.is_string()) return false;
  const auto& text = value.get_ref<const std::string&>();
  return text.starts_with("${") && text.ends_with("}");
}

// What `value` refers to; null if it leads nowhere, or in a circle.
const Json* Resolved(const Json& root, const Json& value) {
  const Json* at = &value;
  for (int step = 0; step < kMaxDepth && at != nullptr && IsReference(*at); ++step) {
    const auto& text = at->get_ref<const std::string&>();
    std::string_view path = std::string_view(text).substr(2, text.size() - 3);
    at = Lookup(root, path);
    if (at == nullptr && path.starts_with("model.")) at = Lookup(root, path.substr(6));
  }
  return at != nullptr && IsReference(*at) ? nullptr : at;
}

// Scalars only: a whole section that stands in two places is not what NeMo's files do.
void Resolve(const Json& root, Json& value) {
  if (value.is_structured()) {
    for (Json& item : value) Resolve(root, item);
    return;
  }
  if (!IsReference(value)) return;
  const Json* found = Resolved(root, value);
  if (found != nullptr && found->is_primitive()) value = *found;
}

}  // namespace

bool HasYaml() { return true; }

Result<Json> ParseYaml(const std::string& text, const std::string& where) {
  try {
    int64_t nodes = 0;
    const Json root = ToJson(YAML::Load(text), 0, nodes);
    Json resolved = root;
    Resolve(root, resolved);
    return resolved;
  } catch (const YAML::Exception& error) {
    return Fail(ErrorCode::kCorrupt, where + ": " + error.what());
  } catch (const Refused& refused) {
    return Fail(ErrorCode::kCorrupt, where + ": " + refused.what);
  }
}

#endif  // MASR_YAML

}  // namespace masr
