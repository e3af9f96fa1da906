#include "io/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace masr {
namespace {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }

  int get() const { return fd_; }
  // Some file systems report a failed write only here.
  int Close() { return close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

template <class Call>
auto RetryInterrupted(const Call& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

tl::unexpected<Error> FailErrno(const std::string& path, const std::string& step, int error) {
  std::string message = path + ": cannot " + step + ": " + std::generic_category().message(error);
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return Fail(ErrorCode::kNoSpace, message + "; free some space and try again");
    case EFBIG:
      return Fail(ErrorCode::kNoSpace, message + "; raise the limit on file sizes and try again");
    case ENOENT:
      return Fail(ErrorCode::kNotFound, message);
    default:
      return Fail(ErrorCode::kIo, message);
  }
}

Status CheckRegular(const std::string& path, const struct stat& info) {
  if (S_ISREG(info.st_mode)) return {};
  return Fail(
      ErrorCode::kInvalidArgument,
      path + (S_ISDIR(info.st_mode) ? ": is a folder, not a file" : ": is not a plain file"));
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

class DescriptorSink : public FileSink {
 public:
  DescriptorSink(int fd, const std::string& path) : fd_(fd), path_(path) {}

  Status Write(std::span<const uint8_t> bytes) override {
    while (!bytes.empty() && status_.has_value()) {
      const ssize_t written =
          RetryInterrupted([&] { return write(fd_, bytes.data(), bytes.size()); });
      if (written < 0) {
        status_ = FailErrno(path_, "write", errno);
      } else {
        bytes = bytes.subspan(static_cast<size_t>(written));
      }
    }
    return status_;
  }

  // The first error stays, so that a caller who drops one cannot put a short file in place.
  const Status& status() const { return status_; }

 private:
  int fd_;
  const std::string& path_;
  Status status_;
};

// Opens `temporary` and locks it. The name is fixed, so that what a killed process left behind is
// overwritten instead of piling up; the lock makes a second writer of the same file wait.
Result<int> OpenTemporary(const std::string& temporary) {
  while (true) {
    const int fd = RetryInterrupted(
        [&] { return open(temporary.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666); });
    if (fd < 0) return FailErrno(temporary, "create", errno);
    // Where the file system has no locks, go on without.
    RetryInterrupted([&] { return flock(fd, LOCK_EX); });
    struct stat opened, named;
    if (fstat(fd, &opened) == 0 && stat(temporary.c_str(), &named) == 0 &&
        opened.st_ino == named.st_ino && opened.st_dev == named.st_dev) {
      return fd;
    }
    // While this writer waited, the other one renamed or removed the file.
    close(fd);
  }
}

Status FillAndSync(int fd, const std::string& path, const std::string& temporary,
                   const std::function<Status(FileSink&)>& write) {
  if (RetryInterrupted([&] { return ftruncate(fd, 0); }) < 0) {
    return FailErrno(temporary, "truncate", errno);
  }
  struct stat old;
  if (stat(path.c_str(), &old) == 0) {
    MASR_RETURN_IF_ERROR(CheckRegular(path, old));
    // A private file stays private. Cards formatted with FAT have no modes: not an error.
    [[maybe_unused]] const int ignored = fchmod(fd, old.st_mode & 0777);
  }
  DescriptorSink sink(fd, temporary);
  MASR_RETURN_IF_ERROR(write(sink));
  MASR_RETURN_IF_ERROR(sink.status());
  if (RetryInterrupted([&] { return fsync(fd); }) < 0) {
    return FailErrno(temporary, "flush to disk", errno);
  }
  return {};
}

}  // namespace

Status SyncFolder(const std::string& folder) {
  FileDescriptor fd(
      RetryInterrupted([&] { return open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (fd.get() < 0) return FailErrno(folder, "open the folder", errno);
  // EINVAL: a file system that does not know how to sync a folder.
  if (RetryInterrupted([&] { return fsync(fd.get()); }) < 0 && errno != EINVAL) {
    return FailErrno(folder, "flush the folder to disk (what was changed in it is in place)",
                     errno);
  }
  return {};
}

Result<MappedFile> MappedFile::Open(const std::string& path) {
  // Non-blocking: a named pipe given by mistake must not hang.
  FileDescriptor fd(
      RetryInterrupted([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }));
  if (fd.get() < 0) return FailErrno(path, "open", errno);
  struct stat info;
  if (fstat(fd.get(), &info) < 0) return FailErrno(path, "read the size", errno);
  MASR_RETURN_IF_ERROR(CheckRegular(path, info));
  MappedFile file;
  file.size_ = static_cast<size_t>(info.st_size);
  if (file.size_ == 0) return file;
  void* mapping = mmap(nullptr, file.size_, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (mapping == MAP_FAILED) {
    const int error = errno;
    file.size_ = 0;
    return FailErrno(path, "map into memory", error);
  }
  file.data_ = static_cast<const uint8_t*>(mapping);
  return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<uint8_t*>(data_), size_);
}

// The pages that are all of the part's; those at its ends may be somebody else's too.
void MappedFile::Release(std::span<const uint8_t> part) const {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<uintptr_t>(part.data());
  const auto mapping = reinterpret_cast<uintptr_t>(data_);
  if (begin < mapping || begin + part.size() > mapping + size_) return;  // memory of its own
  const uintptr_t first = (begin + page - 1) / page * page;
  const uintptr_t last = (begin + part.size()) / page * page;
  if (last <= first) return;
  madvise(const_cast<uint8_t*>(part.data()) + (first - begin), last - first, MADV_DONTNEED);
}

Result<std::string> ReadTextFile(const std::string& path, size_t max_bytes) {
  FileDescriptor fd(
      RetryInterrupted([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }));
  if (fd.get() < 0) return FailErrno(path, "open", errno);
  struct stat info;
  if (fstat(fd.get(), &info) < 0) return FailErrno(path, "read the size", errno);
  MASR_RETURN_IF_ERROR(CheckRegular(path, info));

  // The size is a hint only (files under /proc say 0): what is read decides.
  std::string text;
  size_t used = 0;
  text.resize(std::min(static_cast<size_t>(info.st_size), max_bytes) + 1);
  while (true) {
    const ssize_t got =
        RetryInterrupted([&] { return read(fd.get(), text.data() + used, text.size() - used); });
    if (got < 0) return FailErrno(path, "read", errno);
    if (got == 0) break;
    used += static_cast<size_t>(got);
    if (used > max_bytes) {
      return Fail(ErrorCode::kUnsupported, path + ": longer than the " + std::to_string(max_bytes) +
                                               " bytes that are read of such a file");
    }
    if (used == text.size()) text.resize(std::min(2 * used, max_bytes) + 1);
  }
  text.resize(used);
  return text;
}

Result<std::vector<uint8_t>> ReadFileRange(const std::string& path, int64_t offset, int64_t size) {
  FileDescriptor fd(
      RetryInterrupted([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }));
  if (fd.get() < 0) return FailErrno(path, "open", errno);
  struct stat info;
  if (fstat(fd.get(), &info) < 0) return FailErrno(path, "read the size", errno);
  MASR_RETURN_IF_ERROR(CheckRegular(path, info));
  const auto ends_before = [&] {
    return Fail(ErrorCode::kCorrupt, path + ": holds " + std::to_string(info.st_size) +
                                         " bytes, but " + std::to_string(size) +
                                         " are wanted from byte " + std::to_string(offset) +
                                         "; copy or make it again");
  };
  if (offset < 0 || size < 0 || offset > info.st_size || size > info.st_size - offset) {
    return ends_before();
  }
  std::vector<uint8_t> bytes(static_cast<size_t>(size));
  size_t used = 0;
  while (used < bytes.size()) {
    const ssize_t got = RetryInterrupted([&] {
      return pread(fd.get(), bytes.data() + used, bytes.size() - used,
                   static_cast<off_t>(offset) + static_cast<off_t>(used));
    });
    if (got < 0) return FailErrno(path, "read", errno);
    if (got == 0) return ends_before();  // shortened meanwhile
    used += static_cast<size_t>(got);
  }
  return bytes;
}

Status ReplaceFile(const std::string& path, const std::function<Status(FileSink&)>& write) {
  const std::string temporary = path + ".tmp";
  MASR_TRY(const int opened, OpenTemporary(temporary));
  FileDescriptor fd(opened);
  Status status = FillAndSync(fd.get(), path, temporary, write);
  // Renamed before it is closed, so that the lock still holds.
  if (status.has_value() && rename(temporary.c_str(), path.c_str()) < 0) {
    status = FailErrno(path, "rename " + temporary + " to it", errno);
  }
  if (!status.has_value()) {
    unlink(temporary.c_str());
    return status;
  }
  if (fd.Close() < 0 && errno != EINTR) return FailErrno(path, "close", errno);
  return SyncFolder(FolderOf(path));
}

Status ReplaceFile(const std::string& path, std::string_view contents) {
  return ReplaceFile(path, [&](FileSink& sink) {
    return sink.Write({reinterpret_cast<const uint8_t*>(contents.data()), contents.size()});
  });
}

Status CopyFile(const std::string& from, const std::string& to) {
  MASR_TRY(const MappedFile file, MappedFile::Open(from));
  return ReplaceFile(to, [&](FileSink& sink) { return sink.Write(file.bytes()); });
}

Status MoveFile(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) < 0)
    return FailErrno(to, "rename " + from + " to it", errno);
  return SyncFolder(FolderOf(to));
}

bool FileExists(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0;
}

Status RemoveFile(const std::string& path) {
  for (const std::string& name : {path, path + ".tmp"}) {
    if (unlink(name.c_str()) < 0 && errno != ENOENT) return FailErrno(name, "remove", errno);
  }
  return {};
}

Status MakeFolder(const std::string& path) {
  const size_t end = path.find_last_not_of('/');
  const std::string folder = path.substr(0, end == std::string::npos ? 1 : end + 1);
  struct stat info;
  if (stat(folder.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) return {};
    return Fail(ErrorCode::kInvalidArgument, folder + ": is a file, not a folder");
  }
  MASR_RETURN_IF_ERROR(MakeFolder(FolderOf(folder)));
  if (mkdir(folder.c_str(), 0777) < 0 && errno != EEXIST) {
    return FailErrno(folder, "make the folder", errno);
  }
  return SyncFolder(FolderOf(folder));
}

}  // namespace masr
