#include "ctc/greedy_decoder.h"

#include <gtest/gtest.h>

#include <vector>

namespace masr {
namespace {

using Tokens = std::vector<int32_t>;

// Scores in which `path` has the largest value of each frame.
std::vector<float> ScoresOf(const Tokens& path, int64_t tokens) {
  std::vector<float> scores(path.size() * static_cast<size_t>(tokens), -1.0f);
  for (size_t t = 0; t < path.size(); ++t) {
    scores[t * static_cast<size_t>(tokens) + static_cast<size_t>(path[t])] = 0.5f;
  }
  return scores;
}

Tokens Decode(const Tokens& path, int64_t tokens, int32_t blank) {
  return GreedyDecode(static_cast<int64_t>(path.size()), tokens, blank,
                      ScoresOf(path, tokens).data());
}

TEST(GreedyDecoder, CollapsesRepeatsAndDropsBlanks) {
  EXPECT_EQ(Decode({0, 1, 1, 0, 2, 2, 2, 0}, 3, 0), (Tokens{1, 2}));
  EXPECT_EQ(Decode({1, 0, 1}, 3, 0), (Tokens{1, 1}));
  EXPECT_EQ(Decode({1, 2, 1}, 3, 0), (Tokens{1, 2, 1}));
  EXPECT_EQ(Decode({1, 1, 1}, 3, 0), (Tokens{1}));
  EXPECT_EQ(Decode({0, 0}, 3, 0), Tokens{});
  EXPECT_EQ(Decode({}, 3, 0), Tokens{});
}

TEST(GreedyDecoder, TheBlankMayBeAnyToken) {
  EXPECT_EQ(Decode({0, 2, 0, 1, 1, 2}, 3, 2), (Tokens{0, 0, 1}));
}

TEST(GreedyDecoder, TheFirstOfEqualMaximaWins) {
  const std::vector<float> scores = {1, 1, 0,  //
                                     0, 2, 2,  //
                                     0, 0, 3};
  EXPECT_EQ(GreedyDecode(3, 3, 0, scores.data()), (Tokens{1, 2}));
}

TEST(GreedyDecoder, PiecesEqualTheWhole) {
  const Tokens path = {0, 1, 1, 0, 1, 2, 2, 2, 0, 0, 2};
  const std::vector<float> scores = ScoresOf(path, 3);
  for (size_t cut = 0; cut <= path.size(); ++cut) {
    GreedyDecoder decoder(3, 0);
    decoder.Advance(static_cast<int64_t>(cut), scores.data());
    const Tokens before = decoder.Best();
    GreedyDecoder copy = decoder;
    copy.Advance(static_cast<int64_t>(path.size() - cut), scores.data() + 3 * cut);
    EXPECT_EQ(copy.Best(), Decode(path, 3, 0)) << cut;
    EXPECT_EQ(decoder.Best(), before);
  }
}

}  // namespace
}  // namespace masr
