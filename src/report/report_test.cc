#include "report/report.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "io/file.h"
#include "io/testing/temporary_folder.h"
#include "report/summary.h"
#include "report/testing/invented_rounds.h"
#include "report/testing/markup_checker.h"

namespace masr {
namespace {

void ExpectSound(const std::vector<RoundRecord>& rounds) {
  const std::string html = ReportHtml(rounds);
  EXPECT_EQ(MarkupChecker::Mistake(html), "");
  // Nothing to fetch, nothing to run; what is linked is a name space only.
  for (const char* word : {"<script", "<link", "<img", "@import", "url(", "src=", "href="}) {
    EXPECT_EQ(html.find(word), std::string::npos) << word;
  }
  for (const FigureFile& file : ReportFigures(rounds)) {
    EXPECT_EQ(MarkupChecker::Mistake(file.svg), "") << file.name;
    EXPECT_NE(file.svg.find("prefers-color-scheme:dark"), std::string::npos) << file.name;
  }
}

TEST(Report, IsWellFormedAndAsksForNothing) {
  ExpectSound(InventedRounds());
  ExpectSound({});
  ExpectSound({RoundRecord{}});
}

TEST(Report, EveryTextOfARecordIsEscaped) {
  const std::string bad = "</style><b title=\"&'\x01\xff";
  std::vector<RoundRecord> rounds = InventedRounds();
  for (RoundRecord& round : rounds) {
    for (std::string* text : {&round.began, &round.base, &round.from, &round.sub_model,
                              &round.plan_reason, &round.why, &round.halted_by, &round.halt_why}) {
      *text = bad;
    }
    round.memory = {{bad, 5}};
    round.thresholds = {{bad, 5}};
    round.sentences = {{bad + " a", bad + " b", "c " + bad}};
  }
  ExpectSound(rounds);
  EXPECT_EQ(ReportHtml(rounds).find("<b title"), std::string::npos);
}

TEST(Report, NumbersThatAreNoneDoNoHarm) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  std::vector<RoundRecord> rounds = InventedRounds();
  for (RoundRecord& round : rounds) {
    round.seconds = nan;
    round.audio_seconds = infinity;
    round.seconds_paused = -infinity;
    round.test_before = ErrorRates{nan, nan};
    round.epochs[0].validation_wer = infinity;
    round.epochs[1].validation_cer = nan;
    round.epochs[2].validation_loss = -infinity;
    round.epochs[3].epoch = std::numeric_limits<int64_t>::max();
    round.epochs[4].epoch = -7;
    round.round = std::numeric_limits<int64_t>::max();
    round.replayed_utterances = std::numeric_limits<int64_t>::max();
  }
  ExpectSound(rounds);
  const std::string html = ReportHtml(rounds);
  EXPECT_EQ(html.find(">nan"), std::string::npos);
  EXPECT_EQ(html.find(">inf"), std::string::npos);
}

TEST(Report, ItsSizeIsBounded) {
  std::vector<RoundRecord> rounds;
  for (int64_t n = 1; n <= 300; ++n) rounds.push_back(InventedRound(n, n % 2 == 0, 40, 20, 400));
  for (const int64_t n : {50, 299}) {
    RoundRecord& round = rounds[static_cast<size_t>(n)];
    round = InventedRound(n + 1, true, 40, 10000, 20000);
    round.sentences.assign(500, {std::string(100000, 'a'), std::string(100000, 'b'), "c"});
    round.why = std::string(1 << 20, 'w');
  }
  ExpectSound(rounds);
  EXPECT_LT(ReportHtml(rounds).size(), 3u << 20);
  for (const FigureFile& file : ReportFigures(rounds)) EXPECT_LT(file.svg.size(), 2u << 20);
}

TEST(Report, SaysWhetherItHearsItsOwnerBetter) {
  std::vector<RoundRecord> rounds = InventedRounds();
  Summary summary = Summarize(rounds);
  EXPECT_EQ(summary.rounds, 3);
  EXPECT_EQ(summary.accepted, 2);
  EXPECT_DOUBLE_EQ(summary.seconds_learned, 300);  // half of each was replayed
  EXPECT_FALSE(summary.on_test);
  EXPECT_DOUBLE_EQ(*summary.wer_start, 46);
  EXPECT_DOUBLE_EQ(*summary.wer_now, rounds[1].epochs[12].validation_wer);
  EXPECT_EQ(Headline(summary), "It hears its owner better now.");

  // A test set goes first, if the start and the last accepted round both have it.
  rounds[0].test_before = ErrorRates{50, 20};
  EXPECT_FALSE(Summarize(rounds).on_test);
  rounds[1].test_after = ErrorRates{55, 22};
  summary = Summarize(rounds);
  EXPECT_TRUE(summary.on_test);
  EXPECT_EQ(Headline(summary), "It gets fewer words right than at the start.");

  for (RoundRecord& round : rounds) round.accepted = false;
  summary = Summarize(rounds);
  EXPECT_FALSE(summary.wer_now.has_value());
  EXPECT_EQ(Headline(summary), "It hears its owner as it did before.");
  EXPECT_EQ(Headline(Summarize({})), "It has not learned yet.");
}

TEST(Report, SaysWhatBecameOfTheLastRound) {
  RoundRecord round = InventedRound(3, false);
  EXPECT_EQ(OutcomeWord(round), "refused");
  std::string outcome = Outcome(round);
  EXPECT_NE(outcome.find("stays as it was. General WER rose by 0.2 points."), std::string::npos);
  EXPECT_NE(outcome.find("stopped early (battery). Its battery is at 29 %."), std::string::npos);
  round.best_epoch = 0;
  EXPECT_EQ(OutcomeWord(round), "no gain");
  EXPECT_EQ(Outcome(round).find("Nothing better was found"), 0u);
  round = InventedRound(3, true);
  EXPECT_EQ(Outcome(round).find("Accepted: what epoch 7 offered"), 0u);
}

TEST(Report, SentencesAreThoseOfTheLastAcceptedRoundWithTheirErrorsMarked) {
  std::vector<RoundRecord> rounds = InventedRounds();
  rounds[2].sentences = {{"never", "shown", "here"}};
  const std::string html = ReportHtml(rounds);
  EXPECT_NE(html.find("before and after round 2"), std::string::npos);
  EXPECT_NE(html.find("<mark>turned</mark> left <del>at</del> the <mark>bruise</mark>"),
            std::string::npos);
  EXPECT_NE(html.find("turn left at the brewery <mark>now</mark>"), std::string::npos);
  EXPECT_EQ(html.find("shown</mark>"), std::string::npos);
}

TEST(Report, FilesAreWritten) {
  const testing::TemporaryFolder folder;
  const std::string path = folder / "report.html";
  ASSERT_TRUE(WriteReport(InventedRounds(), path).has_value());
  EXPECT_EQ(*ReadTextFile(path), ReportHtml(InventedRounds()));
  ASSERT_TRUE(WriteFigures(InventedRounds(), folder / "new/figures").has_value());
  for (const char* name : {"errors.svg", "loss.svg", "memory.svg", "device.svg"}) {
    EXPECT_TRUE(std::filesystem::exists(folder.path() / "new/figures" / name)) << name;
  }
  EXPECT_FALSE(WriteReport({}, folder / "no/such/folder.html").has_value());
  EXPECT_FALSE(WriteFigures(InventedRounds(), path + "/below a file").has_value());
}

}  // namespace
}  // namespace masr
