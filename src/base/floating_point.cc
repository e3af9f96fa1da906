#include "base/floating_point.h"

#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

// A library that was linked with -ffast-math (Debian's SoundTouch) turns denormal numbers into
// zeros for the whole thread that loads it, in its constructor. Ours comes after that, as this
// library needs it, and puts back what was there before.
//
// What was there before, only something that runs before any constructor can see: an indirect
// function, which the loader asks for its address while it still binds names. Elsewhere, and under
// sanitizers, which are not ready that early, the mode of a new process is assumed.
#if defined(__GLIBC__) && (defined(__x86_64__) || defined(__aarch64__)) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define MASR_SEES_MODE_BEFORE_LOADING 1
#endif

namespace masr {
namespace {

#if defined(__x86_64__)
using Mode = uint32_t;
constexpr Mode kDenormals = 0x8040;  // as results, as arguments
inline Mode Get() { return _mm_getcsr(); }
inline void Set(Mode mode) { _mm_setcsr(mode); }
#elif defined(__aarch64__)
using Mode = uint64_t;
constexpr Mode kDenormals = 1 << 24;
inline Mode Get() {
  Mode mode;
  asm volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
}
inline void Set(Mode mode) { asm volatile("msr fpcr, %0" : : "r"(mode)); }
#else
using Mode = uint32_t;
constexpr Mode kDenormals = 0;
inline Mode Get() { return 0; }
inline void Set(Mode) {}
#endif

constinit Mode before_loading = 0;

}  // namespace

#ifdef MASR_SEES_MODE_BEFORE_LOADING
extern "C" {
static void Nothing() {}
// Not a word more than this: nothing that it could call has an address yet.
[[gnu::used, gnu::no_stack_protector]] static void (*MasrResolveNothing())() {
  before_loading = Get();
  return Nothing;
}
[[gnu::ifunc("MasrResolveNothing")]] static void MasrNothing();
}
#endif

namespace {

[[gnu::constructor]] void PutBack() {
#ifdef MASR_SEES_MODE_BEFORE_LOADING
  MasrNothing();  // so that it is bound
#endif
  Set((Get() & ~kDenormals) | (before_loading & kDenormals));
}

}  // namespace

DefaultFloatingPoint::DefaultFloatingPoint() {
  std::fegetenv(&before_);
  std::fesetenv(FE_DFL_ENV);
}

DefaultFloatingPoint::~DefaultFloatingPoint() { std::fesetenv(&before_); }

}  // namespace masr
