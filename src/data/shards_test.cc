#include "data/shards.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "audio/audio_file.h"
#include "base/rng.h"
#include "data/speech_dataset.h"
#include "io/file.h"
#include "io/testing/temporary_folder.h"

namespace masr {
namespace {

namespace fs = std::filesystem;

class ShardsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Rng rng(1);
    std::string lines;
    for (int i = 0; i < 7; ++i) {
      Pcm pcm{.samples = {}, .sample_rate_hz = 8000};
      for (int s = 0; s < 800 + 100 * i; ++s) {
        pcm.samples.push_back(static_cast<float>(rng.Uniform(-0.5, 0.5)));
      }
      const std::string audio = "a.b" + std::to_string(i) + (i % 2 == 0 ? ".wav" : ".FLAC");
      ASSERT_TRUE(
          WriteAudio(Path(audio), pcm, i % 2 == 0 ? AudioFormat::kWav : AudioFormat::kFlac));
      lines += R"({"audio_filepath": ")" + audio + R"(", "text": "word", "speaker": "s)" +
               std::to_string(i) + R"(", "age": )" + std::to_string(20 + i) + "}\n";
    }
    ASSERT_TRUE(ReplaceFile(Path("list.jsonl"), lines));
  }

  std::string Path(const std::string& name) const { return folder_ / name; }
  Manifest Read(const std::string& name) const {
    auto manifest = ReadManifest(Path(name));
    EXPECT_TRUE(manifest.has_value()) << manifest.error().message;
    return manifest.value_or(Manifest{});
  }

  // Shards of at most `shard_bytes` and their manifest, sharded.jsonl; gives the items.
  std::vector<ShardItem> Shard(int64_t shard_bytes) const {
    const Manifest manifest = Read("list.jsonl");
    const auto items = PlanShards(manifest, shard_bytes);
    EXPECT_TRUE(items.has_value()) << items.error().message;
    const auto fields = ManifestFields(manifest);
    EXPECT_TRUE(fields.has_value()) << fields.error().message;
    std::string lines;
    for (size_t begin = 0; begin < items->size();) {
      size_t end = begin;
      while (end < items->size() && (*items)[end].shard == (*items)[begin].shard) ++end;
      const auto part = std::span(*items).subspan(begin, end - begin);
      const std::string tar = "audio_" + std::to_string(part[0].shard) + ".tar";
      EXPECT_TRUE(WriteShard(manifest, part, Path(tar), nullptr));
      EXPECT_EQ(static_cast<int64_t>(fs::file_size(Path(tar))), ShardBytes(part));
      for (const ShardItem& item : part) {
        auto record = (*fields)[static_cast<size_t>(item.utterance)];
        record["shard"] = tar;
        record["offset_bytes"] = item.offset_bytes;
        record["size_bytes"] = item.size_bytes;
        lines += record.dump() + "\n";
      }
      begin = end;
    }
    EXPECT_TRUE(ReplaceFile(Path("sharded.jsonl"), lines));
    return *items;
  }

  testing::TemporaryFolder folder_;
};

TEST_F(ShardsTest, ReadBackEveryUtteranceIsTheSame) {
  for (const int64_t shard_bytes : {1, 10000, 1 << 28}) {
    const auto items = Shard(shard_bytes);
    ASSERT_EQ(items.size(), 7u);
    EXPECT_EQ(items.back().shard, shard_bytes == 1 ? 6 : shard_bytes == 10000 ? 2 : 0);
    EXPECT_EQ(items[3].name, "000000003.flac");
    const Manifest plain = Read("list.jsonl"), sharded = Read("sharded.jsonl");
    EXPECT_TRUE(sharded.problems.empty());
    ASSERT_EQ(sharded.utterances.size(), 7u);
    for (size_t i = 0; i < 7; ++i) {
      EXPECT_EQ(sharded.utterances[i].speaker, plain.utterances[i].speaker);
      const auto a = ReadUtteranceAudio(plain.utterances[i]);
      const auto b = ReadUtteranceAudio(sharded.utterances[i]);
      ASSERT_TRUE(a && b) << b.error().message;
      EXPECT_EQ(a->samples, b->samples);
    }
    // Without durations in the manifest they come from the audio.
    const SpeechDataset from_files =
        SpeechDataset::Create({plain}, Vocabulary::English(), {.sample_rate_hz = 8000});
    const SpeechDataset from_shards =
        SpeechDataset::Create({sharded}, Vocabulary::English(), {.sample_rate_hz = 8000});
    EXPECT_EQ(from_files.durations_s(), from_shards.durations_s());
  }
}

TEST_F(ShardsTest, AnybodysTarUnpacksThem) {
  Shard(1 << 28);
  ASSERT_EQ(
      std::system(("cd " + folder_.path().string() + " && mkdir out && tar -xf audio_0.tar -C out")
                      .c_str()),
      0);
  for (int i = 0; i < 7; ++i) {
    const std::string ending = i % 2 == 0 ? ".wav" : ".flac";
    const auto unpacked = ReadTextFile(Path("out/00000000" + std::to_string(i) + ending));
    const auto original =
        ReadTextFile(Path("a.b" + std::to_string(i) + (i % 2 == 0 ? ".wav" : ".FLAC")));
    ASSERT_TRUE(unpacked && original);
    EXPECT_EQ(*unpacked, *original);
  }
}

TEST_F(ShardsTest, TheOtherFieldsOfALineStay) {
  const auto fields = ManifestFields(Read("list.jsonl"));
  ASSERT_TRUE(fields.has_value());
  EXPECT_EQ((*fields)[2].dump(), R"({"age":22,"speaker":"s2","text":"word"})");
}

TEST_F(ShardsTest, AShardThatIsMissingOrCutIsNamedWithThePlace) {
  const auto items = Shard(1 << 28);
  fs::resize_file(Path("audio_0.tar"), static_cast<uintmax_t>(items[5].offset_bytes + 10));
  const Manifest cut = Read("sharded.jsonl");
  EXPECT_EQ(cut.utterances.size(), 5u);
  ASSERT_EQ(cut.problems.size(), 2u);
  EXPECT_EQ(cut.problems[0].where, "sharded.jsonl: line 6");
  const std::string& message = cut.problems[0].message;
  EXPECT_NE(message.find("audio_0.tar"), std::string::npos) << message;
  EXPECT_NE(message.find("from byte " + std::to_string(items[5].offset_bytes)), std::string::npos);
  // Cut after it was opened.
  fs::resize_file(Path("audio_0.tar"), 100);
  const auto audio = ReadUtteranceAudio(cut.utterances[2]);
  ASSERT_FALSE(audio.has_value());
  EXPECT_NE(audio.error().message.find("audio_0.tar"), std::string::npos);
  EXPECT_NE(audio.error().message.find("from byte " + std::to_string(items[2].offset_bytes)),
            std::string::npos);
  fs::remove(Path("audio_0.tar"));
  const Manifest missing = Read("sharded.jsonl");
  ASSERT_EQ(missing.problems.size(), 7u);
  EXPECT_NE(missing.problems[0].message.find("there is no shard"), std::string::npos);
}

TEST_F(ShardsTest, LinesThatPointNowhereAreRefused) {
  Shard(1 << 28);
  const struct {
    const char* place;
    const char* expected;
  } bad[] = {
      {R"("offset_bytes": 512)", "\"size_bytes\""},
      {R"("size_bytes": 512)", "\"offset_bytes\""},
      {R"("offset_bytes": -1, "size_bytes": 5)", "\"offset_bytes\""},
      {R"("offset_bytes": 0, "size_bytes": 0)", "\"size_bytes\""},
      {R"("offset_bytes": 0, "size_bytes": 9e9)", "\"size_bytes\""},
      {R"("offset_bytes": 18446744073709551615, "size_bytes": 5)", "\"offset_bytes\""},
      {R"("offset_bytes": 0, "size_bytes": 2000000000)", "\"size_bytes\""},
      {R"("offset_bytes": 1000000000000, "size_bytes": 1000)", "holds"},
  };
  const std::string good = R"({"audio_filepath": "a.b0.wav", "text": "word"})";
  for (const auto& b : bad) {
    ASSERT_TRUE(ReplaceFile(Path("bad.jsonl"), good + "\n{\"text\": \"x\", \"shard\": " +
                                                   R"("audio_0.tar", )" + b.place + "}\n"));
    const Manifest m = Read("bad.jsonl");
    ASSERT_EQ(m.problems.size(), 1u) << b.place;
    EXPECT_NE(m.problems[0].message.find(b.expected), std::string::npos)
        << b.place << ": " << m.problems[0].message;
  }
}

TEST_F(ShardsTest, WhatCannotBeShardedIsRefused) {
  Shard(1 << 28);
  const auto again = PlanShards(Read("sharded.jsonl"), 1 << 28);
  ASSERT_FALSE(again.has_value());
  EXPECT_NE(again.error().message.find("in a shard already"), std::string::npos);
  const Manifest manifest = Read("list.jsonl");
  const auto items = PlanShards(manifest, 1 << 28);
  std::atomic<bool> cancel = true;
  const Status stopped = WriteShard(manifest, *items, Path("stopped.tar"), &cancel);
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled);
  EXPECT_FALSE(fs::exists(Path("stopped.tar")));
  fs::resize_file(Path("a.b4.wav"), 50);
  EXPECT_FALSE(WriteShard(manifest, *items, Path("changed.tar"), nullptr));
  fs::resize_file(Path("a.b4.wav"), 0);
  const auto empty = PlanShards(manifest, 1 << 28);
  ASSERT_FALSE(empty.has_value());
  EXPECT_NE(empty.error().message.find("list.jsonl: line 5"), std::string::npos);
}

}  // namespace
}  // namespace masr
