#include "text/error_rate.h"

#include <gtest/gtest.h>

#include <string>

#include "base/rng.h"

namespace masr {
namespace {

struct Expected {
  const char* reference;
  const char* hypothesis;
  int64_t tokens, substitutions, insertions, deletions;
};

void ExpectCounts(const ErrorCounts& counts, const Expected& e) {
  EXPECT_EQ(counts.reference_tokens, e.tokens) << e.reference << " | " << e.hypothesis;
  EXPECT_EQ(counts.substitutions, e.substitutions) << e.reference << " | " << e.hypothesis;
  EXPECT_EQ(counts.insertions, e.insertions) << e.reference << " | " << e.hypothesis;
  EXPECT_EQ(counts.deletions, e.deletions) << e.reference << " | " << e.hypothesis;
}

TEST(ErrorRate, WordsByHand) {
  const Expected cases[] = {
      {"", "", 0, 0, 0, 0},
      {"", "a b", 0, 0, 2, 0},
      {"a b c", "", 3, 0, 0, 3},
      {"the cat sat", "the cat sat", 3, 0, 0, 0},
      {"the cat sat", "the hat sat", 3, 1, 0, 0},
      {"the cat sat", "the sat", 3, 0, 0, 1},
      {"the cat sat", "the black cat sat", 3, 0, 1, 0},
      {"a a a", "a", 3, 0, 0, 2},
      {"a", "a a a", 1, 0, 2, 0},
      {"a b", "b a", 2, 2, 0, 0},  // two substitutions, not a deletion and an insertion
      {"a b c", "c a b", 3, 0, 1, 1},
      {"a b c d", "x y", 4, 2, 0, 2},
      {"the cat", "The cat", 2, 1, 0, 0},
  };
  for (const Expected& e : cases) ExpectCounts(CountWordErrors(e.reference, e.hypothesis), e);
}

TEST(ErrorRate, ExtraSpacesAreNoWords) {
  ExpectCounts(CountWordErrors("  a  b ", "a b"), {"  a  b ", "a b", 2, 0, 0, 0});
  ExpectCounts(CountCharacterErrors("  a  b ", "a b"), {"  a  b ", "a b", 3, 0, 0, 0});
  ExpectCounts(CountWordErrors("   ", " "), {"   ", " ", 0, 0, 0, 0});
}

TEST(ErrorRate, CharactersByHand) {
  const Expected cases[] = {
      {"kitten", "sitting", 6, 2, 1, 0},
      {"ab cd", "abcd", 5, 0, 0, 1},  // the space counts
      {"café", "cafe", 4, 1, 0, 0},   // code points, not bytes
      {"€", "", 1, 0, 0, 1},
      {"", "é😀", 0, 0, 2, 0},
  };
  for (const Expected& e : cases) ExpectCounts(CountCharacterErrors(e.reference, e.hypothesis), e);
}

TEST(ErrorRate, Percent) {
  EXPECT_EQ(ErrorCounts{}.rate_percent(), 0.0);
  EXPECT_EQ((ErrorCounts{4, 1, 0, 0}).rate_percent(), 25.0);
  EXPECT_EQ((ErrorCounts{2, 1, 1, 1}).rate_percent(), 150.0);
  EXPECT_EQ((ErrorCounts{0, 0, 3, 0}).rate_percent(), 300.0);
}

TEST(ErrorRate, SumsOverUtterances) {
  ErrorCounts sum = CountWordErrors("a b c", "a x");
  sum += CountWordErrors("", "y");
  EXPECT_EQ(sum.reference_tokens, 3);
  EXPECT_EQ(sum.errors(), 3);
  EXPECT_EQ(sum.insertions, 1);
  EXPECT_EQ(sum.rate_percent(), 100.0);
}

std::string Show(const std::vector<AlignedToken>& tokens) {
  std::string text;
  for (const AlignedToken& t : tokens) {
    text += "MSID"[static_cast<int>(t.edit)];
    text += "(" + t.reference + "," + t.hypothesis + ")";
  }
  return text;
}

TEST(ErrorRate, AlignmentByHand) {
  EXPECT_EQ(Show(AlignWords("", "")), "");
  EXPECT_EQ(Show(AlignWords("a b", "")), "D(a,)D(b,)");
  EXPECT_EQ(Show(AlignWords("", "a b")), "I(,a)I(,b)");
  EXPECT_EQ(Show(AlignWords("the cat sat", "the bad hat sat")),
            "M(the,the)I(,bad)S(cat,hat)M(sat,sat)");
  EXPECT_EQ(Show(AlignWords("a b c", "c a b")), "I(,c)M(a,a)M(b,b)D(c,)");
}

// From the end, the diagonal comes first: of equal paths, edits that add or drop a token come
// early.
TEST(ErrorRate, TiesAreBrokenTheSameWayAlways) {
  EXPECT_EQ(Show(AlignWords("a a a", "a")), "D(a,)D(a,)M(a,a)");
  EXPECT_EQ(Show(AlignWords("a", "a a")), "I(,a)M(a,a)");
  EXPECT_EQ(Show(AlignWords("x y", "z")), "D(x,)S(y,z)");
  EXPECT_EQ(Show(AlignWords("z", "x y")), "I(,x)S(z,y)");
}

// The plain recursion of the definition.
int64_t Distance(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return static_cast<int64_t>(a.size() + b.size());
  const int64_t diagonal = Distance(a.substr(1), b.substr(1)) + (a[0] != b[0]);
  return std::min({diagonal, Distance(a.substr(1), b) + 1, Distance(a, b.substr(1)) + 1});
}

TEST(ErrorRate, EqualsTheRecursionAndTheAlignmentItself) {
  Rng rng(1);
  const auto random_text = [&] {
    std::string text(rng.Below(7), 'a');
    for (char& c : text) c = static_cast<char>('a' + rng.Below(3));
    return text;
  };
  for (int round = 0; round < 200; ++round) {
    const std::string a = random_text();
    const std::string b = random_text();
    const ErrorCounts counts = CountCharacterErrors(a, b);
    EXPECT_EQ(counts.errors(), Distance(a, b)) << a << " | " << b;
    EXPECT_EQ(counts.reference_tokens - counts.deletions + counts.insertions,
              static_cast<int64_t>(b.size()));
  }
}

}  // namespace
}  // namespace masr
