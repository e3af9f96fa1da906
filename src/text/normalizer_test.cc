#include "text/normalizer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "text/utf8.h"

namespace masr {
namespace {

TEST(Normalizer, LowersAndStripsPunctuation) {
  EXPECT_EQ(NormalizeEnglish("Hello, World!"), "hello world");
  EXPECT_EQ(NormalizeEnglish("  \"Stop\" -- he   said;\tnow...\r\n"), "stop he said now");
  EXPECT_EQ(NormalizeEnglish("well-known (AND) [so] {on}: a/b?"), "well known and so on a b");
  EXPECT_EQ(NormalizeEnglish("Z.[\\]^_|~<>*#"), "z");
}

TEST(Normalizer, EmptyAndNothingButPunctuation) {
  EXPECT_EQ(NormalizeEnglish(""), "");
  EXPECT_EQ(NormalizeEnglish(" \t\n"), "");
  EXPECT_EQ(NormalizeEnglish("...?!"), "");
}

TEST(Normalizer, Apostrophes) {
  for (const char* apostrophe : {"'", "’", "‘", "‛", "ʼ", "`", "´", "′", "＇"}) {
    EXPECT_EQ(NormalizeEnglish(std::string("DON") + apostrophe + "T"), "don't") << apostrophe;
  }
}

TEST(Normalizer, TypographicQuotesDashesAndSpaces) {
  EXPECT_EQ(NormalizeEnglish("“Yes” – no—maybe… «so» a\u00a0b\u2009c\u2011d"),
            "yes no maybe so a b c d");
  EXPECT_EQ(NormalizeEnglish("\ufeffco\u00adop\u200b era\u2060te"), "coop erate");
}

TEST(Normalizer, AccentsFoldToTheBaseLetter) {
  EXPECT_EQ(NormalizeEnglish("Café NAÏVE Ærø façade Straße Łódź œuvre"),
            "cafe naive aero facade strasse lodz oeuvre");
  EXPECT_EQ(NormalizeEnglish("ÀÁÂÃÄÅ àáâãäå ÈÉÊË èéêë ÌÍÎÏ ìíîï"),
            "aaaaaa aaaaaa eeee eeee iiii iiii");
  EXPECT_EQ(NormalizeEnglish("ÒÓÔÕÖØ òóôõöø ÙÚÛÜ ùúûü ÝŸ ýÿ Ññ Çç Ðð Þþ"),
            "oooooo oooooo uuuu uuuu yy yy nn cc dd thth");
  EXPECT_EQ(NormalizeEnglish("Dvořák Škoda Ștefan Erdoğan Nguyễn Đặng"),
            "dvorak skoda stefan erdogan nguyen dang");
  EXPECT_EQ(NormalizeEnglish("e\u0301cole"), "ecole");  // letter and combining accent
}

TEST(Normalizer, WhatIsReadAloudAndOtherScriptsStay) {
  EXPECT_EQ(NormalizeEnglish("AT&T pays 5% or $3.50 + £2 = €7 @ home"),
            "at&t pays 5% or $3 50 + £2 = €7 @ home");
  EXPECT_EQ(NormalizeEnglish("Привет, Ω 日本 ½ × ÷"), "Привет Ω 日本 ½ × ÷");
}

TEST(Normalizer, InvalidUtf8StaysVisible) {
  EXPECT_EQ(NormalizeEnglish("a\xff\xfe"
                             "b"),
            "a\ufffd\ufffdb");
}

TEST(Normalizer, IsIdempotent) {
  const std::string all = [] {
    std::string text;
    for (int byte = 1; byte < 128; ++byte) text += static_cast<char>(byte);
    return text + "ÀÆßÿĀſƠʼ\u0301Ạ–’…′　\ufeff";
  }();
  const std::string once = NormalizeEnglish(all);
  EXPECT_EQ(NormalizeEnglish(once), once);
}

TEST(SplitCodePoints, ValidTextOfEveryLength) {
  EXPECT_EQ(SplitCodePoints("aé€😀"), (std::vector<std::string>{"a", "é", "€", "😀"}));
  EXPECT_TRUE(SplitCodePoints("").empty());
  EXPECT_EQ(SplitCodePoints(std::string_view("\0", 1)).size(), 1u);
}

TEST(SplitCodePoints, EachInvalidByteIsOneReplacement) {
  const std::string r = "\ufffd";
  const struct {
    const char* text;
    std::vector<std::string> expected;
  } cases[] = {
      {"\x80", {r}},                       // continuation alone
      {"\xc3", {r}},                       // cut short
      {"\xe2\x82", {r, r}},                // cut short
      {"\xe2\x82z", {r, r, "z"}},          // interrupted
      {"\xc0\xaf", {r, r}},                // overlong /
      {"\xe0\x80\xaf", {r, r, r}},         // overlong
      {"\xf0\x80\x80\xaf", {r, r, r, r}},  // overlong
      {"\xed\xa0\x80", {r, r, r}},         // surrogate
      {"\xf4\x90\x80\x80", {r, r, r, r}},  // U+110000
      {"\xf5\x80\x80\x80", {r, r, r, r}},  // too large a first byte
      {"a\xff"
       "b",
       {"a", r, "b"}},
  };
  for (const auto& c : cases) EXPECT_EQ(SplitCodePoints(c.text), c.expected) << c.text;
}

TEST(Utf8, Limits) {
  EXPECT_EQ(FirstCodePoint("\x7f").value, 0x7fu);
  EXPECT_EQ(FirstCodePoint("\xc2\x80").value, 0x80u);
  EXPECT_EQ(FirstCodePoint("\xe0\xa0\x80").value, 0x800u);
  EXPECT_EQ(FirstCodePoint("\xed\x9f\xbf").value, 0xd7ffu);
  EXPECT_EQ(FirstCodePoint("\xf0\x90\x80\x80").value, 0x10000u);
  EXPECT_EQ(FirstCodePoint("\xf4\x8f\xbf\xbf").value, 0x10ffffu);
  EXPECT_TRUE(FirstCodePoint("\xef\xbf\xbd").valid);  // the replacement character itself
}

}  // namespace
}  // namespace masr
