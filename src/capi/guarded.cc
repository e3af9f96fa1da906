// The one place of the library that is compiled with exceptions besides audio/pitch.cc: nothing of
// ours throws, but the C++ library does where memory runs out.
#include <new>
#include <stdexcept>

#include "capi/handle.h"

namespace masr::capi {

bool Guarded(Body<void> make) {
  try {
    make();
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  } catch (const std::length_error&) {  // a container that is asked for more than there can be
    return false;
  }
}

}  // namespace masr::capi
