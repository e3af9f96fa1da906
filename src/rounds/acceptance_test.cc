#include "rounds/acceptance.h"

#include <gtest/gtest.h>

namespace masr {
namespace {

// `errors` of a hundred characters.
Evaluation Own(int64_t errors, double loss, int64_t utterances = 5) {
  return {.words = {.reference_tokens = 20, .substitutions = errors / 5},
          .characters = {.reference_tokens = 100, .substitutions = errors},
          .utterances = utterances,
          .loss = loss};
}

TEST(Judge, FewerWrongCharactersAreBetter) {
  const Acceptance better = Judge({.before = Own(30, 1), .after = Own(29, 2)});
  EXPECT_TRUE(better.accepted);
  EXPECT_NE(better.why.find("30.0 to 29.0 %"), std::string::npos) << better.why;
  EXPECT_FALSE(Judge({.before = Own(30, 1), .after = Own(31, 0.5)}).accepted);
}

TEST(Judge, AsManyErrorsAndTheLossDecides) {
  EXPECT_TRUE(Judge({.before = Own(30, 1), .after = Own(30, 0.9)}).accepted);
  const Acceptance same = Judge({.before = Own(30, 1), .after = Own(30, 1)});
  EXPECT_FALSE(same.accepted);
  EXPECT_FALSE(same.forgets);
  EXPECT_EQ(same.why.find("not accepted"), 0u);
}

TEST(Judge, AsManyWrongCharactersInMoreWordsAreNotBetter) {
  Evaluation more = Own(30, 0.5);
  more.words.insertions = 1;
  EXPECT_FALSE(Judge({.before = Own(30, 1), .after = more}).accepted);
  Evaluation fewer = Own(30, 1.5);
  fewer.words.substitutions -= 1;
  EXPECT_TRUE(Judge({.before = Own(30, 1), .after = fewer}).accepted);
}

TEST(Judge, FewerWrongCharactersInMoreWrongWordsAreNotBetter) {
  Evaluation more = Own(20, 0.5);
  more.words.substitutions = 7;
  EXPECT_FALSE(Judge({.before = Own(30, 1), .after = more}).accepted);
  more.words.substitutions = 6;
  EXPECT_TRUE(Judge({.before = Own(30, 1), .after = more}).accepted);
}

TEST(Judge, WhatForgetsTooMuchIsRefused) {
  const Evaluation before = Own(30, 1);
  const Evaluation after = Own(10, 1);
  const auto general = [&](double cer) {
    return Judge({.before = before,
                  .after = after,
                  .general_base = ErrorRates{50, 20},
                  .general_after = ErrorRates{55, cer},
                  .max_general_cer_rise = 2});
  };
  EXPECT_TRUE(general(22).accepted);
  const Acceptance refused = general(22.5);
  EXPECT_FALSE(refused.accepted);
  EXPECT_TRUE(refused.forgets);
  EXPECT_NE(refused.why.find("20.0 to 22.5 %"), std::string::npos) << refused.why;
  // Not better, and it forgets: a smaller change would be no better either.
  EXPECT_FALSE(Judge({.before = after,
                      .after = before,
                      .general_base = ErrorRates{50, 20},
                      .general_after = ErrorRates{55, 40}})
                   .forgets);
}

TEST(Judge, SpeechThatCannotBeReadDecidesNothing) {
  EXPECT_FALSE(Judge({.before = Own(30, 1), .after = Own(10, 1, 4)}).accepted);
  EXPECT_FALSE(Judge({.before = Own(0, 1, 0), .after = Own(0, 0, 0)}).accepted);
}

}  // namespace
}  // namespace masr
