// A tree of /proc and /sys that goes with the test.
#ifndef MOBILEASR_RESOURCES_TESTING_FAKE_DEVICE_H_
#define MOBILEASR_RESOURCES_TESTING_FAKE_DEVICE_H_

#include <gtest/gtest.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <string>
#include <utility>

#include "io/testing/temporary_folder.h"
#include "resources/linux_monitor.h"

namespace masr::testing {

class FakeDevice : public ::testing::Test {
 protected:
  // `path` begins with /proc or /sys.
  void Write(const std::string& path, const std::string& contents) const {
    const std::filesystem::path file = folder_.path().string() + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << contents;
  }
  // Files of one folder, each with a line end as the kernel writes it.
  using Files = std::initializer_list<std::pair<const char*, const char*>>;
  void WriteFolder(const std::string& folder, const Files& files) const {
    for (const auto& [name, contents] : files) {
      Write(folder + "/" + name, std::string(contents) + "\n");
    }
  }
  void Remove(const std::string& path) const {
    std::filesystem::remove_all(folder_.path().string() + path);
  }

  LinuxMonitorOptions Options() const {
    return {.root = folder_.path().string(),
            .disk_folder = folder_.path().string(),
            .clock_s = [this] { return now_s_; },
            .wall_clock = [this] { return time_; }};
  }
  ResourceSnapshot Read() const {
    auto snapshot = LinuxMonitor(Options()).Read();
    EXPECT_TRUE(snapshot.has_value());
    return snapshot.value_or(ResourceSnapshot{});
  }

  TemporaryFolder folder_;
  double now_s_ = 100;
  std::time_t time_ = 1'750'000'000;
};

}  // namespace masr::testing

#endif  // MOBILEASR_RESOURCES_TESTING_FAKE_DEVICE_H_
