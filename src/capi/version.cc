// What needs no handle.
#include "mobileasr/mobileasr.h"

uint32_t masr_abi_version(void) { return MASR_ABI_VERSION; }

const char* masr_version(void) { return MASR_VERSION; }

const char* masr_status_name(masr_status status) {
  switch (status) {
    case MASR_OK:
      return "MASR_OK";
    case MASR_INVALID_ARGUMENT:
      return "MASR_INVALID_ARGUMENT";
    case MASR_NOT_FOUND:
      return "MASR_NOT_FOUND";
    case MASR_CORRUPT:
      return "MASR_CORRUPT";
    case MASR_UNSUPPORTED:
      return "MASR_UNSUPPORTED";
    case MASR_IO:
      return "MASR_IO";
    case MASR_NO_SPACE:
      return "MASR_NO_SPACE";
    case MASR_CANCELLED:
      return "MASR_CANCELLED";
    case MASR_DIVERGED:
      return "MASR_DIVERGED";
    case MASR_BUFFER_TOO_SMALL:
      return "MASR_BUFFER_TOO_SMALL";
    case MASR_BUSY:
      return "MASR_BUSY";
  }
  return "unknown";
}
