#include "base/hash.h"

#include <gtest/gtest.h>

#include <vector>

namespace masr {
namespace {

// Test vectors of the draft "The FNV Non-Cryptographic Hash Algorithm" (Fowler et al.), appendix C.
TEST(Fnv1a, PublishedValues) {
  const auto of = [](std::string_view text) {
    Fnv1a hash;
    for (const char c : text) hash.AddUnit(static_cast<uint8_t>(c));
    return hash.Text();
  };
  EXPECT_EQ(of(""), "cbf29ce484222325");
  EXPECT_EQ(of("a"), "af63dc4c8601ec8c");
  EXPECT_EQ(of("foobar"), "85944171f73967e8");
}

TEST(Fnv1a, WhereOneTextEndsMatters) {
  Fnv1a one;
  one.Add("ab");
  one.Add("c");
  Fnv1a other;
  other.Add("a");
  other.Add("bc");
  EXPECT_NE(one.value(), other.value());
}

TEST(Fnv1a, EveryBitOfTheBytesMatters) {
  std::vector<uint8_t> bytes(37, 5);
  Fnv1a before;
  before.Add(bytes);
  for (size_t i = 0; i < bytes.size() * 8; ++i) {
    bytes[i / 8] ^= static_cast<uint8_t>(1 << i % 8);
    Fnv1a after;
    after.Add(bytes);
    EXPECT_NE(after.value(), before.value()) << "bit " << i;
    bytes[i / 8] ^= static_cast<uint8_t>(1 << i % 8);
  }
}

}  // namespace
}  // namespace masr
