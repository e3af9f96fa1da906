#include "memory_limit.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <new>
#include <thread>
#include <vector>

#include "child_process.h"

namespace masr::cli {
namespace {

namespace fs = std::filesystem;

// A tree that looks like one of control groups; this process's group in it is there already, so
// that its files can be.
class FakeGroups : public testing::Test {
 protected:
  FakeGroups() {
    std::string name = (fs::temp_directory_path() / "memory_limit_XXXXXX").string();
    root_ = mkdtemp(name.data());
    group_ = root_ / ("mobileasr." + std::to_string(getpid()));
  }
  ~FakeGroups() override { fs::remove_all(root_); }

  std::vector<ControlGroupRoot> Roots() const { return {{root_.string(), "memory.max"}}; }
  void Put(const std::string& name, const std::string& text) const {
    fs::create_directories(group_);
    std::ofstream(group_ / name) << text;
  }

  fs::path root_;
  fs::path group_;
};

constexpr int64_t kBytes = int64_t{64} << 20;

TEST_F(FakeGroups, AnOrdinaryFolderIsNoControlGroupAndIsLeftAsItWas) {
  {
    const ControlGroup group(Roots(), kBytes);
    EXPECT_EQ(group.path(), "");
    EXPECT_FALSE(group.Join());
  }
  EXPECT_TRUE(fs::is_empty(root_));
  const auto code = RunWithinMemory(
      kBytes, Roots(), [](const std::string& limit) { return limit == "data limit" ? 7 : 1; });
  ASSERT_TRUE(code.has_value()) << code.error().message;
  EXPECT_EQ(*code, 7);
  EXPECT_TRUE(fs::is_empty(root_));
}

TEST_F(FakeGroups, AGroupThatDoesNotTellItsLimitBackIsNone) {
  fs::create_directories(group_);
  fs::create_symlink("/dev/null", group_ / "memory.max");
  EXPECT_EQ(ControlGroup(Roots(), kBytes).path(), "");
}

TEST_F(FakeGroups, AGroupThatDoesNotHoldTheProcessIsNotJoined) {
  Put("memory.max", "max\n");
  Put("cgroup.procs", "");
  const ControlGroup group(Roots(), kBytes);
  EXPECT_EQ(group.path(), group_.string());
  EXPECT_TRUE(group.Join());  // a file that holds what was written to it
  fs::remove(group_ / "cgroup.procs");
  EXPECT_FALSE(group.Join());
  fs::create_symlink("/dev/null", group_ / "cgroup.procs");
  EXPECT_FALSE(group.Join());
}

TEST_F(FakeGroups, TellsWhetherTheKernelHasKilled) {
  Put("memory.max", "max\n");
  const ControlGroup group(Roots(), kBytes);
  EXPECT_FALSE(group.Killed());
  Put("memory.events", "low 0\nhigh 0\nmax 17\noom 1\noom_kill 0\n");
  EXPECT_FALSE(group.Killed());
  Put("memory.events", "low 0\nhigh 0\nmax 17\noom 1\noom_kill 2\n");
  EXPECT_TRUE(group.Killed());
}

TEST_F(FakeGroups, GroupsOfDeadProcessesAreRemovedAndOthersAreNot) {
  const pid_t dead = fork();
  if (dead == 0) std::_Exit(0);
  WaitFor(dead);
  const fs::path left = root_ / ("mobileasr." + std::to_string(dead));
  const fs::path living = root_ / ("mobileasr." + std::to_string(getppid()));
  const fs::path other = root_ / ("other." + std::to_string(dead));
  for (const fs::path& folder : {left, living, other}) fs::create_directory(folder);
  { const ControlGroup group(Roots(), kBytes); }
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists(living));
  EXPECT_TRUE(fs::exists(other));
}

// On this machine's own groups, where it lets this user make one.
TEST(SystemGroups, EndAProcessThatWantsMoreAndAreGoneThen) {
  std::string path;
  {
    const ControlGroup group(SystemControlGroups(), kBytes);
    path = group.path();
  }
  if (path.empty()) GTEST_SKIP() << "no control group can be made here";
  EXPECT_FALSE(fs::exists(path));
  const auto take = [](int64_t bytes) {
    return RunWithinMemory(kBytes, SystemControlGroups(), [bytes](const std::string& limit) {
      std::vector<char> pages(static_cast<size_t>(bytes), 1);
      volatile char* last = &pages.back();
      return limit == "control group" && *last == 1 ? 3 : 4;
    });
  };
  const auto within = take(kBytes / 2);
  ASSERT_TRUE(within.has_value()) << within.error().message;
  EXPECT_EQ(*within, 3);
  const auto beyond = take(kBytes * 2);
  ASSERT_FALSE(beyond.has_value());
  EXPECT_EQ(beyond.error().code, ErrorCode::kNoSpace);
  EXPECT_NE(beyond.error().message.find(std::to_string(kBytes)), std::string::npos);
  EXPECT_FALSE(fs::exists(path));
}

volatile std::sig_atomic_t seen = 0;

TEST(RunInChild, PassesSignalsOnAndWaits) {
  for (const int number : {SIGINT, SIGTERM}) {
    const pid_t parent = getpid();
    const auto status = RunInChild([&] {
      std::signal(number, [](int) { seen = seen + 1; });
      kill(parent, number);
      for (int i = 0; i < 1000 && seen == 0; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
      return 40 + seen;  // the parent waits for what is done after the signal
    });
    ASSERT_TRUE(status.has_value());
    EXPECT_TRUE(WIFEXITED(*status));
    EXPECT_EQ(WEXITSTATUS(*status), 41);
  }
}

TEST(RunInChild, HoldsAnExceptionAndTellsASignal) {
  const auto thrown = RunInChild([]() -> int { throw std::bad_alloc(); });
  ASSERT_TRUE(thrown.has_value());
  EXPECT_EQ(WEXITSTATUS(*thrown), 1);
  const auto killed = RunWithinMemory(kBytes, {}, [](const std::string&) {
    raise(SIGKILL);
    return 0;
  });
  ASSERT_FALSE(killed.has_value());
  EXPECT_NE(killed.error().message.find("signal 9"), std::string::npos);
}

}  // namespace
}  // namespace masr::cli
