// Errors as values. Nothing in src/ throws, prints or exits: a function that can fail returns
// Result<T>, and the message names the file, line or tensor and says what to do next.
#ifndef MOBILEASR_BASE_RESULT_H_
#define MOBILEASR_BASE_RESULT_H_

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace masr {

enum class ErrorCode {
  kInvalidArgument,  // the caller's value is wrong; the message says what would be right
  kNotFound,         // a file, tensor or name does not exist
  kCorrupt,          // bytes that do not follow their format
  kUnsupported,      // well-formed, but not something this build can do
  kIo,               // the system refused to read or write
  kNoSpace,          // a disk or a memory budget is too small
  kCancelled,        // the owner asked to stop; what was reached is saved
  kDiverged,         // training left the finite numbers and was undone
};

struct Error {
  ErrorCode code;
  std::string message;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> Fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}

// Puts where it happened in front of what happened: "train.jsonl: line 7: no such file".
inline tl::unexpected<Error> Fail(const std::string& where, Error error) {
  error.message = where + ": " + error.message;
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace masr

#define MASR_CONCAT_INNER(a, b) a##b
#define MASR_CONCAT(a, b) MASR_CONCAT_INNER(a, b)

// MASR_TRY(auto x, F()): x = *F(), or return its error.
// NOLINTBEGIN(bugprone-macro-parentheses): names and declarations take none.
#define MASR_TRY_INNER(temp, declaration, expression)                    \
  auto temp = (expression);                                              \
  if (!temp.has_value()) return tl::unexpected(std::move(temp.error())); \
  declaration = std::move(*temp)
// NOLINTEND(bugprone-macro-parentheses)
#define MASR_TRY(declaration, expression) \
  MASR_TRY_INNER(MASR_CONCAT(masr_try_, __LINE__), declaration, expression)

// The same for an expression whose value is not wanted.
#define MASR_RETURN_IF_ERROR(expression)                      \
  do {                                                        \
    auto masr_checked = (expression);                         \
    if (!masr_checked.has_value()) {                          \
      return tl::unexpected(std::move(masr_checked.error())); \
    }                                                         \
  } while (false)

#endif  // MOBILEASR_BASE_RESULT_H_
