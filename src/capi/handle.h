// What every handle of the C interface has, and the way through which every call enters.
#ifndef MOBILEASR_CAPI_HANDLE_H_
#define MOBILEASR_CAPI_HANDLE_H_

#include <atomic>
#include <string>

#include "base/result.h"
#include "mobileasr/mobileasr.h"

namespace masr::capi {

// MASR_OK or MASR_BUFFER_TOO_SMALL; anything else is an Error.
using Outcome = Result<masr_status>;

// What to call, without a copy of it: std::function may allocate, and here nothing may yet.
template <class R>
class Body {
 public:
  template <class F>
  Body(const F& function)  // NOLINT(google-explicit-constructor): made of lambdas, where they are
      : object_(&function),
        call_([](const void* object) -> R { return (*static_cast<const F*>(object))(); }) {}
  R operator()() const { return call_(object_); }

 private:
  const void* object_;
  R (*call_)(const void*);
};

struct Handle {
  std::atomic<bool> busy = false;
  std::atomic<bool> cancelled = false;
  // Memory ran out in the middle of a call: nobody knows what its parts are like.
  bool broken = false;
  std::string message;  // of the last call
};

masr_status StatusOf(ErrorCode code);
// The other way; kInvalidArgument for what is no error of ours.
ErrorCode CodeOf(masr_status status);

// Runs `body` as the only call of `handle` at this time. Its error becomes the handle's message.
// What the C++ library throws where memory runs out ends here.
masr_status Enter(Handle* handle, Body<Outcome> body);
// For bodies that know no buffer that may be too small.
masr_status EnterPlain(Handle* handle, Body<Status> body);

// kCancelled while the flag is up.
Status CheckCancelled(const std::atomic<bool>& cancelled);

// The call `make` that gives a new handle, with the same care; false where memory ran out.
bool Guarded(Body<void> make);

int ThreadCount(int32_t asked);
Status CheckThreads(int32_t asked);

// Copies `text` and its NUL to a caller's buffer of *bytes, as masr_owner_model() says it.
Outcome CopyText(const std::string& text, char* buffer, size_t* bytes);

}  // namespace masr::capi

#endif  // MOBILEASR_CAPI_HANDLE_H_
