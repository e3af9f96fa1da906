#include "plan/gain_table.h"

#include <gtest/gtest.h>

#include "io/file.h"
#include "plan/testing/plan_fixtures.h"

namespace masr {
namespace {

using testing::RisingGains;

TEST(GainTable, GivesWhatWasMeasured) {
  const GainTable table = RisingGains();
  EXPECT_DOUBLE_EQ(*table.Gain("full", 0.25, 1), 0.1);
  EXPECT_DOUBLE_EQ(*table.Gain("full", 0.25, 4), 0.2);
  EXPECT_DOUBLE_EQ(*table.Gain("full", 1, 1), 0.3);
  EXPECT_DOUBLE_EQ(*table.Gain("full", 1, 4), 0.5);
  EXPECT_DOUBLE_EQ(*table.Gain("vectors", 1, 4), 0.3);
}

TEST(GainTable, LiesBetweenInTheLogarithmOfMinutesAndInTheShare) {
  const GainTable table = RisingGains();
  EXPECT_NEAR(*table.Gain("full", 0.25, 2), 0.15, 1e-12);  // 2 is halfway from 1 to 4
  EXPECT_NEAR(*table.Gain("full", 0.625, 1), 0.2, 1e-12);
  EXPECT_NEAR(*table.Gain("full", 0.625, 2), 0.275, 1e-12);
}

TEST(GainTable, BeyondWhatWasMeasuredTheNearestCounts) {
  const GainTable table = RisingGains();
  EXPECT_DOUBLE_EQ(*table.Gain("full", 0.01, 0.1), 0.1);
  EXPECT_DOUBLE_EQ(*table.Gain("full", 1, 1000), 0.5);
  EXPECT_DOUBLE_EQ(*table.Gain("full", 1, 0), 0.3);
}

TEST(GainTable, DoesNotGuessAtATuningThatItDoesNotHave) {
  EXPECT_FALSE(RisingGains().Gain("lora-3", 1, 1).has_value());
}

TEST(GainTable, CountsTheHeadAsABlock) {
  const auto model = testing::MakeTinyModel(1);
  ASSERT_TRUE(model.has_value());
  EXPECT_DOUBLE_EQ(LearningShare(model->encoder, {}), 1);
  EXPECT_DOUBLE_EQ(LearningShare(model->encoder, {.first_block = 3}), 0.25);
  EXPECT_DOUBLE_EQ(LearningShare(model->encoder, {.first_block = 99}), 0.25);
}

constexpr char kText[] =
    R"({"measured_on": "x", "minutes": [1, 2], "tunings": [
        {"name": "full", "shares": [0.5, 1], "gains": [[0.1, 0.2], [0.3, -0.4]],
         "words": [[10, 20], [30, 40]]}]})";

TEST(GainTable, IsRead) {
  const auto table = ReadGainTable(kText, "g.json");
  ASSERT_TRUE(table.has_value()) << table.error().message;
  EXPECT_EQ(table->measured_on, "x");
  EXPECT_DOUBLE_EQ(*table->Gain("full", 1, 2), -0.4);
}

TEST(GainTable, RefusesWhatIsNotATableAndNamesTheField) {
  const auto refused = [](const std::string& from, const std::string& to,
                          const std::string& expected) {
    std::string text = kText;
    text.replace(text.find(from), from.size(), to);
    const auto table = ReadGainTable(text, "g.json");
    ASSERT_FALSE(table.has_value()) << text;
    EXPECT_NE(table.error().message.find("g.json"), std::string::npos) << table.error().message;
    EXPECT_NE(table.error().message.find(expected), std::string::npos) << table.error().message;
  };
  refused("[1, 2]", "[2, 1]", "'minutes'");
  refused("[1, 2]", "[0, 1]", "'minutes'");
  refused("[1, 2]", "[1, 2, 3]", "tunings[0]: 'gains'");
  refused("\"minutes\": [1, 2],", "", "'minutes'");
  refused("[0.5, 1]", "[0.5, 1.1]", "tunings[0]: 'shares'");
  refused("[0.5, 1]", "[0.5, 0.5]", "'shares'");
  refused("[0.3, -0.4]", "[0.3]", "'gains'");
  refused("[0.3, -0.4]", "[0.3, null]", "'gains'");
  refused("[0.3, -0.4]", "[0.3, 1e300]", "'gains'");
  refused("[30, 40]", "[30]", "'words'");
  refused("\"full\"", "7", "'name'");
  refused("\"name\": \"full\",", "", "'name' is missing");
  refused("\"measured_on\"", "\"measured_in\"", "'measured_in'");
  refused(kText, "{\"minutes\": [1], \"tunings\": []}", "'tunings'");
}

TEST(GainTable, RefusesATuningTwice) {
  const auto table = ReadGainTable(
      R"({"minutes": [1], "tunings": [{"name": "full", "shares": [1], "gains": [[0]]},
                                      {"name": "full", "shares": [1], "gains": [[0]]}]})",
      "g.json");
  ASSERT_FALSE(table.has_value());
  EXPECT_NE(table.error().message.find("tunings[1]: 'full' is there twice"), std::string::npos);
}

TEST(GainTable, TheOneThatIsShippedIsOne) {
  const std::string path = std::string(MASR_SOURCE_DIR) + "/assets/gain_table.json";
  const auto text = ReadTextFile(path);
  ASSERT_TRUE(text.has_value());
  const auto table = ReadGainTable(*text, path);
  ASSERT_TRUE(table.has_value()) << table.error().message;
  EXPECT_TRUE(table->Gain("full", 1, 2).has_value());
  EXPECT_TRUE(table->Gain("vectors", 1, 2).has_value());
}

TEST(UpdateGain, WithoutObservationsIsTheTable) {
  EXPECT_DOUBLE_EQ(*UpdateGain(RisingGains(), {}).Gain("full", 1, 4), 0.5);
}

TEST(UpdateGain, OneRoundMovesItsOwnCellAThirdOfTheWay) {
  const GainObservation seen = {.tuning = "full", .share = 1, .minutes = 4, .gain = 0.8};
  const GainTable updated = UpdateGain(RisingGains(), {&seen, 1});
  EXPECT_NEAR(*updated.Gain("full", 1, 4), 0.5 + 0.3 / 3, 1e-12);
}

TEST(UpdateGain, ManyRoundsOutweighTheTable) {
  const std::vector<GainObservation> seen(
      98, {.tuning = "full", .share = 1, .minutes = 4, .gain = 0.0});
  EXPECT_NEAR(*UpdateGain(RisingGains(), seen).Gain("full", 1, 4), 0.01, 1e-12);
}

TEST(UpdateGain, TellsLessOfWhatIsFurtherAway) {
  const GainObservation seen = {.tuning = "full", .share = 1, .minutes = 4, .gain = 0.8};
  const GainTable table = RisingGains();
  const GainTable updated = UpdateGain(table, {&seen, 1});
  const auto moved = [&](const char* tuning, double share, double minutes) {
    return *updated.Gain(tuning, share, minutes) - *table.Gain(tuning, share, minutes);
  };
  EXPECT_NEAR(moved("full", 1, 1), 0.3 * 0.25 / 2.25, 1e-12);       // two octaves
  EXPECT_NEAR(moved("vectors", 1, 4), 0.3 * 0.5 / 2.5, 1e-12);      // another tuning
  EXPECT_NEAR(moved("full", 0.25, 4), 0.3 * 0.125 / 2.125, 1e-12);  // three quarters of the blocks
}

TEST(UpdateGain, IgnoresWhatTheTableDoesNotKnow) {
  const GainObservation seen = {.tuning = "lora-3", .share = 1, .minutes = 4, .gain = 0.8};
  EXPECT_DOUBLE_EQ(*UpdateGain(RisingGains(), {&seen, 1}).Gain("full", 1, 4), 0.5);
}

}  // namespace
}  // namespace masr
