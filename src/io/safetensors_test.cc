#include "io/safetensors.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "io/testing/temporary_folder.h"

namespace masr {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes MakeFile(const std::string& header, const std::string& data, uint64_t header_bytes) {
  Bytes file;
  for (int i = 0; i < 8; ++i) file.push_back(static_cast<uint8_t>(header_bytes >> (8 * i)));
  file.insert(file.end(), header.begin(), header.end());
  file.insert(file.end(), data.begin(), data.end());
  return file;
}

Bytes MakeFile(const std::string& header, const std::string& data) {
  return MakeFile(header, data, header.size());
}

template <class T>
std::span<const uint8_t> AsBytes(const std::vector<T>& values) {
  return {reinterpret_cast<const uint8_t*>(values.data()), values.size() * sizeof(T)};
}

float FloatAt(const TensorEntry& entry, size_t index) {
  float value;
  std::memcpy(&value, entry.bytes.data() + index * sizeof(float), sizeof(float));
  return value;
}

class SafetensorsFileTest : public ::testing::Test {
 protected:
  void SetUp() override { path_ = folder_ / "x.safetensors"; }

  testing::TemporaryFolder folder_;
  std::string path_;
};

// By hand from the description of the format, not with our writer.
TEST(Safetensors, ReadsAFileWrittenByHand) {
  const Bytes bytes = MakeFile(
      R"({"__metadata__":{"format":"pt"},"b":{"dtype":"I8","shape":[3],"data_offsets":[8,11]},)"
      R"("a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}   )",
      std::string("\x00\x00\x80\x3f\x00\x00\x00\xc0\x01\xff\x7f", 11));
  auto file = SafetensorsFile::Parse(bytes);
  ASSERT_TRUE(file.has_value()) << file.error().message;
  ASSERT_EQ(file->tensors().size(), 2u);
  EXPECT_EQ(file->tensors()[0].name, "a");  // in the order of the data
  const TensorEntry* a = file->Find("a");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->dtype, DType::kF32);
  EXPECT_EQ(a->shape, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(a->elements(), 2);
  EXPECT_EQ(FloatAt(*a, 0), 1.0f);
  EXPECT_EQ(FloatAt(*a, 1), -2.0f);
  EXPECT_EQ(static_cast<int8_t>(file->Find("b")->bytes[1]), -1);
  EXPECT_EQ(file->metadata().at("format"), "pt");
  EXPECT_EQ(file->Find("c"), nullptr);
  EXPECT_EQ(file->Find("__metadata__"), nullptr);
}

TEST(Safetensors, ReadsScalarsEmptyTensorsAndEmptyFiles) {
  const Bytes bytes =
      MakeFile(R"({"e":{"dtype":"F32","shape":[0,9223372036854775807,4],"data_offsets":[0,0]},)"
               R"("s":{"dtype":"U8","shape":[],"data_offsets":[0,1]},)"
               R"("z":{"dtype":"F64","shape":[0],"data_offsets":[1,1]}})",
               "\x05");
  auto file = SafetensorsFile::Parse(bytes);
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_EQ(file->Find("e")->elements(), 0);
  EXPECT_EQ(file->Find("s")->elements(), 1);
  EXPECT_EQ(file->Find("s")->bytes[0], 5);
  EXPECT_TRUE(SafetensorsFile::Parse(MakeFile("{}", "")).has_value());
}

TEST(Safetensors, AlignsWhatTheFileMisaligns) {
  // Every length of padding puts the data at another address; the I8 before it makes "f" odd.
  for (size_t padding = 0; padding < 16; ++padding) {
    const Bytes bytes = MakeFile(R"({"i":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},)"
                                 R"("f":{"dtype":"F64","shape":[1],"data_offsets":[1,9]}})" +
                                     std::string(padding, ' '),
                                 std::string("\x07\x00\x00\x00\x00\x00\x00\xf0\x3f", 9));
    SafetensorsFile first = *SafetensorsFile::Parse(bytes);
    SafetensorsFile file = std::move(first);
    const TensorEntry* f = file.Find("f");
    EXPECT_EQ(reinterpret_cast<uintptr_t>(f->bytes.data()) % 8, 0u);
    double value;
    std::memcpy(&value, f->bytes.data(), 8);
    EXPECT_EQ(value, 1.0);
    EXPECT_EQ(file.Find("i")->bytes[0], 7);
  }
}

struct BadFile {
  const char* what;
  std::string header;
  size_t data_bytes;
  std::string expected;  // part of the message
};

TEST(Safetensors, RefusesHostileHeaders) {
  const auto tensor = [](const std::string& dtype, const std::string& shape,
                         const std::string& offsets) {
    return R"({"t":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets +
           "}}";
  };
  const auto pair = [](const std::string& a, const std::string& b) {
    return R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)" + a +
           R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + b + "}}";
  };
  const BadFile files[] = {
      {"no JSON", "{]", 0, "not JSON at byte 2"},
      {"not an object", "[]", 0, "not JSON"},
      {"leading space", " {}", 0, "not JSON"},
      {"text after a zero byte", std::string("{}\0{}", 5), 0, "not JSON"},
      {"empty header", "", 0, "not JSON"},
      {"deep nesting", "{\"a\":" + std::string(100'000, '['), 0, "nested deeper"},
      {"tensor is a number", R"({"t":1})", 0, "tensor \"t\" is not described by an object"},
      {"tensor is null", R"({"t":null})", 0, "tensor \"t\""},
      {"no members", R"({"t":{}})", 0, "dtype"},
      {"dtype unknown", tensor("\"F8_E4M3\"", "[1]", "[0,1]"), 1, "data type \"F8_E4M3\""},
      {"dtype not a string", tensor("4", "[1]", "[0,4]"), 4, "dtype"},
      {"shape not an array", tensor("\"U8\"", "1", "[0,1]"), 1, "shape"},
      {"negative dimension", tensor("\"U8\"", "[-1]", "[0,1]"), 1, "a dimension"},
      {"fractional dimension", tensor("\"U8\"", "[1.0]", "[0,1]"), 1, "a dimension"},
      {"dimension a string", tensor("\"U8\"", "[\"1\"]", "[0,1]"), 1, "a dimension"},
      {"dimension over int64", tensor("\"U8\"", "[9223372036854775808]", "[0,1]"), 1,
       "a dimension"},
      {"shape overflows to 1 byte", tensor("\"U8\"", "[4294967296,4294967296]", "[0,0]"), 0,
       "its shape"},
      {"bytes overflow", tensor("\"F32\"", "[4611686018427387904]", "[0,0]"), 0, "its shape"},
      {"one offset", tensor("\"U8\"", "[1]", "[0]"), 1, "data_offsets"},
      {"three offsets", tensor("\"U8\"", "[1]", "[0,1,1]"), 1, "data_offsets"},
      {"negative offset", tensor("\"U8\"", "[1]", "[-1,0]"), 1, "the first data offset"},
      {"offset over uint64", tensor("\"U8\"", "[1]", "[0,18446744073709551616]"), 1,
       "the second data offset"},
      {"offsets backwards", tensor("\"U8\"", "[1]", "[1,0]"), 1, "not within"},
      {"offset past the end", tensor("\"U8\"", "[2]", "[0,2]"), 1, "cut short"},
      {"size and shape differ", tensor("\"F32\"", "[2]", "[0,4]"), 4, "its shape"},
      {"data left over", tensor("\"U8\"", "[1]", "[0,1]"), 2, "1 bytes at the end"},
      {"data without tensors", "{}", 1, "1 bytes at the end"},
      {"gap at the start", tensor("\"U8\"", "[1]", "[1,2]"), 2, "gap"},
      {"gap between", pair("[0,2]", "[3,5]"), 5, "tensor \"b\" leaves a gap"},
      {"overlap", pair("[0,2]", "[1,3]"), 3, "tensor \"b\" overlaps"},
      {"same bytes twice", pair("[0,2]", "[0,2]"), 2, "overlaps"},
      {"name twice",
       R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
       R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
       1, "\"a\" is there twice"},
      {"metadata twice", R"({"__metadata__":{},"__metadata__":{}})", 0, "twice"},
      {"metadata not an object", R"({"__metadata__":[]})", 0, "__metadata__"},
      {"metadata value not a string", R"({"__metadata__":{"k":1}})", 0, "metadata \"k\""},
  };
  for (const BadFile& bad : files) {
    const Bytes bytes = MakeFile(bad.header, std::string(bad.data_bytes, '\0'));
    auto file = SafetensorsFile::Parse(bytes);
    ASSERT_FALSE(file.has_value()) << bad.what;
    EXPECT_NE(file.error().message.find(bad.expected), std::string::npos)
        << bad.what << ": " << file.error().message;
  }
}

TEST(Safetensors, RefusesHeaderLengthsThatTheFileCannotHold) {
  for (uint64_t length : {uint64_t{3}, uint64_t{100'000'001}, UINT64_MAX, UINT64_MAX - 7}) {
    auto file = SafetensorsFile::Parse(MakeFile("{}", "", length));
    ASSERT_FALSE(file.has_value()) << length;
    EXPECT_EQ(file.error().code, ErrorCode::kCorrupt);
  }
  const Bytes whole = MakeFile("{}", "");
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(SafetensorsFile::Parse(std::span(whole).first(size)).has_value()) << size;
  }
}

TEST_F(SafetensorsFileTest, WritesTheExactBytesOfTheFormat) {
  const std::vector<float> f = {1.0f, -2.0f};
  const std::vector<int8_t> i = {1, -1, 127};
  ASSERT_TRUE(
      WriteSafetensors(path_,
                       {{"b", DType::kI8, {3}, AsBytes(i)}, {"a", DType::kF32, {1, 2}, AsBytes(f)}},
                       {{"k", "v"}})
          .has_value());
  const std::string json =
      R"({"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},)"
      R"("b":{"dtype":"I8","shape":[3],"data_offsets":[8,11]}})";
  std::string header = json + std::string(64 - (8 + json.size()) % 64, ' ');
  const Bytes expected =
      MakeFile(header, std::string("\x00\x00\x80\x3f\x00\x00\x00\xc0\x01\xff\x7f", 11));
  const std::string written = *ReadTextFile(path_);
  EXPECT_EQ(Bytes(written.begin(), written.end()), expected);
  EXPECT_EQ((8 + header.size()) % 64, 0u);
}

TEST_F(SafetensorsFileTest, RoundTripsEveryTypeAndAwkwardNames) {
  const std::vector<uint8_t> data(64, 0x5a);
  std::vector<TensorEntry> tensors;
  for (int t = 0; t <= static_cast<int>(DType::kBool); ++t) {
    const DType dtype = static_cast<DType>(t);
    tensors.push_back({"t/" + std::string(DTypeName(dtype)),
                       dtype,
                       {3, 1},
                       std::span(data).first(3 * DTypeBytes(dtype))});
  }
  tensors.push_back({"", DType::kU8, {}, std::span(data).first(1)});
  tensors.push_back({"\"quote\\ \n\xc3\xa9", DType::kF32, {0, 7}, {}});
  const std::map<std::string, std::string> metadata = {
      {"config", R"({"layers": [1, 2]})"}, {"", ""}, {"\xe2\x82\xac", "\x01"}};
  ASSERT_TRUE(WriteSafetensors(path_, tensors, metadata).has_value());

  auto file = SafetensorsFile::Open(path_);
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_EQ(file->metadata(), metadata);
  ASSERT_EQ(file->tensors().size(), tensors.size());
  size_t last_bytes = 8;
  for (const TensorEntry& entry : file->tensors()) {
    EXPECT_LE(DTypeBytes(entry.dtype), last_bytes);
    last_bytes = DTypeBytes(entry.dtype);
  }
  for (const TensorEntry& wanted : tensors) {
    const TensorEntry* got = file->Find(wanted.name);
    ASSERT_NE(got, nullptr) << wanted.name;
    EXPECT_EQ(got->dtype, wanted.dtype);
    EXPECT_EQ(got->shape, wanted.shape);
    EXPECT_TRUE(
        std::equal(got->bytes.begin(), got->bytes.end(), wanted.bytes.begin(), wanted.bytes.end()));
  }
}

TEST_F(SafetensorsFileTest, RoundTripsNothing) {
  ASSERT_TRUE(WriteSafetensors(path_, {}, {}).has_value());
  auto file = SafetensorsFile::Open(path_);
  ASSERT_TRUE(file.has_value());
  EXPECT_TRUE(file->tensors().empty());
  EXPECT_TRUE(file->metadata().empty());
}

TEST_F(SafetensorsFileTest, RefusesToWriteWhatItCouldNotRead) {
  const std::vector<uint8_t> data(8);
  const TensorEntry good = {"t", DType::kU8, {8}, data};
  TensorEntry short_bytes = good;
  short_bytes.shape = {9};
  TensorEntry negative = good;
  negative.shape = {-8};
  TensorEntry reserved = good;
  reserved.name = "__metadata__";
  TensorEntry bad_name = good;
  bad_name.name = "\xff";
  const std::vector<std::vector<TensorEntry>> all = {
      {short_bytes}, {negative}, {reserved}, {bad_name}, {good, good}};
  for (const auto& tensors : all) {
    auto status = WriteSafetensors(path_, tensors, {});
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
    EXPECT_TRUE(status.error().message.starts_with(path_)) << status.error().message;
    EXPECT_FALSE(std::filesystem::exists(path_));
  }
}

TEST_F(SafetensorsFileTest, TensorsMayBeMadeOneAtATime) {
  const std::vector<float> f = {1, 2};
  const std::vector<uint8_t> i = {3, 4, 5};
  const std::vector<TensorEntry> tensors = {
      {"i", DType::kI8, {3}, {}}, {"a", DType::kF32, {2}, {}}, {"b", DType::kF32, {2}, {}}};
  std::vector<size_t> asked;
  std::vector<uint8_t> one;  // each takes the place of the one before
  const TensorBytes bytes = [&](size_t tensor) -> std::span<const uint8_t> {
    asked.push_back(tensor);
    const std::span<const uint8_t> from = tensor == 0 ? std::span<const uint8_t>(i) : AsBytes(f);
    one.assign(from.begin(), from.end());
    return one;
  };
  ASSERT_TRUE(WriteSafetensors(path_, tensors, {{"k", "v"}}, bytes).has_value());
  EXPECT_EQ(asked, (std::vector<size_t>{1, 2, 0}));
  const std::string lazy = *ReadTextFile(path_);
  std::vector<TensorEntry> whole = tensors;
  whole[0].bytes = i;
  whole[1].bytes = whole[2].bytes = AsBytes(f);
  ASSERT_TRUE(WriteSafetensors(path_, whole, {{"k", "v"}}).has_value());
  EXPECT_EQ(lazy, *ReadTextFile(path_));
}

TEST_F(SafetensorsFileTest, OpenNamesTheFile) {
  EXPECT_EQ(SafetensorsFile::Open(path_).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(ReplaceFile(path_, "RIFF\x24\x08\x00\x00WAVEfmt ").has_value());
  const Error error = SafetensorsFile::Open(path_).error();
  EXPECT_EQ(error.code, ErrorCode::kCorrupt);
  EXPECT_TRUE(error.message.starts_with(path_ + ": ")) << error.message;
}

// Every cut and every flipped byte of a good file is either refused or read without a fault.
TEST_F(SafetensorsFileTest, SurvivesCutsAndFlips) {
  const std::vector<float> f = {1, 2, 3};
  ASSERT_TRUE(
      WriteSafetensors(path_, {{"a", DType::kF32, {3}, AsBytes(f)}}, {{"k", "v"}}).has_value());
  const std::string text = *ReadTextFile(path_);
  const Bytes good(text.begin(), text.end());
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(SafetensorsFile::Parse(std::span(good).first(size)).has_value());
  }
  for (size_t i = 0; i < good.size(); ++i) {
    for (uint8_t flip : {0x01, 0x20, 0x80, 0xff}) {
      Bytes bad = good;
      bad[i] ^= flip;
      auto file = SafetensorsFile::Parse(bad);
      if (!file.has_value()) continue;
      for (const TensorEntry& entry : file->tensors()) {
        EXPECT_EQ(entry.bytes.size(),
                  static_cast<size_t>(entry.elements()) * DTypeBytes(entry.dtype));
      }
    }
  }
}

// What the fuzzer began with and what it came upon (fuzz/corpus): as Parse does with any bytes, it
// refuses them in words, or has read tensors that are as large as they say.
TEST(Safetensors, WhatTheFuzzerKnowsIsReadOrRefused) {
  int read = 0;
  int refused = 0;
  const auto corpus = std::filesystem::path(MASR_SOURCE_DIR) / "fuzz/corpus/safetensors";
  for (const auto& item : std::filesystem::directory_iterator(corpus)) {
    const std::string text = *ReadTextFile(item.path().string());
    const Bytes bytes(text.begin(), text.end());
    const auto file = SafetensorsFile::Parse(bytes);
    if (!file.has_value()) {
      EXPECT_FALSE(file.error().message.empty()) << item.path();
      ++refused;
      continue;
    }
    ++read;
    size_t total = 0;
    for (const TensorEntry& entry : file->tensors()) {
      EXPECT_EQ(entry.bytes.size(),
                static_cast<size_t>(entry.elements()) * DTypeBytes(entry.dtype));
      total += entry.bytes.size();
    }
    EXPECT_LE(total, bytes.size()) << item.path();
  }
  EXPECT_GT(read, 5);
  EXPECT_GT(refused, 100);
  for (const char* name : {"header_longer_than_file",
                           "header_of_2_to_the_63",
                           "header_all_ones",
                           "overlap",
                           "gap",
                           "rest",
                           "out_of_range",
                           "backwards",
                           "offset_of_2_to_the_64",
                           "offset_is_negative",
                           "shape_overflows",
                           "shape_overflows_to_little",
                           "same_name_twice",
                           "same_key_twice",
                           "metadata_twice",
                           "metadata_is_not_text",
                           "deep_arrays",
                           "deep_objects",
                           "deep_and_cut_short",
                           "not_utf8",
                           "surrogate",
                           "numbers"}) {
    const std::string text = *ReadTextFile((corpus / name).string());
    EXPECT_FALSE(SafetensorsFile::Parse(Bytes(text.begin(), text.end())).has_value()) << name;
  }
}

}  // namespace
}  // namespace masr
