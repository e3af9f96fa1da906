#include "resources/testing/fake_device.h"

namespace masr {
namespace {

class ThermalTest : public testing::FakeDevice {
 protected:
  void Zone(const std::string& number, const Files& files) {
    WriteFolder("/sys/class/thermal/thermal_zone" + number, files);
  }
};

TEST_F(ThermalTest, WithoutZonesNothingIsTold) {
  WriteFolder("/sys/class/thermal/cooling_device0", {{"type", "Processor"}, {"temp", "90000"}});
  const ResourceSnapshot s = Read();
  EXPECT_EQ(s.thermal_zone, "");
  EXPECT_FALSE(s.temperature_c.has_value());
  EXPECT_FALSE(s.temperature_limit_c.has_value());
}

TEST_F(ThermalTest, TheZoneClosestToItsLimitCounts) {
  Zone("0", {{"type", "cpu-thermal"},
             {"temp", "71500"},
             {"trip_point_0_type", "passive"},
             {"trip_point_0_temp", "85000"},
             {"trip_point_1_type", "critical"},
             {"trip_point_1_temp", "105000"}});
  Zone("1", {{"type", "skin-therm"},
             {"temp", "38000"},
             {"trip_point_0_type", "hot"},
             {"trip_point_0_temp", "45000"}});
  Zone("2", {{"type", "hottest-but-far"},
             {"temp", "80000"},
             {"trip_point_0_type", "critical"},
             {"trip_point_0_temp", "115000"}});
  ResourceSnapshot s = Read();
  EXPECT_EQ(s.thermal_zone, "skin-therm");
  EXPECT_EQ(s.temperature_c, 38.0);
  EXPECT_EQ(s.temperature_limit_c, 45.0);

  Zone("0", {{"temp", "79500"}});
  s = Read();
  EXPECT_EQ(s.thermal_zone, "cpu-thermal");
  EXPECT_EQ(s.temperature_c, 79.5);
  EXPECT_EQ(s.temperature_limit_c, 85.0);
}

TEST_F(ThermalTest, TheLowestTripPointIsTheLimitButNotThatOfAFan) {
  Zone("0", {{"type", "cpu"},
             {"temp", "50000"},
             {"trip_point_0_type", "critical"},
             {"trip_point_0_temp", "100000"},
             {"trip_point_1_type", "active"},
             {"trip_point_1_temp", "55000"},
             {"trip_point_2_type", "passive"},
             {"trip_point_2_temp", "90000"},
             {"trip_point_3_type", "hot"},
             {"trip_point_3_temp", "95000"}});
  EXPECT_EQ(Read().temperature_limit_c, 90.0);
}

TEST_F(ThermalTest, WithoutLimitsTheHottestCounts) {
  Zone("0", {{"type", "a"}, {"temp", "41000"}});
  Zone("1", {{"type", "b"}, {"temp", "52000"}});
  Zone("2", {{"type", "c"}, {"temp", "-5000"}});
  EXPECT_EQ(Read().thermal_zone, "b");
  EXPECT_EQ(Read().temperature_c, 52.0);
  EXPECT_FALSE(Read().temperature_limit_c.has_value());
  // One with a limit goes first, however far it is.
  Zone("2", {{"trip_point_0_type", "hot"}, {"trip_point_0_temp", "95000"}});
  EXPECT_EQ(Read().thermal_zone, "c");
  EXPECT_EQ(Read().temperature_c, -5.0);
}

// A phone's zones for the charge in percent and the voltage in millivolt, already "beyond" their
// trip points, and trip points that are switched off.
TEST_F(ThermalTest, WhatIsNotATemperatureDoesNotCount) {
  Zone("0", {{"type", "soc"},
             {"temp", "95"},
             {"trip_point_0_type", "passive"},
             {"trip_point_0_temp", "10"}});
  Zone("1", {{"type", "vbat"},
             {"temp", "4200"},
             {"trip_point_0_type", "passive"},
             {"trip_point_0_temp", "3300"}});
  Zone("2", {{"type", "vbat-uv"},
             {"temp", "4200000"},
             {"trip_point_0_type", "hot"},
             {"trip_point_0_temp", "60000"}});
  Zone("3", {{"type", "cpu"},
             {"temp", "60000"},
             {"trip_point_0_type", "passive"},
             {"trip_point_0_temp", "0"},
             {"trip_point_1_type", "passive"},
             {"trip_point_1_temp", "-274000"},
             {"trip_point_2_type", "hot"},
             {"trip_point_2_temp", "2147483647"},
             {"trip_point_3_type", "critical"},
             {"trip_point_3_temp", "99000"}});
  EXPECT_EQ(Read().thermal_zone, "cpu");
  EXPECT_EQ(Read().temperature_limit_c, 99.0);
}

TEST_F(ThermalTest, MalformedFilesAreNotTold) {
  const std::string huge(100'000, '4');
  for (const std::string& nonsense : {std::string(), std::string("text"), std::string("45000 C"),
                                      std::string("45.5"), std::string("99999999999"), huge}) {
    SCOPED_TRACE(nonsense.substr(0, 30));
    Zone("0", {{"type", "cpu"}, {"trip_point_0_type", "hot"}, {"trip_point_0_temp", "80000"}});
    Write("/sys/class/thermal/thermal_zone0/temp", nonsense);
    EXPECT_FALSE(Read().temperature_c.has_value());
    Zone("0", {{"temp", "50000"}});
    Write("/sys/class/thermal/thermal_zone0/trip_point_0_temp", nonsense);
    EXPECT_EQ(Read().temperature_c, 50.0);
    EXPECT_FALSE(Read().temperature_limit_c.has_value());
  }
  for (const std::string& name : {std::string(), std::string("\xff\xfe"), huge}) {
    Write("/sys/class/thermal/thermal_zone0/type", name);
    EXPECT_EQ(Read().thermal_zone, "unnamed");
    EXPECT_EQ(Read().temperature_c, 50.0);
  }
  Remove("/sys/class/thermal/thermal_zone0/temp");
  Write("/sys/class/thermal/thermal_zone0/temp/inside", "1");
  Write("/sys/class/thermal/thermal_zone7", "a file");
  EXPECT_FALSE(Read().temperature_c.has_value());
}

}  // namespace
}  // namespace masr
