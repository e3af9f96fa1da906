#include "resources/simulated_device.h"

#include <gtest/gtest.h>

#include "io/file.h"
#include "io/testing/temporary_folder.h"

namespace masr {
namespace {

class SimulatedDeviceTest : public ::testing::Test {
 protected:
  std::unique_ptr<SimulatedDevice> Device(const std::string& csv = "") {
    std::string path;
    if (!csv.empty()) {
      path = folder_ / "trace.csv";
      EXPECT_TRUE(ReplaceFile(path, csv).has_value());
    }
    auto device = SimulatedDevice::Create(spec_, path,
                                          {.wall_s = [this] { return wall_s_; },
                                           .processor_s = [this] { return processor_s_; },
                                           .sleep =
                                               [this](double s) {
                                                 slept_s_ += s;
                                                 wall_s_ += s;
                                               }});
    EXPECT_TRUE(device.has_value()) << device.error().message;
    return std::move(*device);
  }
  void Compute(double wall_s, double processor_s) {
    wall_s_ += wall_s;
    processor_s_ += processor_s;
  }

  const testing::TemporaryFolder folder_;
  // A watt-hour: 36 J are a percent.
  DeviceSpec spec_ = {.name = "phone",
                      .total_bytes = 4'000'000'000,
                      .available_bytes = 1'500'000'000,
                      .battery_wh = 1,
                      .core_power_w = 2,
                      .slowdown = 3,
                      .cores = 8};
  double wall_s_ = 100;
  double processor_s_ = 50;
  double slept_s_ = 0;
};

TEST_F(SimulatedDeviceTest, ComputingTakesItsTimeAndDrainsItsBattery) {
  const auto device = Device();
  Compute(6, 12);  // two cores
  const ResourceSnapshot s = *device->Read();
  EXPECT_EQ(s.time_s, 18);
  EXPECT_EQ(s.available_bytes, 1'500'000'000);
  EXPECT_EQ(s.cores, 8);
  EXPECT_FALSE(s.charging);
  EXPECT_DOUBLE_EQ(device->joules(), 12 * 3 * 2);
  EXPECT_DOUBLE_EQ(*s.battery_percent, 98);
  EXPECT_DOUBLE_EQ(*s.power_w, 4);
  // Nothing is counted twice, and waiting takes no energy.
  device->Wait(1000);
  EXPECT_DOUBLE_EQ(*device->Read()->battery_percent, 98);
  EXPECT_EQ(device->device_seconds(), 1018);
}

TEST_F(SimulatedDeviceTest, ATraceRunsOnTheDevicesTime) {
  const auto device = Device(
      "time_s,battery_percent,charging,available_mb\n0,50,0,900\n30,40,0,300\n60,40,1,300\n");
  Compute(6, 6);
  EXPECT_DOUBLE_EQ(*device->Read()->battery_percent, 49);
  Compute(6, 0);
  const ResourceSnapshot s = *device->Read();
  EXPECT_EQ(s.time_s, 36);
  EXPECT_EQ(s.available_bytes, 300'000'000);
  EXPECT_DOUBLE_EQ(*s.battery_percent, 39);
  device->Wait(30);
  EXPECT_TRUE(device->Read()->charging);
  Compute(6, 6);
  const double joules = device->joules();
  EXPECT_DOUBLE_EQ(*device->Read()->battery_percent, 39);  // the charger gives it
  EXPECT_GT(device->joules(), joules);
}

TEST_F(SimulatedDeviceTest, AThrottledProcessorTakesLongerHereToo) {
  const auto device = Device("throttle_share\n0.5\n");
  Compute(4, 4);
  const double before = device->device_seconds();
  const auto s = device->Read();
  ASSERT_TRUE(s.has_value());
  EXPECT_DOUBLE_EQ(slept_s_, 4);
  EXPECT_DOUBLE_EQ(device->device_seconds() - before, 8 * 3);
  EXPECT_EQ(s->time_s, device->device_seconds());
  EXPECT_DOUBLE_EQ(*s->power_w, 1);  // the same joules in twice the time
  ASSERT_TRUE(device->Read().has_value());
  EXPECT_DOUBLE_EQ(slept_s_, 4);  // having slept is not work
}

TEST_F(SimulatedDeviceTest, WithoutABatteryNothingIsDrained) {
  spec_.battery_wh = 0;
  const auto device = Device();
  Compute(6, 6);
  const ResourceSnapshot s = *device->Read();
  EXPECT_FALSE(s.has_battery);
  EXPECT_TRUE(s.charging);
  EXPECT_FALSE(s.battery_percent.has_value());
  EXPECT_GT(device->joules(), 0);
}

TEST(DeviceSpec, IsReadStrictly) {
  const auto spec = DeviceSpec::FromJson(
      R"({"name": "x", "total_bytes": 10, "available_bytes": 5, "core_power_w": 1.5,
          "slowdown": 2, "cores": 4, "battery_wh": 12})",
      "x.json");
  ASSERT_TRUE(spec.has_value()) << spec.error().message;
  EXPECT_EQ(spec->available_bytes, 5);
  EXPECT_EQ(spec->battery_wh, 12);
  const auto refused = [](const char* text, const char* expected) {
    const auto read = DeviceSpec::FromJson(text, "x.json");
    ASSERT_FALSE(read.has_value());
    EXPECT_NE(read.error().message.find(expected), std::string::npos) << read.error().message;
  };
  refused("{}", "x.json");
  refused(R"({"name": "x", "total_bytes": 5, "available_bytes": 10, "core_power_w": 1,
              "slowdown": 2, "cores": 4})",
          "more than 'total_bytes'");
  refused(R"({"name": "x", "total_bytes": 10, "available_bytes": 5, "core_power_w": 1,
              "slowdown": 2, "cores": 4, "colour": "red"})",
          "colour");
}

// Those that are shipped.
TEST(DeviceSpec, ShippedOnesAreDevices) {
  for (const char* name : {"oneplus7t", "phone_6gb", "phone_4gb", "phone_2gb", "raspberry_pi_4"}) {
    const std::string path = std::string(MASR_SOURCE_DIR) + "/assets/devices/" + name + ".json";
    const auto text = ReadTextFile(path);
    ASSERT_TRUE(text.has_value()) << text.error().message;
    const auto spec = DeviceSpec::FromJson(*text, path);
    ASSERT_TRUE(spec.has_value()) << spec.error().message;
    EXPECT_FALSE(spec->source.empty());
  }
}

}  // namespace
}  // namespace masr
