#include "io/file_lock.h"

#include <gtest/gtest.h>

#include <optional>

#include "io/testing/temporary_folder.h"

namespace masr {
namespace {

TEST(FileLock, OneAtATime) {
  const testing::TemporaryFolder folder;
  std::optional<Result<FileLock>> first = FileLock::Take(folder / "lock");
  ASSERT_TRUE(first->has_value());
  const auto second = FileLock::Take(folder / "lock");
  ASSERT_FALSE(second.has_value());
  EXPECT_NE(second.error().message.find("another process"), std::string::npos);
  std::optional<FileLock> moved = std::move(**first);
  first.reset();
  EXPECT_FALSE(FileLock::Take(folder / "lock").has_value());
  moved.reset();
  EXPECT_TRUE(FileLock::Take(folder / "lock").has_value());
}

TEST(FileLock, AFolderThatIsNotThere) {
  const testing::TemporaryFolder folder;
  const auto lock = FileLock::Take(folder / "nowhere/lock");
  ASSERT_FALSE(lock.has_value());
  EXPECT_NE(lock.error().message.find("nowhere/lock"), std::string::npos);
}

}  // namespace
}  // namespace masr
