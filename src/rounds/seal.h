// Seals: a JSON object that carries the hash of all else in it, so that a bit which a disk or a
// memory has turned is noticed, where the text is JSON still. No protection against forgery.
#ifndef MOBILEASR_ROUNDS_SEAL_H_
#define MOBILEASR_ROUNDS_SEAL_H_

#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"

namespace masr {

// One line: the object (kInvalidArgument where a string is not UTF-8) and, as its last field, its
// "hash". How it is written (white space, the order of names) does not count.
Result<std::string> WriteSealedJson(nlohmann::ordered_json object);

// Takes the seal off. kCorrupt where it is not that of the rest. What has none passes: it is from
// before there were seals, or not an object, which its reader says better.
Status OpenSeal(nlohmann::json& object);

}  // namespace masr

#endif  // MOBILEASR_ROUNDS_SEAL_H_
