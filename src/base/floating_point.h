// The floating-point mode of a thread: rounding, what happens to denormal numbers, traps.
//
// A program may compute as it likes (a game flushes denormal numbers to zero, a numeric program
// traps what is not a number). The library computes in the default mode whoever calls it, so that
// the same seed gives the same bits, and leaves a caller's as it was: in each call, and when it is
// loaded (floating_point.cc).
#ifndef MOBILEASR_BASE_FLOATING_POINT_H_
#define MOBILEASR_BASE_FLOATING_POINT_H_

#include <cfenv>

namespace masr {

// The default mode until the end of the scope, then the one that was there.
class DefaultFloatingPoint {
 public:
  DefaultFloatingPoint();
  ~DefaultFloatingPoint();
  DefaultFloatingPoint(const DefaultFloatingPoint&) = delete;
  DefaultFloatingPoint& operator=(const DefaultFloatingPoint&) = delete;

 private:
  std::fenv_t before_;
};

}  // namespace masr

#endif  // MOBILEASR_BASE_FLOATING_POINT_H_
