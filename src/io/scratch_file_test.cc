#include "io/scratch_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <vector>

#include "io/testing/temporary_folder.h"

namespace masr {
namespace {

TEST(ScratchFile, GivesBackWhatWasWrittenInAnyOrderAndLeavesNothingBehind) {
  const testing::TemporaryFolder folder;
  auto made = ScratchFile::Create(folder.path().string());
  ASSERT_TRUE(made.has_value()) << made.error().message;
  ScratchFile file = std::move(*made);
  const std::vector<uint8_t> one = {1, 2, 3};
  const std::vector<uint8_t> two = {4, 5};
  ASSERT_TRUE(file.Write(3, two).has_value());
  ASSERT_TRUE(file.Write(0, one).has_value());
  std::vector<uint8_t> all(5);
  ASSERT_TRUE(file.Read(0, all).has_value());
  EXPECT_EQ(all, (std::vector<uint8_t>{1, 2, 3, 4, 5}));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  const Status beyond = file.Read(4, all);
  ASSERT_FALSE(beyond.has_value());
  EXPECT_EQ(beyond.error().code, ErrorCode::kCorrupt);
}

TEST(ScratchFile, AFolderThatIsNotThereIsNamed) {
  const testing::TemporaryFolder folder;
  const auto made = ScratchFile::Create(folder / "none");
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code, ErrorCode::kNotFound);
  EXPECT_NE(made.error().message.find(folder / "none"), std::string::npos);
  EXPECT_NE(made.error().message.find("make the folder"), std::string::npos);
}

// The limit on file sizes stands for a full disk.
TEST(ScratchFile, NoMoreSpaceIsAnOrdinaryError) {
  const testing::TemporaryFolder folder;
  auto file = ScratchFile::Create(folder.path().string());
  ASSERT_TRUE(file.has_value());
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  rlimit little = before;
  little.rlim_cur = 8;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &little), 0);
  const Status full = file->Write(4, std::vector<uint8_t>(8, 1));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old);
  ASSERT_FALSE(full.has_value());
  EXPECT_EQ(full.error().code, ErrorCode::kNoSpace);
  EXPECT_NE(full.error().message.find(folder.path().string()), std::string::npos);
}

}  // namespace
}  // namespace masr
