#include "train/prefix_cache.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <numeric>

#include "train/testing/conformer_speech.h"

namespace masr {
namespace {

using testing::kToyFirstBlock;

constexpr int64_t kPlenty = int64_t{1} << 30;

class PrefixCacheTest : public ::testing::Test {
 protected:
  PrefixCacheTest() {
    std::iota(all_.begin(), all_.end(), int64_t{0});
    data_ = testing::LoadToySpeech(manifest_, model_);
  }

  PrefixCache Make(const PrefixCacheOptions& options, size_t first_block = kToyFirstBlock) {
    auto cache = PrefixCache::Create(model_, data_, first_block, pool_, &arena_, options);
    EXPECT_TRUE(cache.has_value()) << cache.error().message;
    return std::move(*cache);
  }

  static std::vector<std::vector<float>> Rows(PrefixCache& cache,
                                              const std::vector<int64_t>& utterances) {
    auto all = cache.Get(utterances);
    EXPECT_TRUE(all.has_value()) << all.error().message;
    std::vector<std::vector<float>> rows;
    for (PrefixRows& one : *all) {
      EXPECT_TRUE(one.has_value());
      rows.push_back(std::move(*one));
    }
    return rows;
  }

  testing::TemporaryFolder folder_;
  const ThreadPool pool_{2};
  Model model_ = testing::MakeToyConformer();
  const std::string manifest_ = testing::WriteToySpeech(folder_, "speech", 10, 1.0, 1);
  SpeechDataset data_;
  Arena arena_;
  std::vector<int64_t> all_ = std::vector<int64_t>(10);
};

// A batch of all of them, straight through the blocks: each utterance alone gives the same bits.
TEST_F(PrefixCacheTest, GivesWhatEntersTheBlock) {
  auto loader = BatchLoader::Create(model_, data_, nullptr, pool_);
  ASSERT_TRUE(loader.has_value());
  std::vector<LoadProblem> problems;
  const Batch batch = loader->Load(all_, {}, 0, problems);
  for (const size_t first : {size_t{0}, size_t{1}, kToyFirstBlock, size_t{3}, size_t{99}}) {
    SCOPED_TRACE(first);
    PrefixCache cache = Make({.place = CachePlace::kRam, .format = CacheFormat::kF32}, first);
    const auto rows = Rows(cache, all_);
    std::vector<float> together;
    for (const auto& one : rows) together.insert(together.end(), one.begin(), one.end());
    if (first == 0) {
      EXPECT_EQ(together, batch.features);
      continue;
    }
    EXPECT_EQ(cache.first_block(), std::min<size_t>(first, 3));
    const auto expected =
        Inference(model_, pool_).RunBlocks({0, cache.first_block()}, batch.frames, batch.features);
    ASSERT_TRUE(expected.has_value());
    EXPECT_EQ(together, expected->values);
    EXPECT_EQ(cache.width(), 16);
    for (size_t u = 0; u < rows.size(); ++u) {
      EXPECT_EQ(static_cast<int64_t>(rows[u].size()),
                16 * model_.encoder.InputFrames(cache.first_block(), batch.frames[u]));
    }
  }
}

// Wherever it is kept, and if it is not: the same bits, the second time without running the blocks.
TEST_F(PrefixCacheTest, IsTheSameWhereverItIsKept) {
  for (const CacheFormat format : {CacheFormat::kF32, CacheFormat::kBf16}) {
    PrefixCache none = Make({.format = format});
    const auto expected = Rows(none, all_);
    EXPECT_EQ(Rows(none, all_), expected);
    EXPECT_EQ(none.counts().computed, 20);
    EXPECT_EQ(none.counts().bytes, 0);
    size_t values = 0;
    for (const auto& one : expected) values += one.size();
    for (const CachePlace place : {CachePlace::kRam, CachePlace::kDisk}) {
      PrefixCache cache = Make({.place = place,
                                .folder = folder_.path().string(),
                                .budget_bytes = kPlenty,
                                .format = format});
      EXPECT_EQ(Rows(cache, {3, 1}), (std::vector{expected[3], expected[1]}));
      EXPECT_EQ(Rows(cache, all_), expected);
      EXPECT_EQ(Rows(cache, all_), expected);
      EXPECT_EQ(cache.counts().computed, 10);
      EXPECT_EQ(cache.counts().found, 2 + 10);
      EXPECT_EQ(cache.counts().bytes,
                static_cast<int64_t>(values * (format == CacheFormat::kF32 ? 4 : 2)));
      EXPECT_TRUE(cache.trouble().empty());
    }
  }
}

TEST_F(PrefixCacheTest, Bf16IsNear) {
  PrefixCache exact = Make({.format = CacheFormat::kF32});
  PrefixCache rounded = Make({.format = CacheFormat::kBf16});
  const auto a = Rows(exact, all_);
  const auto b = Rows(rounded, all_);
  EXPECT_NE(a, b);
  for (size_t u = 0; u < a.size(); ++u) {
    for (size_t i = 0; i < a[u].size(); ++i) {
      ASSERT_NEAR(a[u][i], b[u][i], 0x1p-8 * std::abs(a[u][i]));
    }
  }
}

TEST_F(PrefixCacheTest, ThreadsChangeNothing) {
  PrefixCache two = Make({.format = CacheFormat::kF32});
  const ThreadPool one(1);
  auto cache = PrefixCache::Create(model_, data_, kToyFirstBlock, one, &arena_,
                                   {.format = CacheFormat::kF32});
  ASSERT_TRUE(cache.has_value());
  EXPECT_EQ(Rows(*cache, all_), Rows(two, all_));
}

// What does not fit into the budget is computed again, what fits is not.
TEST_F(PrefixCacheTest, KeepsToItsBudget) {
  for (const CachePlace place : {CachePlace::kRam, CachePlace::kDisk}) {
    PrefixCache none = Make({});
    const auto expected = Rows(none, all_);
    const auto limit = static_cast<int64_t>(2 * (expected[0].size() + expected[1].size()));
    PrefixCache cache =
        Make({.place = place, .folder = folder_.path().string(), .budget_bytes = limit});
    EXPECT_EQ(Rows(cache, all_), expected);
    EXPECT_EQ(Rows(cache, all_), expected);
    EXPECT_GT(cache.counts().found, 0);
    EXPECT_GT(cache.counts().bytes, 0);
    EXPECT_LE(cache.counts().bytes, limit);
    EXPECT_EQ(cache.counts().computed + cache.counts().found, 20);
    EXPECT_LT(cache.counts().found, 10);
  }
}

// The limit on file sizes stands for a disk that fills up on the way.
TEST_F(PrefixCacheTest, AFullDiskCostsTimeAndNothingElse) {
  PrefixCache none = Make({});
  const auto expected = Rows(none, all_);
  PrefixCache cache = Make(
      {.place = CachePlace::kDisk, .folder = folder_.path().string(), .budget_bytes = kPlenty});
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  rlimit little = before;
  little.rlim_cur = 2 * expected[0].size() + 10;  // one and a little
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &little), 0);
  const auto first = Rows(cache, all_);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old);
  EXPECT_EQ(first, expected);
  EXPECT_NE(cache.trouble().find(folder_.path().string()), std::string::npos) << cache.trouble();
  EXPECT_EQ(Rows(cache, all_), expected);
  EXPECT_EQ(cache.counts().found, 1);
  EXPECT_EQ(cache.counts().computed, 19);
}

TEST_F(PrefixCacheTest, AFolderThatIsNotThereIsNamed) {
  const auto cache = PrefixCache::Create(model_, data_, kToyFirstBlock, pool_, &arena_,
                                         {.place = CachePlace::kDisk, .folder = folder_ / "none"});
  ASSERT_FALSE(cache.has_value());
  EXPECT_NE(cache.error().message.find(folder_ / "none"), std::string::npos);
}

TEST_F(PrefixCacheTest, WhatCannotBeReadIsItsOwnErrorOnly) {
  data_ = testing::LoadToySpeech(manifest_, model_, /*cache_bytes=*/0);
  std::filesystem::remove(folder_ / "speech3.wav");
  ASSERT_TRUE(WriteWav(folder_ / "speech5.wav", {std::vector<float>(20, 0.1f), testing::kToyRateHz})
                  .has_value());
  PrefixCache cache = Make({.place = CachePlace::kRam});
  for (int repeat = 0; repeat < 2; ++repeat) {
    const auto rows = cache.Get(all_);
    ASSERT_TRUE(rows.has_value());
    for (size_t u = 0; u < rows->size(); ++u) EXPECT_EQ((*rows)[u].has_value(), u != 3 && u != 5);
    EXPECT_NE((*rows)[3].error().message.find("speech3.wav"), std::string::npos);
    EXPECT_NE((*rows)[5].error().message.find("the audio gives 0"), std::string::npos)
        << (*rows)[5].error().message;
  }
  EXPECT_EQ(cache.counts().computed, 8);
}

}  // namespace
}  // namespace masr
