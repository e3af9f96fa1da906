#include <unistd.h>

#include "resources/testing/fake_device.h"

namespace masr {
namespace {

constexpr int64_t kMb = 1'000'000;

class MemoryTest : public testing::FakeDevice {
 protected:
  void SetUp() override {
    Write(
        "/proc/meminfo",
        "MemTotal:        8000000 kB\nMemFree:          500000 kB\n"
        "MemAvailable:    3000000 kB\nBuffers:           10000 kB\nCached:          2000000 kB\n");
    Write("/proc/self/statm", "90000 5000 700 1 0 8000 0\n");
  }
  void Group(const std::string& path, const Files& files) {
    WriteFolder("/sys/fs/cgroup" + path, files);
  }
};

TEST_F(MemoryTest, WithoutGroupsTheDeviceCounts) {
  const ResourceSnapshot s = Read();
  EXPECT_EQ(s.total_bytes, 8'000'000 * int64_t{1024});
  EXPECT_EQ(s.available_bytes, 3'000'000 * int64_t{1024});
  EXPECT_EQ(s.process_bytes, 5000 * sysconf(_SC_PAGESIZE));
  EXPECT_FALSE(s.memory_pressure_percent.has_value());
}

TEST_F(MemoryTest, AnOldKernelHasNoMemAvailable) {
  Write("/proc/meminfo", "MemTotal: 1000 kB\nMemFree: 100 kB\nCached: 300 kB\n");
  EXPECT_EQ(Read().available_bytes, 250 * 1024);
  Write("/proc/meminfo", "MemTotal: 1000 kB\nMemFree: 100 kB\n");
  EXPECT_EQ(Read().available_bytes, 100 * 1024);
  Write("/proc/meminfo", "MemTotal: 1000 kB\nCached: 300 kB\n");
  EXPECT_EQ(Read().available_bytes, kUnknownBytes);
}

TEST_F(MemoryTest, AGroupLeavesItsLimitLessWhatCannotBeTakenBack) {
  Write("/proc/self/cgroup", "0::/app\n");
  Group("/app", {{"memory.max", "1000000000"},
                 {"memory.high", "max"},
                 {"memory.current", "700000000"},
                 {"memory.stat",
                  "anon 500000000\nfile 190000000\ninactive_file 150000000\n"
                  "active_file 40000000\nslab_reclaimable 10000000"}});
  ResourceSnapshot s = Read();
  EXPECT_EQ(s.total_bytes, 1000 * kMb);
  EXPECT_EQ(s.available_bytes, (1000 - 700 + 150 + 10) * kMb);

  Group("/app", {{"memory.high", "800000000"}});
  s = Read();
  EXPECT_EQ(s.total_bytes, 800 * kMb);
  EXPECT_EQ(s.available_bytes, (800 - 700 + 150 + 10) * kMb);
}

TEST_F(MemoryTest, ATighterParentCounts) {
  Write("/proc/self/cgroup", "12:devices:/x\n0::/outer/middle/own\n");
  Group("/outer/middle/own", {{"memory.max", "2000000000"}, {"memory.current", "100000000"}});
  Group("/outer/middle", {{"memory.max", "max"}, {"memory.current", "100000000"}});
  Group("/outer", {{"memory.max", "900000000"}, {"memory.current", "600000000"}});
  EXPECT_EQ(Read().available_bytes, 300 * kMb);
  EXPECT_EQ(Read().total_bytes, 900 * kMb);
  // Inside a container the mount itself is a group with a limit.
  Group("", {{"memory.max", "800000000"}, {"memory.current", "620000000"}});
  EXPECT_EQ(Read().available_bytes, 180 * kMb);
  // The device may have less than every group allows.
  Write("/proc/meminfo", "MemTotal: 8000000 kB\nMemAvailable: 1000 kB\n");
  EXPECT_EQ(Read().available_bytes, 1'024'000);
}

TEST_F(MemoryTest, AGroupOutsideTheMountLeavesTheMount) {
  Group("", {{"memory.max", "800000000"}, {"memory.current", "620000000"}});
  for (const char* path : {"0::/\n", "0::/../../other\n", "0::/..\n", "0::/gone/away\n", ""}) {
    Write("/proc/self/cgroup", path);
    EXPECT_EQ(Read().available_bytes, 180 * kMb) << path;
  }
}

TEST_F(MemoryTest, AGroupAboveItsLimitLeavesNothing) {
  Write("/proc/self/cgroup", "0::/app\n");
  Group("/app", {{"memory.high", "100000000"}, {"memory.current", "120000000"}});
  EXPECT_EQ(Read().available_bytes, 0);
  // Nor more than the limit, whatever memory.stat says.
  Group("/app", {{"memory.stat", "inactive_file 900000000\nslab_reclaimable 900000000"}});
  EXPECT_EQ(Read().available_bytes, 100 * kMb);
}

TEST_F(MemoryTest, PressureOfTheGroupElseOfTheDevice) {
  Write("/proc/self/cgroup", "0::/app\n");
  Write("/proc/pressure/memory",
        "some avg10=12.50 avg60=1.00 avg300=0.00 total=7\nfull avg10=3.00 avg60=0.00 avg300=0.00 "
        "total=0\n");
  EXPECT_EQ(Read().memory_pressure_percent, 12.5);
  Group("/app",
        {{"memory.pressure", "full avg10=9.00 total=1\nsome avg10=0.75 avg60=2.00 avg300=0.00"}});
  EXPECT_EQ(Read().memory_pressure_percent, 0.75);
}

TEST_F(MemoryTest, MalformedFilesAreNotTold) {
  Write("/proc/self/cgroup", "0::/app\n");
  const std::string huge(100'000, '7');
  for (const std::string& nonsense :
       {std::string(), std::string("\n"), std::string("max"), std::string("text\0more", 9),
        std::string("MemTotal:\nMemAvailable: many kB\nMemFree: -5 kB\n"),
        std::string("some avg10=101\n"), std::string("some avg10=\n"), std::string("some\n"),
        std::string("some avg10=nan\n"), std::string("-1"), std::string("1e9"), std::string("0x10"),
        std::string("MemTotal: 9223372036854775807 kB\n"), std::string("99999999999999999999"),
        huge}) {
    SCOPED_TRACE(nonsense.substr(0, 30));
    for (const char* path :
         {"/proc/meminfo", "/proc/self/statm", "/proc/pressure/memory",
          "/sys/fs/cgroup/app/memory.max", "/sys/fs/cgroup/app/memory.high",
          "/sys/fs/cgroup/app/memory.current", "/sys/fs/cgroup/app/memory.stat"}) {
      Write(path, nonsense);
    }
    const ResourceSnapshot s = Read();
    EXPECT_EQ(s.total_bytes, kUnknownBytes);
    EXPECT_EQ(s.available_bytes, kUnknownBytes);
    EXPECT_EQ(s.process_bytes, kUnknownBytes);
    EXPECT_FALSE(s.memory_pressure_percent.has_value());
  }
}

TEST_F(MemoryTest, FoldersInPlaceOfFilesAreNotTold) {
  for (const char* path : {"/proc/meminfo", "/proc/self/statm", "/proc/self/cgroup",
                           "/proc/pressure/memory", "/sys/fs/cgroup/memory.max"}) {
    Remove(path);
    Write(std::string(path) + "/inside", "1\n");
  }
  const ResourceSnapshot s = Read();
  EXPECT_EQ(s.total_bytes, kUnknownBytes);
  EXPECT_EQ(s.available_bytes, kUnknownBytes);
  EXPECT_EQ(s.process_bytes, kUnknownBytes);
  EXPECT_FALSE(s.memory_pressure_percent.has_value());
}

}  // namespace
}  // namespace masr
