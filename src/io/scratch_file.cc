#include "io/scratch_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace masr {
namespace {

tl::unexpected<Error> FailErrno(const std::string& folder, const std::string& step, int error) {
  const std::string message =
      folder + ": cannot " + step + " a temporary file: " + std::generic_category().message(error);
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return Fail(ErrorCode::kNoSpace, message + "; free some space or name another folder");
    case ENOENT:
    case ENOTDIR:
      return Fail(ErrorCode::kNotFound, message + "; make the folder or name another one");
    default:
      return Fail(ErrorCode::kIo, message + "; name another folder");
  }
}

int OpenWithoutName(const std::string& folder) {
#ifdef O_TMPFILE
  const int descriptor = open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor >= 0) return descriptor;
#endif
  // A file system that makes no such files: made with a name, which is taken away at once.
  std::string name = folder + "/.mobileasr_XXXXXX";
  const int named = mkstemp(name.data());
  if (named < 0) return named;
  unlink(name.c_str());
  fcntl(named, F_SETFD, FD_CLOEXEC);
  return named;
}

}  // namespace

Result<ScratchFile> ScratchFile::Create(const std::string& folder) {
  const int descriptor = OpenWithoutName(folder);
  if (descriptor < 0) return FailErrno(folder, "create", errno);
  return ScratchFile(descriptor, folder);
}

ScratchFile::ScratchFile(ScratchFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), folder_(std::move(other.folder_)) {}

ScratchFile& ScratchFile::operator=(ScratchFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(folder_, other.folder_);
  return *this;
}

ScratchFile::~ScratchFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

Status ScratchFile::Write(int64_t offset, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t written =
        pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FailErrno(folder_, "write", errno);
    bytes = bytes.subspan(static_cast<size_t>(written));
    offset += written;
  }
  return {};
}

Status ScratchFile::Read(int64_t offset, std::span<uint8_t> bytes) const {
  while (!bytes.empty()) {
    const ssize_t got = pread(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailErrno(folder_, "read", errno);
    if (got == 0) {
      return Fail(ErrorCode::kCorrupt, folder_ + ": a temporary file ends before byte " +
                                           std::to_string(offset) + "; name another folder");
    }
    bytes = bytes.subspan(static_cast<size_t>(got));
    offset += got;
  }
  return {};
}

}  // namespace masr
