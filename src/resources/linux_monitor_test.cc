#include "resources/linux_monitor.h"

#include <unistd.h>

#include <cmath>
#include <thread>

#include "resources/testing/fake_device.h"

namespace masr {
namespace {

class LinuxMonitorTest : public testing::FakeDevice {
 protected:
  void Cores(const std::string& online, const std::string& allowed) {
    Write("/sys/devices/system/cpu/online", online + "\n");
    Write("/proc/self/status",
          "Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t" + allowed + "\nMems_allowed:\t1\n");
  }
  void Frequency(const std::string& core, const Files& files) {
    WriteFolder("/sys/devices/system/cpu/" + core + "/cpufreq", files);
  }
  // Hundredths of a second, on every Linux that a user sees.
  void ProcessTicks(double seconds) {
    const auto ticks =
        static_cast<int64_t>(seconds * static_cast<double>(sysconf(_SC_CLK_TCK)) / 2);
    Write("/proc/self/stat", "42 (a ) name) S 1 1 1 0 -1 4194560 10 0 0 0 " +
                                 std::to_string(ticks) + " " + std::to_string(ticks) +
                                 " 0 0 20 0 4 0 100 1 1\n");
  }
};

TEST_F(LinuxMonitorTest, AnEmptyTreeTellsNothingAndIsNoError) {
  const ResourceSnapshot s = Read();
  EXPECT_EQ(s.time_s, 100);
  EXPECT_EQ(s.total_bytes, kUnknownBytes);
  EXPECT_EQ(s.load, 0);
  EXPECT_EQ(s.process_load, 0);
  EXPECT_GE(s.cores, 1);
  EXPECT_FALSE(s.throttle_share.has_value());
  EXPECT_TRUE(s.charging);
}

TEST_F(LinuxMonitorTest, CoresAreThoseOnlineThatTheProcessMayUse) {
  Cores("0-7", "0-7");
  EXPECT_EQ(Read().cores, 8);
  Cores("0-3,6-7", "2-127");
  EXPECT_EQ(Read().cores, 4);
  Cores("0", "0");
  EXPECT_EQ(Read().cores, 1);
}

TEST_F(LinuxMonitorTest, AQuotaAnywhereAboveLimitsTheCores) {
  Cores("0-7", "0-7");
  Write("/proc/self/cgroup", "0::/a/b\n");
  Write("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  EXPECT_EQ(Read().cores, 8);
  Write("/sys/fs/cgroup/a/cpu.max", "250000 100000\n");
  EXPECT_EQ(Read().cores, 3);
  Write("/sys/fs/cgroup/a/cpu.max", "200000 100000\n");
  EXPECT_EQ(Read().cores, 2);
  Write("/sys/fs/cgroup/a/b/cpu.max", "20000 100000\n");
  EXPECT_EQ(Read().cores, 1);
  for (const char* nonsense :
       {"", "0 100000", "5", "5 0", "-5 100", "a b", "99999999999999999999 1"}) {
    Write("/sys/fs/cgroup/a/cpu.max", nonsense);
    Write("/sys/fs/cgroup/a/b/cpu.max", nonsense);
    EXPECT_EQ(Read().cores, 8) << nonsense;
  }
}

TEST_F(LinuxMonitorTest, ACoreListThatIsNoneLeavesTheMachines) {
  const int machine = static_cast<int>(std::max(std::thread::hardware_concurrency(), 1u));
  for (const char* nonsense : {"", "x", "3-1", "0-", "-", "0,,1", "0-99999999", "1;2"}) {
    Cores(nonsense, "0-63");
    EXPECT_EQ(Read().cores, machine) << nonsense;
    Cores("0-63", nonsense);
    EXPECT_EQ(Read().cores, machine) << nonsense;
  }
}

TEST_F(LinuxMonitorTest, ThrottleIsTheMeanOfTheCores) {
  Frequency("cpu0", {{"cpuinfo_max_freq", "2000000"},
                     {"scaling_max_freq", "1000000"},
                     {"scaling_cur_freq", "300000"}});
  Frequency("cpu1", {{"cpuinfo_max_freq", "3000000"}, {"scaling_max_freq", "3000000"}});
  EXPECT_DOUBLE_EQ(Read().throttle_share.value_or(0), 0.75);
  // Overclocked is not more than all; without scaling_max_freq the current one counts.
  Frequency("cpu1", {{"scaling_max_freq", "3300000"}});
  Frequency("cpu10", {{"cpuinfo_max_freq", "1000000"}, {"scaling_cur_freq", "600000"}});
  EXPECT_DOUBLE_EQ(Read().throttle_share.value_or(0), 0.7);
  // Cores that tell nonsense do not count.
  Frequency("cpu2", {{"cpuinfo_max_freq", "0"}, {"scaling_max_freq", "1"}});
  Frequency("cpu3", {{"cpuinfo_max_freq", "1000"}, {"scaling_max_freq", "<unsupported>"}});
  Frequency("cpu4", {{"cpuinfo_max_freq", ""}, {"scaling_max_freq", ""}});
  EXPECT_DOUBLE_EQ(Read().throttle_share.value_or(0), 0.7);
}

TEST_F(LinuxMonitorTest, LoadIsThatOfTheLastMinute) {
  Write("/proc/loadavg", "1.94 2.23 2.24 6/87 10734\n");
  EXPECT_EQ(Read().load, 1.94);
  for (const char* nonsense : {"", "high", "-1 2 3", "nan", "inf", "1e300"}) {
    Write("/proc/loadavg", nonsense);
    EXPECT_EQ(Read().load, 0) << nonsense;
  }
}

TEST_F(LinuxMonitorTest, TheProcessesOwnLoadForgetsAsTheKernelsDoes) {
  LinuxMonitor monitor(Options());
  const auto process_load = [&] { return monitor.Read()->process_load; };
  ProcessTicks(500);
  EXPECT_EQ(process_load(), 0);
  // Three cores busy for a minute, asked in uneven steps.
  for (double step : {10, 20, 5, 25}) {
    now_s_ += step;
    ProcessTicks(500 + 3 * (now_s_ - 100));
    process_load();
  }
  EXPECT_NEAR(process_load(), 3 * (1 - std::exp(-1)), 0.01);
  now_s_ += 600;
  EXPECT_NEAR(process_load(), 0, 0.001);
  // Read twice at one time: what was used up to the second counts in what follows.
  ProcessTicks(500 + 3 * 60 + 120);
  EXPECT_NEAR(process_load(), 0, 0.001);
  now_s_ += 60;
  EXPECT_NEAR(process_load(), 2 * (1 - std::exp(-1)), 0.01);
  // Not told is none, not the last one for ever.
  Write("/proc/self/stat", "nonsense");
  EXPECT_EQ(process_load(), 0);
}

TEST_F(LinuxMonitorTest, FreeSpaceIsThatOfTheFolder) {
  EXPECT_GT(Read().free_disk_bytes, 0);
  LinuxMonitorOptions options = Options();
  options.disk_folder = folder_ / "none";
  EXPECT_EQ(LinuxMonitor(options).Read()->free_disk_bytes, kUnknownBytes);
}

TEST_F(LinuxMonitorTest, TheMinuteIsLocal) {
  struct tm local = {};
  ASSERT_NE(localtime_r(&time_, &local), nullptr);
  EXPECT_EQ(Read().minute_of_day, local.tm_hour * 60 + local.tm_min);
  EXPECT_EQ(Read().hour(), local.tm_hour);
  const int before = Read().minute_of_day;
  time_ += 60;
  EXPECT_EQ(Read().minute_of_day, (before + 1) % 1440);
}

TEST(LinuxMonitor, ThisMachineGivesSaneValues) {
  LinuxMonitor monitor;
  const ResourceSnapshot first = *monitor.Read();
  const ResourceSnapshot s = *monitor.Read();
  EXPECT_GE(s.time_s, first.time_s);
  EXPECT_GE(s.cores, 1);
  EXPECT_LE(s.cores, 65536);
  EXPECT_GE(s.load, 0);
  EXPECT_GE(s.process_load, 0);
  EXPECT_GE(s.minute_of_day, 0);
  EXPECT_LT(s.minute_of_day, 1440);
  EXPECT_GE(s.free_disk_bytes, 0);
  EXPECT_TRUE(s.charging || s.has_battery);
  if (s.battery_percent) {
    EXPECT_TRUE(s.has_battery);
    EXPECT_LE(*s.battery_percent, 100);
  }
  if (s.throttle_share) {
    EXPECT_GT(*s.throttle_share, 0);
    EXPECT_LE(*s.throttle_share, 1);
  }
#ifdef __linux__
  EXPECT_GT(s.total_bytes, 16'000'000);
  EXPECT_GT(s.available_bytes, 0);
  EXPECT_LE(s.available_bytes, s.total_bytes);
  EXPECT_GT(s.process_bytes, 1'000'000);
  EXPECT_LT(s.process_bytes, s.total_bytes);
#endif
}

}  // namespace
}  // namespace masr
