#include "io/byte_size.h"

#include <gtest/gtest.h>

namespace masr {
namespace {

TEST(ByteSize, IsWhatPeopleWrite) {
  const std::pair<const char*, int64_t> cases[] = {
      {"200MB", 200'000'000},      {"200M", 200'000'000}, {"200MiB", int64_t{200} << 20},
      {"123456", 123456},          {"123456B", 123456},   {"1.5GB", 1'500'000'000},
      {"1 GiB", int64_t{1} << 30}, {"64kb", 64'000},      {"64KiB", 65'536},
      {"2T", 2'000'000'000'000},
  };
  for (const auto& [text, bytes] : cases) {
    const auto parsed = ParseByteSize(text);
    ASSERT_TRUE(parsed.has_value()) << text;
    EXPECT_EQ(*parsed, bytes) << text;
  }
}

TEST(ByteSize, RefusesTheRestAndSaysHow) {
  for (const char* text : {"", "MB", "200 MBs", "200MM", "-5MB", "0", "0.1", "nan", "inf",
                           "1e400MB", "99999999TB", "200iB", "2  MB", "12x"}) {
    const auto parsed = ParseByteSize(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(parsed.error().message.find("200MiB"), std::string::npos);
  }
}

}  // namespace
}  // namespace masr
