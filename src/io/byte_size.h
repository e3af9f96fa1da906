// Amounts of memory as people write them.
#ifndef MOBILEASR_IO_BYTE_SIZE_H_
#define MOBILEASR_IO_BYTE_SIZE_H_

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace masr {

// "200MB" and "200M" are 200 * 10^6 bytes, "200MiB" 200 * 2^20; likewise with k, G and T; a number
// alone, or with "B", is bytes. Letters of either case, a fraction ("1.5 GB") and a space before
// the unit are allowed. kInvalidArgument for anything else, and for less than a byte.
Result<int64_t> ParseByteSize(std::string_view text);

}  // namespace masr

#endif  // MOBILEASR_IO_BYTE_SIZE_H_
