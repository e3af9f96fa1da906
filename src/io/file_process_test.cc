// What happens to files when their writer is killed, held to a limit, or out of room: in processes
// of their own.
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "io/file.h"
#include "io/testing/file_fixture.h"

namespace masr {
namespace {

namespace fs = std::filesystem;

using FileProcessTest = testing::FileFixture;
using testing::Bytes;

// Runs `body` in a child process; its result is the child's exit status.
template <class Body>
int InChild(const Body& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(FileProcessTest, WhatAKilledWriterLeftIsOverwritten) {
  EXPECT_EQ(InChild([&] {
              [[maybe_unused]] const auto never =
                  ReplaceFile(Path("a"), [](FileSink& sink) -> Status {
                    MASR_RETURN_IF_ERROR(sink.Write(Bytes("much longer than the next one")));
                    _exit(7);
                  });
              return 0;
            }),
            7);
  EXPECT_FALSE(fs::exists(Path("a")));
  EXPECT_EQ(FilesInFolder(), 1u);
  ASSERT_TRUE(ReplaceFile(Path("a"), "next").has_value());
  EXPECT_EQ(*ReadTextFile(Path("a")), "next");
  EXPECT_EQ(FilesInFolder(), 1u);
}

// The system writes what still fits, then refuses: a short write followed by an error.
TEST_F(FileProcessTest, AFileLimitStopsTheWriteAndKeepsTheOldFile) {
  ASSERT_TRUE(ReplaceFile(Path("a"), "old").has_value());
  EXPECT_EQ(InChild([&] {
              signal(SIGXFSZ, SIG_IGN);
              const rlimit limit = {1000, 1000};
              if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
              auto status = ReplaceFile(Path("a"), std::string(4096, 'x'));
              if (status.has_value()) return 2;
              if (status.error().code != ErrorCode::kNoSpace) return 3;
              if (status.error().message.find("cannot write") == std::string::npos) return 4;
              // Even a writer that drops the error does not put a short file in place.
              status = ReplaceFile(Path("a"), [](FileSink& sink) -> Status {
                [[maybe_unused]] auto dropped = sink.Write(Bytes(std::string(4096, 'x')));
                return {};
              });
              return status.has_value() ? 5 : 0;
            }),
            0);
  EXPECT_EQ(*ReadTextFile(Path("a")), "old");
  EXPECT_EQ(FilesInFolder(), 1u);
}

TEST_F(FileProcessTest, AFullDiskKeepsTheOldFileAndSaysSo) {
  constexpr int kCannotMount = 99;
  const int result = InChild([&] {
    // A disk of 64 KiB that only this child sees.
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return kCannotMount;
    mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    if (mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=64k") != 0) return kCannotMount;
    if (!ReplaceFile(Path("a"), "old").has_value()) return 1;
    auto status = ReplaceFile(Path("a"), std::string(1 << 20, 'x'));
    if (status.has_value()) return 2;
    if (status.error().code != ErrorCode::kNoSpace) return 3;
    if (status.error().message.find("free some space") == std::string::npos) return 4;
    if (*ReadTextFile(Path("a")) != "old") return 5;
    if (FilesInFolder() != 1) return 6;
    // The space of the temporary file is free again.
    return ReplaceFile(Path("a"), std::string(30'000, 'x')).has_value() ? 0 : 7;
  });
  if (result == kCannotMount) GTEST_SKIP() << "no right to mount a small disk";
  EXPECT_EQ(result, 0);
}

}  // namespace
}  // namespace masr
