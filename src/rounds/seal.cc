#include "rounds/seal.h"

#include "base/hash.h"
#include "io/json.h"

namespace masr {
namespace {

constexpr const char* kHash = "hash";

// Of an object whose names are sorted.
std::string HashOf(const nlohmann::json& object) {
  Fnv1a hash;
  hash.Add(object.dump());
  return hash.Text();
}

}  // namespace

Result<std::string> WriteSealedJson(nlohmann::ordered_json object) {
  MASR_TRY(const std::string text, WriteJson(object));
  // From the text: what a reader will see, numbers included.
  MASR_TRY(const nlohmann::json read, ParseJson(text));
  object[kHash] = HashOf(read);
  return WriteJson(object);
}

Status OpenSeal(nlohmann::json& object) {
  if (!object.is_object()) return {};
  const auto found = object.find(kHash);
  if (found == object.end()) return {};
  const nlohmann::json hash = *found;
  object.erase(found);
  if (hash.is_string() && hash == HashOf(object)) return {};
  return Fail(ErrorCode::kCorrupt,
              "damaged: its bytes are not those that were written (a failing disk or memory?)");
}

}  // namespace masr
