// Large pages for large blocks: a matrix read along its columns then needs few address
// translations.
#ifndef MOBILEASR_BASE_HUGE_PAGES_H_
#define MOBILEASR_BASE_HUGE_PAGES_H_

#include <cstddef>

namespace masr {

// Asks the system to back the block with large pages where that costs it nothing; to be called
// before the block is first touched. A hint: without effect on small blocks and on systems without
// it.
void AdviseHugePages(void* block, size_t bytes);

}  // namespace masr

#endif  // MOBILEASR_BASE_HUGE_PAGES_H_
