#include "io/file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "io/testing/file_fixture.h"

namespace masr {
namespace {

namespace fs = std::filesystem;

using FileTest = testing::FileFixture;
using testing::Bytes;

TEST_F(FileTest, WritesAndReadsBack) {
  const std::string text("one\0two\n", 8);
  ASSERT_TRUE(ReplaceFile(Path("a"), text).has_value());
  EXPECT_EQ(*ReadTextFile(Path("a")), text);
  auto mapped = MappedFile::Open(Path("a"));
  ASSERT_TRUE(mapped.has_value());
  EXPECT_EQ(std::string(mapped->bytes().begin(), mapped->bytes().end()), text);
  EXPECT_EQ(FilesInFolder(), 1u);
}

TEST_F(FileTest, AnEmptyFileMapsToNothing) {
  ASSERT_TRUE(ReplaceFile(Path("empty"), "").has_value());
  EXPECT_TRUE(MappedFile::Open(Path("empty"))->bytes().empty());
  EXPECT_EQ(*ReadTextFile(Path("empty")), "");
}

TEST_F(FileTest, MappingsMove) {
  ASSERT_TRUE(ReplaceFile(Path("a"), "aa").has_value());
  ASSERT_TRUE(ReplaceFile(Path("b"), "bbb").has_value());
  MappedFile a = *MappedFile::Open(Path("a"));
  MappedFile b = std::move(a);
  EXPECT_EQ(b.bytes().size(), 2u);
  EXPECT_TRUE(a.bytes().empty());
  b = *MappedFile::Open(Path("b"));
  EXPECT_EQ(b.bytes()[2], 'b');
}

// Kilobytes, of pages that come from files.
int64_t ResidentFilePages() {
  const auto status = ReadTextFile("/proc/self/status");
  const size_t place = status.has_value() ? status->find("RssFile:") : std::string::npos;
  return place == std::string::npos ? -1 : std::atoll(status->c_str() + place + 8);
}

TEST_F(FileTest, ReleasedPartsOfAMappingAreNoLongerHeldAndCanBeReadAgain) {
  const size_t size = size_t{32} << 20;
  ASSERT_TRUE(ReplaceFile(Path("large"), std::string(size, 'x')).has_value());
  const auto mapped = MappedFile::Open(Path("large"));
  ASSERT_TRUE(mapped.has_value());
  const auto sum = [](std::span<const uint8_t> bytes) {
    size_t count = 0;
    for (const uint8_t byte : bytes) count += byte == 'x';
    return count;
  };
  ASSERT_EQ(sum(mapped->bytes()), size);
  const int64_t held = ResidentFilePages();
  if (held < 0) GTEST_SKIP() << "this system does not tell what a process holds";
  mapped->Release(mapped->bytes().subspan(100, size - 200));
  EXPECT_LT(ResidentFilePages(), held - 31 * 1024);
  EXPECT_EQ(sum(mapped->bytes()), size);
  // What is not of the mapping is left alone.
  const std::string own(size_t{1} << 20, 'y');
  mapped->Release(Bytes(own));
  EXPECT_EQ(own, std::string(size_t{1} << 20, 'y'));
}

TEST_F(FileTest, AMappingOutlivesTheReplacementOfItsFile) {
  ASSERT_TRUE(ReplaceFile(Path("a"), "old").has_value());
  MappedFile old = *MappedFile::Open(Path("a"));
  ASSERT_TRUE(ReplaceFile(Path("a"), "replaced").has_value());
  EXPECT_EQ(std::string(old.bytes().begin(), old.bytes().end()), "old");
  EXPECT_EQ(*ReadTextFile(Path("a")), "replaced");
}

TEST_F(FileTest, ReadingNamesTheFileAndTheReason) {
  for (const auto& error :
       {MappedFile::Open(Path("none")).error(), ReadTextFile(Path("none")).error()}) {
    EXPECT_EQ(error.code, ErrorCode::kNotFound);
    EXPECT_NE(error.message.find(Path("none")), std::string::npos);
    EXPECT_NE(error.message.find("No such file"), std::string::npos);
  }
  EXPECT_EQ(MappedFile::Open(folder_.path()).error().message,
            folder_.path().string() + ": is a folder, not a file");
  EXPECT_EQ(ReadTextFile(folder_.path()).error().message,
            folder_.path().string() + ": is a folder, not a file");
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  EXPECT_FALSE(MappedFile::Open(Path("pipe")).has_value());
  EXPECT_FALSE(ReadTextFile(Path("pipe")).has_value());
}

TEST_F(FileTest, ReadTextFileIsBounded) {
  ASSERT_TRUE(ReplaceFile(Path("a"), "12345").has_value());
  EXPECT_EQ(*ReadTextFile(Path("a"), 5), "12345");
  EXPECT_EQ(ReadTextFile(Path("a"), 4).error().code, ErrorCode::kUnsupported);
  EXPECT_FALSE(ReadTextFile(Path("a"), 0).has_value());
}

TEST_F(FileTest, ReadsFilesThatDoNotKnowTheirSize) {
  if (!fs::exists("/proc/self/status")) GTEST_SKIP() << "no /proc";
  auto text = ReadTextFile("/proc/self/status");
  ASSERT_TRUE(text.has_value());
  EXPECT_NE(text->find("Pid:"), std::string::npos);
}

TEST_F(FileTest, ReplaceFailsWhereThereIsNoFolder) {
  auto missing = ReplaceFile(Path("none/a"), "x");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(ReplaceFile(Path("file"), "x").has_value());
  auto under_file = ReplaceFile(Path("file/a"), "x");
  ASSERT_FALSE(under_file.has_value());
  EXPECT_EQ(under_file.error().code, ErrorCode::kIo);
  EXPECT_NE(under_file.error().message.find("cannot create"), std::string::npos);
  auto over_folder = ReplaceFile(folder_.path(), "x");
  ASSERT_FALSE(over_folder.has_value());
  EXPECT_FALSE(fs::exists(folder_.path().string() + ".tmp"));
}

TEST_F(FileTest, ReplaceKeepsTheModeOfAPrivateFile) {
  ASSERT_TRUE(ReplaceFile(Path("a"), "x").has_value());
  fs::permissions(Path("a"), fs::perms::owner_read | fs::perms::owner_write);
  ASSERT_TRUE(ReplaceFile(Path("a"), "y").has_value());
  EXPECT_EQ(fs::status(Path("a")).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(FileTest, AnErrorOfTheWriterLeavesTheOldFile) {
  ASSERT_TRUE(ReplaceFile(Path("a"), "old").has_value());
  auto failed = ReplaceFile(Path("a"), [](FileSink& sink) -> Status {
    MASR_RETURN_IF_ERROR(sink.Write(Bytes("half")));
    return Fail(ErrorCode::kCancelled, "stopped");
  });
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().message, "stopped");
  EXPECT_EQ(*ReadTextFile(Path("a")), "old");
  EXPECT_EQ(FilesInFolder(), 1u);
}

TEST_F(FileTest, WritersOfOnePathTakeTurns) {
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&, i] {
      for (int round = 0; round < 20; ++round) {
        auto status = ReplaceFile(Path("a"), [&](FileSink& sink) -> Status {
          const std::string part(1000, static_cast<char>('a' + i));
          for (int n = 0; n < 10; ++n) MASR_RETURN_IF_ERROR(sink.Write(Bytes(part)));
          return {};
        });
        EXPECT_TRUE(status.has_value()) << status.error().message;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  const std::string text = *ReadTextFile(Path("a"));
  EXPECT_EQ(text, std::string(10'000, text[0]));
  EXPECT_EQ(FilesInFolder(), 1u);
}

TEST_F(FileTest, RemovesWhatAKilledWriterLeft) {
  ASSERT_TRUE(ReplaceFile(Path("a"), "x").has_value());
  ASSERT_TRUE(ReplaceFile(Path("a.tmp"), "half of").has_value());
  ASSERT_TRUE(RemoveFile(Path("a")).has_value());
  EXPECT_EQ(FilesInFolder(), 0u);
  EXPECT_TRUE(RemoveFile(Path("a")).has_value());
}

TEST_F(FileTest, MakesFoldersWithinFolders) {
  ASSERT_TRUE(MakeFolder(Path("a/b/c/")).has_value());
  EXPECT_TRUE(fs::is_directory(Path("a/b/c")));
  EXPECT_TRUE(MakeFolder(Path("a/b/c")).has_value());
  EXPECT_TRUE(MakeFolder("/").has_value());
  EXPECT_TRUE(MakeFolder(".").has_value());
  ASSERT_TRUE(ReplaceFile(Path("file"), "x").has_value());
  for (const std::string& path : {Path("file"), Path("file/inside")}) {
    const Status made = MakeFolder(path);
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error().message, Path("file") + ": is a file, not a folder");
  }
}

}  // namespace
}  // namespace masr
