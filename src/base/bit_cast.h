// std::bit_cast, which Debian 12's Emscripten does not have yet.
#ifndef MOBILEASR_BASE_BIT_CAST_H_
#define MOBILEASR_BASE_BIT_CAST_H_

#include <cstring>

namespace masr {

template <class To, class From>
To BitCast(const From& from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof(to));
  return to;
}

}  // namespace masr

#endif  // MOBILEASR_BASE_BIT_CAST_H_
