// JSON from files that anybody may have written.
#ifndef MOBILEASR_IO_JSON_H_
#define MOBILEASR_IO_JSON_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace masr {

// Parses one JSON value (RFC 8259, UTF-8). Refused, as kCorrupt with the place: what is not JSON,
// nesting deeper than `max_depth`, and a name that an object has twice (a parser that keeps either
// one would let a file mean different things to different readers). Memory is in proportion to the
// text. The caller checks the type of every value before taking it: without exceptions a wrong one
// aborts.
Result<nlohmann::json> ParseJson(std::string_view text, int max_depth = 16);

// One line of JSON. Refuses strings that are not UTF-8 (kInvalidArgument).
Result<std::string> WriteJson(const nlohmann::ordered_json& value);

}  // namespace masr

#endif  // MOBILEASR_IO_JSON_H_
