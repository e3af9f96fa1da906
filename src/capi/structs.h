// Structs that carry their size across the border.
#ifndef MOBILEASR_CAPI_STRUCTS_H_
#define MOBILEASR_CAPI_STRUCTS_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>

#include "base/result.h"

namespace masr::capi {

// Larger ones are taken for memory that was never set.
inline constexpr size_t kLargestStruct = 4096;

// `first_size` is what the struct had in version 1 of the interface, until it grows its sizeof.
template <class T>
Status CheckSize(const T* given, const char* name, size_t first_size = sizeof(T)) {
  if (given == nullptr) {
    return Fail(ErrorCode::kInvalidArgument, std::string(name) + " must not be NULL");
  }
  const size_t size = given->struct_size;
  if (size < first_size || size > kLargestStruct) {
    return Fail(ErrorCode::kInvalidArgument, std::string(name) + ": struct_size is " +
                                                 std::to_string(size) + "; set it to sizeof(" +
                                                 name + "), here " + std::to_string(sizeof(T)));
  }
  return {};
}

// What the caller gives, in the shape that this library knows. What only a later version knows has
// to be zero.
template <class T>
Result<T> ReadStruct(const T* given, const char* name) {
  MASR_RETURN_IF_ERROR(CheckSize(given, name));
  T known{};
  std::memcpy(&known, given, std::min(given->struct_size, sizeof(T)));
  known.struct_size = sizeof(T);
  const char* bytes = reinterpret_cast<const char*>(given);
  for (size_t i = sizeof(T); i < given->struct_size; ++i) {
    if (bytes[i] != 0) {
      return Fail(ErrorCode::kInvalidArgument,
                  std::string(name) +
                      " asks for what a later version of the library can do; "
                      "leave it zero, or use that version");
    }
  }
  return known;
}

// NULL: the default.
template <class T>
Result<T> ReadOptions(const T* given, const char* name) {
  if (given == nullptr) return T{.struct_size = sizeof(T)};
  return ReadStruct(given, name);
}

// To a caller's struct whose size has been checked; its struct_size stays.
template <class T>
void WriteStruct(const T& from, T* to) {
  const size_t offset = sizeof(from.struct_size);
  std::memcpy(reinterpret_cast<char*>(to) + offset, reinterpret_cast<const char*>(&from) + offset,
              std::min(to->struct_size, sizeof(T)) - offset);
}

}  // namespace masr::capi

#endif  // MOBILEASR_CAPI_STRUCTS_H_
