// Files: mapped for reading, replaced atomically and durably for writing.
#ifndef MOBILEASR_IO_FILE_H_
#define MOBILEASR_IO_FILE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace masr {

// A read-only mapping of a whole plain file. Move-only; an empty file maps to an empty span. Nobody
// may shorten the file while it is mapped (ReplaceFile does not: it puts a new file in its place).
class MappedFile {
 public:
  static Result<MappedFile> Open(const std::string& path);
  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const uint8_t> bytes() const { return {data_, size_}; }
  // What has been read of `part` no longer counts as this process's memory; it is read from the
  // file again when it is used again. Nothing happens where it does not lie in bytes().
  void Release(std::span<const uint8_t> part) const;

 private:
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

// The whole of a text file of at most `max_bytes`.
Result<std::string> ReadTextFile(const std::string& path, size_t max_bytes = size_t{1} << 30);

// Bytes `offset` to `offset + size` of a plain file. Refused, naming file and place, where the file
// ends before; nothing is allocated for bytes that are not there.
Result<std::vector<uint8_t>> ReadFileRange(const std::string& path, int64_t offset, int64_t size);

// Receives the bytes of a file being written, in order.
class FileSink {
 public:
  virtual ~FileSink() = default;
  virtual Status Write(std::span<const uint8_t> bytes) = 0;
};

// Writes path + ".tmp", fsyncs, renames over `path`, fsyncs the folder. If anything fails (a full
// disk), the old file is untouched, the temporary one is removed, and the error says which step.
// Two writers of one path take turns; what a killed one left behind, the next one overwrites.
Status ReplaceFile(const std::string& path, const std::function<Status(FileSink&)>& write);
Status ReplaceFile(const std::string& path, std::string_view contents);

// The same with the bytes of another file, which stays.
Status CopyFile(const std::string& from, const std::string& to);
// Renames `from` over `to`, in the same file system, and fsyncs the folder of `to`.
Status MoveFile(const std::string& from, const std::string& to);
// False where there is none, or none that this process may see.
bool FileExists(const std::string& path);
// And what a killed ReplaceFile left beside it. Nothing happens where there is none.
Status RemoveFile(const std::string& path);
// Until then, what was removed from a folder may be there again after a power loss. Whatever the
// other functions here put in place or make is synced already.
Status SyncFolder(const std::string& folder);
// With the folders around it, each durable. Nothing happens where it is already.
Status MakeFolder(const std::string& path);

}  // namespace masr

#endif  // MOBILEASR_IO_FILE_H_
