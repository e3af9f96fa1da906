#include "data/manifest.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "io/testing/temporary_folder.h"

namespace masr {
namespace {

namespace fs = std::filesystem;

class ManifestTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* audio : {"a.wav", "b.flac", "sub/c.wav"}) Write(audio, "audio");
  }

  std::string Path(const std::string& name) const { return folder_ / name; }
  void Write(const std::string& name, const std::string& contents) const {
    fs::create_directories(fs::path(Path(name)).parent_path());
    std::ofstream(Path(name), std::ios::binary) << contents;
  }
  Manifest Read(const std::string& name) const {
    auto manifest = ReadManifest(Path(name));
    EXPECT_TRUE(manifest.has_value()) << manifest.error().message;
    return manifest.value_or(Manifest{});
  }
  std::string ReadError(const std::string& name) const {
    auto manifest = ReadManifest(Path(name));
    EXPECT_FALSE(manifest.has_value());
    return manifest.has_value() ? "" : manifest.error().message;
  }

  testing::TemporaryFolder folder_;
};

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(ManifestTest, NemoReadsEveryField) {
  Write("train.jsonl", R"({"audio_filepath": "a.wav", "duration": 1.5, "text": "Hello, World!", )"
                       R"("speaker": "s1", "accent": "scottish", "other": [1]})"
                       "\n" +
                           std::string(R"({"audio_filepath": ")") + Path("sub/c.wav") +
                           R"(", "text": "two", "speaker": 7, "duration": null, "offset": 0})");
  const Manifest m = Read("train.jsonl");
  EXPECT_EQ(m.path, Path("train.jsonl"));
  EXPECT_TRUE(m.problems.empty());
  ASSERT_EQ(m.utterances.size(), 2u);
  EXPECT_EQ(m.utterances[0].audio_path, Path("a.wav"));
  EXPECT_EQ(m.utterances[0].text, "hello world");
  EXPECT_EQ(m.utterances[0].duration_s, 1.5);
  EXPECT_EQ(m.utterances[0].speaker, "s1");
  EXPECT_EQ(m.utterances[0].accent, "scottish");
  EXPECT_EQ(m.utterances[0].where, "train.jsonl: line 1");
  EXPECT_EQ(m.utterances[1].audio_path, Path("sub/c.wav"));
  EXPECT_EQ(m.utterances[1].duration_s, 0);
  EXPECT_EQ(m.utterances[1].speaker, "7");
}

TEST_F(ManifestTest, NemoSkipsAndNamesBrokenLines) {
  const std::string good = R"({"audio_filepath": "a.wav", "text": "one"})";
  const struct {
    const char* line;
    const char* expected;
  } bad[] = {
      {R"({"audio_filepath": "a.wav", "text": "cut)", "not JSON at byte"},
      {R"(["a.wav", "one"])", "not a JSON object"},
      {R"({"text": "one"})", "\"audio_filepath\""},
      {R"({"audio_filepath": 3, "text": "one"})", "\"audio_filepath\""},
      {R"({"audio_filepath": "a.wav"})", "\"text\""},
      {R"({"audio_filepath": "a.wav", "text": null})", "\"text\""},
      {R"({"audio_filepath": "a.wav", "text": " ... "})", "there is no text"},
      {R"({"audio_filepath": "", "text": "one"})", "path"},
      {R"({"audio_filepath": "a.wav\u0000", "text": "one"})", "path"},
      {R"({"audio_filepath": "a.wav", "text": "one", "duration": "1"})", "\"duration\""},
      {R"({"audio_filepath": "a.wav", "text": "one", "duration": -1})", "\"duration\""},
      {R"({"audio_filepath": "a.wav", "text": "one", "offset": 2.5})", "\"offset\""},
      {R"({"audio_filepath": "a.wav", "text": "one", "text": "two"})", "twice"},
      {R"({"audio_filepath": "none.wav", "text": "one"})", "there is no audio file"},
      {R"({"audio_filepath": "sub", "text": "a folder"})", "there is no audio file"},
  };
  for (const auto& b : bad) {
    Write("train.jsonl", good + "\n" + b.line + "\n" + good + "\n");
    const Manifest m = Read("train.jsonl");
    EXPECT_EQ(m.utterances.size(), 2u) << b.line;
    ASSERT_EQ(m.problems.size(), 1u) << b.line;
    EXPECT_EQ(m.problems[0].where, "train.jsonl: line 2");
    EXPECT_TRUE(Has(m.problems[0].message, b.expected)) << m.problems[0].message;
  }
}

TEST_F(ManifestTest, ByteOrderMarkCrlfAndBlankLines) {
  const std::string line = R"({"audio_filepath": "a.wav", "text": "one"})";
  Write("train.json", "\xef\xbb\xbf" + line + "\r\n\r\n  \t\n" + line + "\r\n\n" + line);
  const Manifest m = Read("train.json");
  EXPECT_TRUE(m.problems.empty());
  ASSERT_EQ(m.utterances.size(), 3u);
  EXPECT_EQ(m.utterances[1].where, "train.json: line 4");
  EXPECT_EQ(m.utterances[2].where, "train.json: line 6");
}

TEST_F(ManifestTest, AllAudioMissingIsCountedNotAnError) {
  Write("train.jsonl", R"({"audio_filepath": "none.wav", "text": "one"})");
  const Manifest m = Read("train.jsonl");
  EXPECT_TRUE(m.utterances.empty());
  ASSERT_EQ(m.problems.size(), 1u);
  EXPECT_TRUE(Has(m.problems[0].message, Path("none.wav")));
}

TEST_F(ManifestTest, WhatIsNotAManifestSaysWhatIs) {
  Write("riff.wav", std::string("RIFF\x24\0\0\0WAVEfmt ", 16));
  Write("empty.jsonl", "");
  Write("prose.txt", "It was a dark\nand stormy night.\n");
  Write("utf16.jsonl", std::string("\xff\xfe{\0}\0", 6));
  for (const char* name : {"riff.wav", "empty.jsonl", "prose.txt"}) {
    const std::string error = ReadError(name);
    EXPECT_TRUE(error.starts_with(Path(name) + ": ")) << error;
    for (const char* form : {"audio_filepath", ".tsv", "wav.scp", ".txt"}) {
      EXPECT_TRUE(Has(error, form)) << error;
    }
  }
  EXPECT_TRUE(Has(ReadError("riff.wav"), "binary"));
  EXPECT_TRUE(Has(ReadError("prose.txt"), "prose.txt: line 1: not JSON"));
  EXPECT_TRUE(Has(ReadError("utf16.jsonl"), "UTF-8"));
  EXPECT_EQ(ReadManifest(Path("none.jsonl")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(ReadManifest("").error().code, ErrorCode::kNotFound);
}

TEST_F(ManifestTest, KaldiFolder) {
  Write("kaldi/wav.scp", "u1 ../a.wav\nu2\t" + Path("b.flac") +
                             "  \nu3 sox c.wav -t wav - |\nu4 none.wav\nu6 ../a.wav\n");
  Write("kaldi/text", "u2 Second ONE\nu1 first\nu3 three\nu4 four\nu5 five\nu1 again\nu6\n");
  Write("kaldi/utt2spk", "u1 alice\n");
  Write("kaldi/extra.wav", "not listed");
  const Manifest m = Read("kaldi");
  ASSERT_EQ(m.utterances.size(), 2u);
  EXPECT_EQ(m.utterances[0].audio_path, Path("b.flac"));
  EXPECT_EQ(m.utterances[0].text, "second one");
  EXPECT_EQ(m.utterances[0].speaker, "");
  EXPECT_EQ(m.utterances[0].where, Path("kaldi/text: line 1"));
  EXPECT_TRUE(fs::equivalent(m.utterances[1].audio_path, Path("a.wav")));
  EXPECT_EQ(m.utterances[1].text, "first");
  EXPECT_EQ(m.utterances[1].speaker, "alice");
  std::string problems;
  for (const ManifestProblem& p : m.problems) problems += p.where + ": " + p.message + "\n";
  EXPECT_EQ(m.problems.size(), 5u) << problems;
  EXPECT_TRUE(Has(problems, "text: line 6: utterance u1 is already in line 2")) << problems;
  EXPECT_TRUE(Has(problems, "wav.scp: line 3: a command")) << problems;
  EXPECT_TRUE(Has(problems, "text: line 5: utterance u5 is not in wav.scp")) << problems;
  EXPECT_TRUE(Has(problems, "text: line 4: there is no audio file")) << problems;
  EXPECT_TRUE(Has(problems, "text: line 7: there is no text")) << problems;
}

TEST_F(ManifestTest, KaldiRecordingsWithoutTextAreProblems) {
  Write("kaldi/wav.scp", "u1 ../a.wav\nu2 ../a.wav\n");
  Write("kaldi/text", "u1 one\n");
  const Manifest m = Read("kaldi");
  EXPECT_EQ(m.utterances.size(), 1u);
  ASSERT_EQ(m.problems.size(), 1u);
  EXPECT_EQ(m.problems[0].where, Path("kaldi/wav.scp: line 2"));
}

TEST_F(ManifestTest, KaldiSegmentsAreRefused) {
  Write("kaldi/wav.scp", "u1 ../a.wav\n");
  Write("kaldi/text", "u1 one\n");
  Write("kaldi/segments", "u1 r1 0 1\n");
  EXPECT_TRUE(Has(ReadError("kaldi"), "segments"));
}

TEST_F(ManifestTest, FolderOfAudioAndText) {
  Write("folder/2.WAV", "x");
  Write("folder/2.txt", "\xef\xbb\xbfTwo\r\nlines.\r\n");
  Write("folder/1.flac", "x");
  Write("folder/1.txt", "one");
  Write("folder/notes.md", "ignored");
  Write("folder/deep/3.wav", "ignored");
  Write("folder/untold.ogg", "x");
  Write("folder/silent.txt", "no audio");
  Write("folder/phone.m4a", "x");
  Write("folder/phone.txt", "text");
  Write("folder/1.wav", "x");
  Write("folder/empty.wav", "x");
  Write("folder/empty.txt", "\n");
  const Manifest m = Read("folder");
  ASSERT_EQ(m.utterances.size(), 2u);
  EXPECT_EQ(m.utterances[0].audio_path, Path("folder/1.flac"));
  EXPECT_EQ(m.utterances[1].audio_path, Path("folder/2.WAV"));
  EXPECT_EQ(m.utterances[1].text, "two lines");
  EXPECT_EQ(m.utterances[1].where, Path("folder/2.WAV"));
  std::vector<std::string> where;
  for (const ManifestProblem& p : m.problems) where.push_back(fs::path(p.where).filename());
  EXPECT_EQ(where, (std::vector<std::string>{"1.wav", "empty.wav", "phone.m4a", "untold.ogg",
                                             "phone.txt", "silent.txt"}));
}

TEST_F(ManifestTest, RecordingsOfNoiseNeedNoText) {
  Write("noise/1.wav", "x");
  Write("noise/2.wav", "x");
  Write("noise/2.txt", "...");
  Write("noise.jsonl", R"({"audio_filepath": "a.wav"})");
  Write("noise.tsv", "path\tduration\na.wav\t3\n");
  Write("kaldi/wav.scp", "u1 " + Path("a.wav") + "\nu2 " + Path("b.flac") + "\n");
  Write("partly/wav.scp", "u1 " + Path("a.wav") + "\nu2 " + Path("b.flac") + "\n");
  Write("partly/text", "u2\n");
  for (const auto& [name, count] :
       {std::pair("noise", 2), {"noise.jsonl", 1}, {"noise.tsv", 1}, {"kaldi", 2}, {"partly", 2}}) {
    EXPECT_FALSE(ReadManifest(Path(name)).has_value()) << name;
    const auto manifest = ReadManifest(Path(name), /*needs_text=*/false);
    ASSERT_TRUE(manifest.has_value()) << manifest.error().message;
    EXPECT_TRUE(manifest->problems.empty()) << name;
    ASSERT_EQ(manifest->utterances.size(), static_cast<size_t>(count)) << name;
    EXPECT_EQ(manifest->utterances[0].text, "");
  }
}

TEST_F(ManifestTest, AFolderWithoutAudioIsAnError) {
  fs::create_directories(Path("nothing"));
  EXPECT_TRUE(Has(ReadError("nothing"), "no utterance"));
}

TEST_F(ManifestTest, TsvOfCommonVoice) {
  Write("clips/x.mp3", "audio");
  Write("train.tsv",
        "client_id\tpath\tsentence\tup_votes\tage\tgender\taccents\r\n"
        "c1\tx.mp3\t\"Hello\", she said.\t2\t\t\tindian\r\n"
        "c2\ta.wav\tBeside the list\r\n"
        "c3\tnone.mp3\tgone\t0\t\t\t\r\n"
        "c4\ta.wav\r\n"
        "c5\ta.wav\ttoo\tmany\t\t\t\tfields\r\n");
  const Manifest m = Read("train.tsv");
  ASSERT_EQ(m.utterances.size(), 2u);
  EXPECT_EQ(m.utterances[0].audio_path, Path("clips/x.mp3"));
  EXPECT_EQ(m.utterances[0].text, "hello she said");
  EXPECT_EQ(m.utterances[0].speaker, "c1");
  EXPECT_EQ(m.utterances[0].accent, "indian");
  EXPECT_EQ(m.utterances[1].audio_path, Path("a.wav"));
  ASSERT_EQ(m.problems.size(), 3u);
  EXPECT_EQ(m.problems[0].where, "train.tsv: line 5");
  EXPECT_EQ(m.problems[1].where, "train.tsv: line 6");
  EXPECT_EQ(m.problems[2].where, "train.tsv: line 4");
}

TEST_F(ManifestTest, TsvOfAudioTextAndDuration) {
  Write("x.tsv",
        "\xef\xbb\xbf"
        "text\tduration\taudio\tspeaker\n"
        "one\t2.25\ta.wav\ts\n"
        "two\t\tb.flac\t\n"
        "bad\tlong\ta.wav\t\n"
        "bad\tnan\ta.wav\t\n"
        "bad\t-1\ta.wav\t\n");
  const Manifest m = Read("x.tsv");
  ASSERT_EQ(m.utterances.size(), 2u);
  EXPECT_EQ(m.utterances[0].duration_s, 2.25);
  EXPECT_EQ(m.utterances[0].speaker, "s");
  EXPECT_EQ(m.utterances[1].duration_s, 0);
  EXPECT_EQ(m.problems.size(), 3u);
}

TEST_F(ManifestTest, TsvWithoutTheColumnsIsAnError) {
  Write("x.tsv", "a.wav\thello\n");
  EXPECT_TRUE(Has(ReadError("x.tsv"), "path and sentence"));
  Write("x.tsv", "");
  EXPECT_TRUE(Has(ReadError("x.tsv"), "empty"));
  Write("x.tsv", "path\tsentence\n");
  EXPECT_TRUE(Has(ReadError("x.tsv"), "no utterance"));
}

}  // namespace
}  // namespace masr
