// MASR_DCHECK guards contracts between our own functions (a kernel's shapes). It is compiled out of
// release builds: input from outside is validated where it enters, with a Result.
#ifndef MOBILEASR_BASE_CHECK_H_
#define MOBILEASR_BASE_CHECK_H_

#include <cassert>

#define MASR_DCHECK(condition) assert(condition)

#endif  // MOBILEASR_BASE_CHECK_H_
