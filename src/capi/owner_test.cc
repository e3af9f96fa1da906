// Rounds through the border, and the C++ header over it.
#include <thread>

#include "io/json.h"
#include "mobileasr/mobileasr.hpp"
#include "rounds/testing/owner_round_fixture.h"

namespace masr {
namespace {

class CapiOwner : public testing::OwnerRoundFixture {
 protected:
  mobileasr::Owner OpenOwner(mobileasr::Owner::Events events = {}) {
    auto owner = mobileasr::Owner::Open(state_, base_, std::move(events), 2);
    EXPECT_TRUE(static_cast<bool>(owner)) << owner.error().message;
    return std::move(*owner);
  }
  masr_round_options Options(const std::string& data) {
    training_.struct_size = sizeof(training_);
    training_.learning_rate = 1e-2;
    auto options = mobileasr::Make<masr_round_options>();
    options.data = data.c_str();
    options.epochs = 3;
    options.training = &training_;
    return options;
  }
  masr_training_options training_ = {};
};

TEST_F(CapiOwner, LearnsJudgesAndTakesBack) {
  std::vector<int32_t> kinds;
  std::string news;
  auto owner = OpenOwner([&](const masr_event& event) {
    kinds.push_back(event.kind);
    news += std::string(event.text) + "\n";
    EXPECT_GE(event.struct_size, sizeof(masr_event));
  });
  const auto result = owner.Run(Options(first_));
  ASSERT_TRUE(static_cast<bool>(result)) << result.error().message;
  EXPECT_EQ(result->round, 1);
  EXPECT_EQ(result->accepted, 1) << result->why;
  EXPECT_EQ(result->epochs, 3);
  EXPECT_LT(result->cer_after, result->cer_before);
  EXPECT_GT(result->planned_bytes, 0);
  EXPECT_STREQ(result->sub_model, "all blocks");
  EXPECT_STREQ(result->halted_by, "");
  EXPECT_EQ(std::ranges::count(kinds, MASR_EVENT_EPOCH), 4);
  EXPECT_GT(std::ranges::count(kinds, MASR_EVENT_PROGRESS), 3);
  EXPECT_EQ(kinds.back(), MASR_EVENT_ACCEPT);
  EXPECT_NE(news.find("judging"), std::string::npos);

  const auto path = owner.AcceptedModel();
  ASSERT_TRUE(static_cast<bool>(path));
  EXPECT_EQ(*path, state_ + "/accepted.masr");
  const auto learned = Accepted();
  const auto history = owner.History();
  ASSERT_TRUE(static_cast<bool>(history));
  const auto parsed = ParseJson(*history);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  EXPECT_EQ((*parsed)["rounds"].size(), 1u);
  ASSERT_TRUE(static_cast<bool>(owner.Report(folder_ / "report.html")));
  EXPECT_NE(ReadTextFile(folder_ / "report.html")->find("<html"), std::string::npos);

  ASSERT_TRUE(static_cast<bool>(owner.Rollback()));
  EXPECT_NE(Accepted(), learned);
  EXPECT_EQ(owner.Rollback().error().status, MASR_NOT_FOUND);
}

TEST_F(CapiOwner, TheSameAsTheEngine) {
  OwnerFolder folder = Open();
  settings_ = {};
  settings_.format = WeightFormat::kAsStored;
  settings_.personalize.epochs = 3;
  settings_.personalize.learning_rate = 1e-2f;
  ASSERT_TRUE(Round(folder, first_).has_value());
  const auto expected = Accepted();
  const std::string other = folder_ / "other";
  auto owner = mobileasr::Owner::Open(other, base_, {}, 1);
  ASSERT_TRUE(static_cast<bool>(owner)) << owner.error().message;
  const auto result = owner->Run(Options(first_));
  ASSERT_TRUE(static_cast<bool>(result)) << result.error().message;
  const auto model = LoadModel(other + "/accepted.masr");
  ASSERT_TRUE(model.has_value());
  EXPECT_EQ(testing::AllWeights(*model), expected);
}

TEST_F(CapiOwner, IsStoppedFromAnotherThreadAndGoesOn) {
  std::atomic<int> updates = 0;
  auto owner = OpenOwner([&](const masr_event& event) {
    if (event.kind != MASR_EVENT_PROGRESS) return;
    // Waits for the other thread to have asked, so that it is asked in the middle.
    if (++updates == 3) {
      while (updates.load() < 100) std::this_thread::yield();
    }
  });
  std::thread other([&] {
    while (updates.load() < 3) std::this_thread::yield();
    owner.SetCancelled(true);
    updates.store(100);
  });
  auto result = owner.Run(Options(first_));
  other.join();
  ASSERT_TRUE(static_cast<bool>(result)) << result.error().message;
  EXPECT_EQ(result->unfinished, 1);
  EXPECT_STREQ(result->halted_by, "owner");
  EXPECT_EQ(owner.Run(Options(first_)).error().status, MASR_CANCELLED);
  owner.SetCancelled(false);
  const auto refused = owner.Run(Options(first_));
  EXPECT_EQ(refused.error().status, MASR_INVALID_ARGUMENT);
  EXPECT_NE(refused.error().message.find("MASR_ROUND_RESUME"), std::string::npos);
  auto options = mobileasr::Make<masr_round_options>();
  options.mode = MASR_ROUND_RESUME;
  result = owner.Run(options);
  ASSERT_TRUE(static_cast<bool>(result)) << result.error().message;
  EXPECT_EQ(result->resumed, 1);
  EXPECT_EQ(result->unfinished, 0);
  const auto resumed = Accepted();

  // As if nobody had stopped it.
  const std::string elsewhere = folder_ / "elsewhere";
  auto undisturbed = mobileasr::Owner::Open(elsewhere, base_, {}, 2);
  ASSERT_TRUE(static_cast<bool>(undisturbed->Run(Options(first_))));
  EXPECT_EQ(testing::AllWeights(*LoadModel(elsewhere + "/accepted.masr")), resumed);
}

TEST_F(CapiOwner, ACallFromACallbackIsRefused) {
  masr_owner* handle = nullptr;
  std::vector<masr_status> answers;
  auto owner = OpenOwner([&](const masr_event&) {
    if (answers.empty()) answers.push_back(masr_owner_rollback(handle));
  });
  handle = owner.handle();
  ASSERT_TRUE(static_cast<bool>(owner.Run(Options(first_))));
  EXPECT_EQ(answers, std::vector<masr_status>{MASR_BUSY});
}

TEST_F(CapiOwner, PlansWithinABudget) {
  auto owner = OpenOwner();
  auto options = Options(first_);
  options.training = nullptr;
  options.ram_bytes = int64_t{1} << 40;
  const auto plan = owner.Plan(options);
  ASSERT_TRUE(static_cast<bool>(plan)) << plan.error().message;
  EXPECT_GT(plan->candidates, 3u);
  EXPECT_EQ(plan->fitting, plan->candidates);
  EXPECT_GT(plan->peak_bytes, 0);
  EXPECT_GT(plan->seconds, 0);
  EXPECT_NE(std::string(plan->why).find("variants that fit"), std::string::npos);
  EXPECT_TRUE(Exists("device.json"));
  EXPECT_FALSE(Exists("round.json"));
  options.ram_bytes = 1000;
  const auto none = owner.Plan(options);
  EXPECT_EQ(none.error().status, MASR_NO_SPACE);
  EXPECT_NE(none.error().message.find("MB"), std::string::npos) << none.error().message;
  EXPECT_EQ(owner.Run(options).error().status, MASR_NO_SPACE);
  // Within the one that does, a round does what was planned.
  options.ram_bytes = int64_t{1} << 40;
  const auto result = owner.Run(options);
  ASSERT_TRUE(static_cast<bool>(result)) << result.error().message;
  EXPECT_GT(result->planned_bytes, 0);
}

// What one process has measured, another plans with, and measures nothing.
TEST_F(CapiOwner, AProfileIsHandedOn) {
  auto owner = OpenOwner();
  EXPECT_EQ(owner.Profile().error().status, MASR_NOT_FOUND);
  ASSERT_TRUE(static_cast<bool>(owner.Measure()));
  auto profile = owner.Profile();
  ASSERT_TRUE(static_cast<bool>(profile)) << profile.error().message;
  auto slower = *ParseJson(*profile);
  EXPECT_EQ(slower["threads"], 2);
  slower["update_s"] = 10;
  const std::string slow = slower.dump();

  const std::string elsewhere = folder_ / "elsewhere";
  auto other = mobileasr::Owner::Open(elsewhere, base_, {}, 2);
  ASSERT_TRUE(static_cast<bool>(other->SetProfile(slow)));
  auto options = Options(first_);
  const auto plan = other->Plan(options);
  ASSERT_TRUE(static_cast<bool>(plan)) << plan.error().message;
  EXPECT_GT(plan->seconds, 1e5);
  profile = other->Profile();
  ASSERT_TRUE(static_cast<bool>(profile)) << profile.error().message;
  EXPECT_EQ((*ParseJson(*profile))["update_s"], 10);

  // What is of no use is refused, and changes nothing.
  EXPECT_EQ(other->SetProfile("{").error().status, MASR_CORRUPT);
  slower["threads"] = 3;
  const auto refused = other->SetProfile(slower.dump());
  EXPECT_EQ(refused.error().status, MASR_INVALID_ARGUMENT);
  EXPECT_NE(refused.error().message.find("threads"), std::string::npos) << refused.error().message;
  EXPECT_EQ(*other->Profile(), *profile);
  ASSERT_TRUE(static_cast<bool>(other->SetProfile("")));
  EXPECT_EQ(other->Profile().error().status, MASR_NOT_FOUND);
  ASSERT_TRUE(static_cast<bool>(other->SetProfile("")));  // nothing is nothing to forget
  other->SetCancelled(true);
  EXPECT_EQ(other->Measure().error().status, MASR_CANCELLED);
}

// An app's monitor says that the battery is empty: the policy stops the round.
TEST_F(CapiOwner, AnAppsMonitorIsAsked) {
  auto options = mobileasr::Make<masr_owner_options>();
  std::vector<std::string> news;
  int asked = 0;
  options.resource_data = &asked;
  options.resources = [](void* user_data, masr_resources* resources) -> int32_t {
    ++*static_cast<int*>(user_data);
    resources->battery_percent = 12;
    resources->charging = 0;
    return 0;
  };
  options.event_data = &news;
  options.on_event = [](void* user_data, const masr_event* event) {
    if (event->kind == MASR_EVENT_HALT) {
      static_cast<std::vector<std::string>*>(user_data)->emplace_back(event->text);
    }
  };
  masr_owner* owner = nullptr;
  ASSERT_EQ(masr_owner_create(&options, &owner), MASR_OK);
  ASSERT_EQ(masr_owner_open(owner, state_.c_str(), base_.c_str()), MASR_OK);
  auto round = Options(first_);
  auto result = mobileasr::Make<masr_round_result>();
  ASSERT_EQ(masr_owner_run(owner, &round, &result), MASR_OK) << masr_owner_error(owner);
  EXPECT_STREQ(result.halted_by, "battery");
  EXPECT_EQ(result.unfinished, 1);
  EXPECT_GE(asked, 1);
  ASSERT_EQ(news.size(), 1u);
  EXPECT_NE(news[0].find("12"), std::string::npos) << news[0];
  // With a policy that is content with less it goes on.
  round.mode = MASR_ROUND_RESUME;
  round.policy = R"({"min_battery_percent": 5})";
  ASSERT_EQ(masr_owner_run(owner, &round, &result), MASR_OK) << masr_owner_error(owner);
  EXPECT_EQ(result.unfinished, 0);
  masr_owner_destroy(owner);
}

TEST_F(CapiOwner, WrongArgumentsAreRefused) {
  EXPECT_EQ(masr_owner_create(nullptr, nullptr), MASR_INVALID_ARGUMENT);
  masr_owner_options wrong = {.struct_size = 3};
  masr_owner* none = nullptr;
  EXPECT_EQ(masr_owner_create(&wrong, &none), MASR_INVALID_ARGUMENT);
  EXPECT_EQ(none, nullptr);
  size_t bytes = 0;
  auto plan = mobileasr::Make<masr_plan>();
  auto options = Options(first_);
  for (const masr_status status :
       {masr_owner_open(nullptr, "a", "b"), masr_owner_model(nullptr, nullptr, &bytes),
        masr_owner_plan(nullptr, &options, &plan), masr_owner_run(nullptr, &options, nullptr),
        masr_owner_rollback(nullptr), masr_owner_history(nullptr, nullptr, &bytes),
        masr_owner_report(nullptr, "a"), masr_owner_set_cancelled(nullptr, 1),
        masr_owner_measure(nullptr), masr_owner_profile(nullptr, nullptr, &bytes),
        masr_owner_set_profile(nullptr, "")}) {
    EXPECT_EQ(status, MASR_INVALID_ARGUMENT);
  }
  EXPECT_STREQ(masr_owner_error(nullptr), "the owner is NULL");
  masr_owner_destroy(nullptr);

  ASSERT_EQ(masr_owner_create(nullptr, &none), MASR_OK);
  EXPECT_EQ(masr_owner_run(none, &options, nullptr), MASR_INVALID_ARGUMENT);
  EXPECT_NE(std::string(masr_owner_error(none)).find("masr_owner_open"), std::string::npos);
  EXPECT_EQ(masr_owner_open(none, state_.c_str(), nullptr), MASR_INVALID_ARGUMENT);
  EXPECT_EQ(masr_owner_open(none, state_.c_str(), "/no/such"), MASR_NOT_FOUND);
  masr_owner_destroy(none);

  auto owner = OpenOwner();
  const auto refused = [&](const char* message) {
    const auto result = owner.Run(options);
    EXPECT_EQ(result.error().status, MASR_INVALID_ARGUMENT) << message;
    EXPECT_NE(result.error().message.find(message), std::string::npos) << result.error().message;
    options = Options(first_);
    training_ = {.struct_size = sizeof(training_)};
  };
  options.struct_size = 1;
  refused("masr_round_options: struct_size is 1");
  options.data = nullptr;
  refused("needs speech");
  options.mode = 7;
  refused("masr_round_mode");
  options.epochs = -1;
  refused("epochs");
  options.seed = ~uint64_t{0};
  refused("seed");
  options.ram_bytes = -1;
  refused("ram_bytes");
  options.battery_percent = 101;
  refused("battery_percent");
  options.policy = "{\"min_batery\": 3}";
  refused("min_batery");
  training_.struct_size = 2;
  refused("masr_training_options: struct_size is 2");
  training_.freeze_blocks = 100;
  refused("freeze_blocks is 100");
  EXPECT_FALSE(Exists("round.json"));
  size_t small = 3;
  char path[3];
  EXPECT_EQ(masr_owner_model(owner.handle(), path, &small), MASR_BUFFER_TOO_SMALL);
  EXPECT_EQ(small, state_.size() + sizeof("/accepted.masr"));
  // One folder, one handle.
  EXPECT_EQ(mobileasr::Owner::Open(state_, base_).error().status, MASR_IO);
}

}  // namespace
}  // namespace masr
