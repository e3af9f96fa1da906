#include "resources/testing/fake_device.h"

namespace masr {
namespace {

class PowerTest : public testing::FakeDevice {
 protected:
  void Supply(const std::string& name, const Files& files) {
    WriteFolder("/sys/class/power_supply/" + name, files);
  }
  // A phone: 4 V, half an ampere.
  void Phone(const char* status, const char* current, const char* online) {
    Supply("battery", {{"type", "Battery"},
                       {"status", status},
                       {"capacity", "64"},
                       {"current_now", current},
                       {"voltage_now", "4000000"},
                       {"temp", "315"},
                       {"present", "1"}});
    Supply("usb", {{"type", "USB"}, {"online", online}});
  }
};

TEST_F(PowerTest, WithoutABatteryTheDeviceIsOnMains) {
  for (int i = 0; i < 2; ++i) {
    const ResourceSnapshot s = Read();
    EXPECT_FALSE(s.has_battery);
    EXPECT_TRUE(s.charging);
    EXPECT_FALSE(s.battery_percent.has_value());
    EXPECT_FALSE(s.power_w.has_value());
    EXPECT_FALSE(s.battery_temperature_c.has_value());
    Supply("AC", {{"type", "Mains"}, {"online", "0"}});
  }
}

TEST_F(PowerTest, APhoneThatDrainsWhicheverSignItsDriverHas) {
  for (const char* current : {"-500000", "500000"}) {
    Phone("Discharging", current, "0");
    const ResourceSnapshot s = Read();
    EXPECT_TRUE(s.has_battery);
    EXPECT_FALSE(s.charging);
    EXPECT_EQ(s.battery_percent, 64);
    EXPECT_NEAR(s.power_w.value_or(0), 2.0, 1e-9);
    EXPECT_NEAR(s.battery_temperature_c.value_or(0), 31.5, 1e-9);
  }
}

TEST_F(PowerTest, APhoneThatChargesWhicheverSignItsDriverHas) {
  for (const char* current : {"-500000", "500000"}) {
    Phone("Charging", current, "1");
    EXPECT_TRUE(Read().charging);
    EXPECT_NEAR(Read().power_w.value_or(0), -2.0, 1e-9);
  }
}

TEST_F(PowerTest, WithoutADirectionTheKernelsSignCounts) {
  Phone("Unknown", "-500000", "0");
  EXPECT_NEAR(Read().power_w.value_or(0), 2.0, 1e-9);
  Phone("Unknown", "500000", "1");
  EXPECT_NEAR(Read().power_w.value_or(0), -2.0, 1e-9);
}

TEST_F(PowerTest, PowerNowComesFirst) {
  for (const char* power : {"3500000", "-3500000"}) {
    Phone("Discharging", "-500000", "0");
    Supply("battery", {{"power_now", power}});
    EXPECT_NEAR(Read().power_w.value_or(0), 3.5, 1e-9);
    Phone("Charging", "-500000", "1");
    EXPECT_NEAR(Read().power_w.value_or(0), -3.5, 1e-9);
  }
}

TEST_F(PowerTest, ChargingIsWhetherExternalPowerCarriesTheDevice) {
  const struct {
    const char* status;
    const char* online;
    bool charging;
  } cases[] = {
      {"Charging", "1", true},      {"Charging", "0", true},      // a charger that is not told
      {"Discharging", "0", false},  {"Discharging", "1", false},  // too weak
      {"Full", "1", true},          {"Full", "0", false},
      {"Not charging", "1", true},  {"Not charging", "2", true},  // USB with a voltage of choice
      {"Not charging", "0", false}, {"Unknown", "1", true},
      {"Unknown", "0", false},      {"nonsense", "1", true},
  };
  for (const auto& c : cases) {
    Phone(c.status, "0", c.online);
    EXPECT_EQ(Read().charging, c.charging) << c.status << " " << c.online;
  }
  // No charger is listed.
  Remove("/sys/class/power_supply/usb");
  Supply("battery", {{"status", "Full"}});
  EXPECT_TRUE(Read().charging);
  Supply("battery", {{"status", "Not charging"}});
  EXPECT_FALSE(Read().charging);
}

TEST_F(PowerTest, EveryKindOfChargerCounts) {
  Supply("BAT0", {{"type", "Battery"}, {"status", "Full"}});
  for (const char* type : {"Mains", "USB", "USB_PD", "USB_DCP", "Wireless"}) {
    Supply("charger", {{"type", type}, {"online", "0"}});
    EXPECT_FALSE(Read().charging) << type;
    Supply("charger", {{"type", type}, {"online", "1"}});
    EXPECT_TRUE(Read().charging) << type;
  }
}

TEST_F(PowerTest, BatteriesOfPeripheralsAndEmptyBaysDoNotCount) {
  Supply("hid-mouse",
         {{"type", "Battery"}, {"scope", "Device"}, {"status", "Discharging"}, {"capacity", "5"}});
  Supply("BAT1", {{"type", "Battery"}, {"present", "0"}, {"status", "Unknown"}});
  EXPECT_FALSE(Read().has_battery);
  EXPECT_TRUE(Read().charging);
  Supply("BAT0",
         {{"type", "Battery"}, {"scope", "System"}, {"status", "Charging"}, {"capacity", "80"}});
  EXPECT_EQ(Read().battery_percent, 80);
  EXPECT_TRUE(Read().charging);
}

TEST_F(PowerTest, TwoBatteriesOfALaptop) {
  Supply("AC", {{"type", "Mains"}, {"online", "0"}});
  Supply("BAT0", {{"type", "Battery"},
                  {"status", "Not charging"},
                  {"capacity", "90"},
                  {"power_now", "0"},
                  {"temp", "250"}});
  Supply("BAT1", {{"type", "Battery"},
                  {"status", "Discharging"},
                  {"capacity", "50"},
                  {"power_now", "12000000"},
                  {"temp", "330"}});
  const ResourceSnapshot s = Read();
  EXPECT_FALSE(s.charging);
  EXPECT_EQ(s.battery_percent, 70);
  EXPECT_NEAR(s.power_w.value_or(0), 12, 1e-9);
  EXPECT_NEAR(s.battery_temperature_c.value_or(0), 33, 1e-9);
}

TEST_F(PowerTest, GaugesBesideAndroidsBatteryAreNotOthers) {
  Phone("Discharging", "-500000", "0");
  Supply("maxfg", {{"type", "Battery"},
                   {"status", "Discharging"},
                   {"capacity", "20"},
                   {"power_now", "2000000"}});
  Supply("a_first", {{"type", "Battery"}, {"capacity", "10"}});
  EXPECT_EQ(Read().battery_percent, 64);
  EXPECT_NEAR(Read().power_w.value_or(0), 2.0, 1e-9);
}

TEST_F(PowerTest, OneMalformedFileCostsItsOwnValue) {
  const std::string huge(100'000, '1');
  for (const std::string& nonsense :
       {std::string(), std::string("text"), std::string("12 34"), std::string("1.5"),
        std::string("99999999999999999999"), std::string("9000000000000"), huge}) {
    SCOPED_TRACE(nonsense.substr(0, 30));
    const std::string folder = "/sys/class/power_supply/battery/";
    Phone("Discharging", "-500000", "0");
    Write(folder + "capacity", nonsense);
    EXPECT_FALSE(Read().battery_percent.has_value());
    EXPECT_TRUE(Read().power_w.has_value());
    Phone("Discharging", "-500000", "0");
    Write(folder + "temp", nonsense);
    EXPECT_FALSE(Read().battery_temperature_c.has_value());
    EXPECT_EQ(Read().battery_percent, 64);
    Phone("Discharging", "-500000", "0");
    Write(folder + "current_now", nonsense);
    EXPECT_FALSE(Read().power_w.has_value());
    Phone("Discharging", "-500000", "0");
    Write(folder + "voltage_now", nonsense);
    EXPECT_FALSE(Read().power_w.has_value());
    Phone("Discharging", "-500000", "0");
    Write(folder + "power_now", nonsense);
    EXPECT_NEAR(Read().power_w.value_or(0), 2.0, 1e-9);
    Remove(folder + "power_now");
    Write(folder + "status", nonsense);
    EXPECT_FALSE(Read().charging);
    EXPECT_NEAR(Read().power_w.value_or(0), 2.0, 1e-9);
    Phone("Discharging", "-500000", "0");
    Write(folder + "type", nonsense);
    EXPECT_FALSE(Read().has_battery);
  }
}

TEST_F(PowerTest, FoldersInPlaceOfFilesAreNotTold) {
  Write("/sys/class/power_supply/plain_file", "not a supply");
  for (const char* name : {"status", "capacity", "current_now", "temp", "online"}) {
    Write(std::string("/sys/class/power_supply/battery/") + name + "/inside", "1\n");
  }
  Supply("battery", {{"type", "Battery"}});
  const ResourceSnapshot s = Read();
  EXPECT_TRUE(s.has_battery);
  EXPECT_FALSE(s.charging);
  EXPECT_FALSE(s.battery_percent.has_value());
}

}  // namespace
}  // namespace masr
