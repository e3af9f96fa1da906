// Room on disk for what memory has no place for.
#ifndef MOBILEASR_IO_SCRATCH_FILE_H_
#define MOBILEASR_IO_SCRATCH_FILE_H_

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace masr {

// A file without a name: nobody else can open it, and its room is free again when it is destroyed
// or its process dies. Move-only; one writer at a time.
class ScratchFile {
 public:
  // Fails, naming the folder, where no file can be made in it.
  static Result<ScratchFile> Create(const std::string& folder);
  ScratchFile(ScratchFile&& other) noexcept;
  ScratchFile& operator=(ScratchFile&& other) noexcept;
  ~ScratchFile();

  // All of `bytes`, from `offset` on. kNoSpace where the disk is full; what lies at other offsets
  // is as it was.
  Status Write(int64_t offset, std::span<const uint8_t> bytes);
  // Fails with kCorrupt where the file ends before.
  Status Read(int64_t offset, std::span<uint8_t> bytes) const;

 private:
  ScratchFile(int descriptor, std::string folder)
      : descriptor_(descriptor), folder_(std::move(folder)) {}
  int descriptor_;
  std::string folder_;  // for messages
};

}  // namespace masr

#endif  // MOBILEASR_IO_SCRATCH_FILE_H_
