// Language models small enough to work out by hand.
#ifndef MOBILEASR_CTC_TESTING_SMALL_LANGUAGE_MODEL_H_
#define MOBILEASR_CTC_TESTING_SMALL_LANGUAGE_MODEL_H_

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "lm/arpa.h"
#include "lm/language_model.h"

namespace masr::testing {

// Words a, ab, ba, b; "ab" is likely at the beginning and "ba" after "ab".
inline LanguageModel SmallWordModel() {
  const auto open = ParseArpa(
      "\\data\\\nngram 1=7\nngram 2=3\n"
      "\\1-grams:\n"
      "-2\t<unk>\n-99\t<s>\t-0.3\n-0.6\t</s>\n"
      "-0.9\ta\t-0.1\n-1.1\tab\t-0.2\n-1.3\tb\t-0.1\n-1.2\tba\t-0.4\n"
      "\\2-grams:\n"
      "-0.2\t<s> ab\n-0.1\tab ba\n-0.3\tba </s>\n"
      "\\end\\\n",
      "small");
  EXPECT_TRUE(open.has_value()) << open.error().message;
  auto model = LanguageModel::FromNgrams(*open, LanguageModelUnit::kWord, false);
  EXPECT_TRUE(model.has_value());
  return std::move(*model);
}

inline LanguageModel SmallCharacterModel() {
  const auto open = ParseArpa(
      "\\data\\\nngram 1=6\nngram 2=3\n"
      "\\1-grams:\n"
      "-2\t<unk>\n-99\t<s>\t-0.3\n-0.6\t</s>\n"
      "-0.5\ta\t-0.1\n-0.7\tb\t-0.2\n-0.8\t<space>\t-0.1\n"
      "\\2-grams:\n"
      "-0.2\ta b\n-0.4\tb <space>\n-0.3\t<space> a\n"
      "\\end\\\n",
      "small");
  EXPECT_TRUE(open.has_value()) << open.error().message;
  auto model = LanguageModel::FromNgrams(*open, LanguageModelUnit::kCharacter, false);
  EXPECT_TRUE(model.has_value());
  return std::move(*model);
}

}  // namespace masr::testing

#endif  // MOBILEASR_CTC_TESTING_SMALL_LANGUAGE_MODEL_H_
