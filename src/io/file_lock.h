// One process at a time in a folder.
#ifndef MOBILEASR_IO_FILE_LOCK_H_
#define MOBILEASR_IO_FILE_LOCK_H_

#include <string>

#include "base/result.h"

namespace masr {

// Holds a lock on a file until it is destroyed; the system takes it back from a process that dies.
// Move-only.
class FileLock {
 public:
  // Makes the file if it is not there. kIo at once if another process, or another FileLock of this
  // one, holds it.
  static Result<FileLock> Take(const std::string& path);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace masr

#endif  // MOBILEASR_IO_FILE_LOCK_H_
