// For programs of tests: a result's value, or its error's message and the end.
#ifndef MOBILEASR_TESTS_CHECK_RESULT_H_
#define MOBILEASR_TESTS_CHECK_RESULT_H_

#include <cstdio>
#include <cstdlib>
#include <type_traits>
#include <utility>

#include "base/result.h"

namespace masr {

template <class T>
T Check(Result<T> result) {
  if (!result.has_value()) {
    std::fprintf(stderr, "%s\n", result.error().message.c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace masr

#endif  // MOBILEASR_TESTS_CHECK_RESULT_H_
