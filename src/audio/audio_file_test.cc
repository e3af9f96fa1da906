#include "audio/audio_file.h"

#include <gtest/gtest.h>
#include <sndfile.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <numbers>

#include "io/testing/temporary_folder.h"

// libsndfile 1.2.0 itself leaks 5.8 kB when a cut-off Ogg Vorbis file cannot be opened; everything
// else that LeakSanitizer finds is ours.
extern "C" const char* __lsan_default_suppressions() { return "leak:vorbis_info_init\n"; }

namespace masr {
namespace {

namespace fs = std::filesystem;

std::vector<float> Sine(double hz, double rate_hz, int64_t count, double level = 0.5) {
  std::vector<float> samples(count);
  for (int64_t i = 0; i < count; ++i) {
    samples[i] = static_cast<float>(level * std::sin(2 * std::numbers::pi * hz * i / rate_hz));
  }
  return samples;
}

std::vector<uint8_t> Bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteBytes(const std::string& path, std::span<const uint8_t> bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

class AudioFileTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return folder_ / name; }

  // Interleaved samples, as libsndfile writes them; false where this libsndfile cannot.
  bool Write(const std::string& path, int format, int rate_hz, int channels,
             const std::vector<float>& interleaved) {
    SF_INFO info{};
    info.samplerate = rate_hz;
    info.channels = channels;
    info.format = format;
    if (!sf_format_check(&info)) return false;
    SNDFILE* file = sf_open(path.c_str(), SFM_WRITE, &info);
    if (file == nullptr) return false;
    sf_command(file, SFC_SET_CLIPPING, nullptr, SF_TRUE);
    const auto count = static_cast<sf_count_t>(interleaved.size());
    const bool whole = sf_write_float(file, interleaved.data(), count) == count;
    return sf_close(file) == 0 && whole;
  }

  void ExpectRefused(const std::string& path, ErrorCode code, const std::string& remedy) {
    const auto pcm = ReadAudio(path);
    ASSERT_FALSE(pcm) << path;
    EXPECT_EQ(pcm.error().code, code) << pcm.error().message;
    EXPECT_TRUE(pcm.error().message.starts_with(path + ": ")) << pcm.error().message;
    EXPECT_NE(pcm.error().message.find(remedy), std::string::npos) << pcm.error().message;
  }

  testing::TemporaryFolder folder_;
};

struct Format {
  const char* name;
  int format;
  int rate_hz;
  double tolerance;  // per sample; 0: lossy, only energy and length are compared
};

class AudioFormatTest : public AudioFileTest, public ::testing::WithParamInterface<Format> {};

TEST_P(AudioFormatTest, IsReadAsItWasWritten) {
  const Format format = GetParam();
  const std::string path = Path("audio.bin");  // the contents decide, not the name
  const std::vector<float> sine = Sine(440, format.rate_hz, format.rate_hz);
  if (!Write(path, format.format, format.rate_hz, 1, sine)) {
    GTEST_SKIP() << "this libsndfile does not write " << format.name;
  }
  const auto pcm = ReadAudio(path);
  ASSERT_TRUE(pcm) << pcm.error().message;
  EXPECT_EQ(pcm->sample_rate_hz, format.rate_hz);
  double energy = 0;
  for (const float x : pcm->samples) energy += static_cast<double>(x) * x;
  EXPECT_NEAR(energy / format.rate_hz, 0.125, 0.01);
  if (format.tolerance > 0) {
    ASSERT_EQ(pcm->samples.size(), sine.size());
    for (size_t i = 0; i < sine.size(); ++i) {
      ASSERT_NEAR(pcm->samples[i], sine[i], format.tolerance) << i;
    }
  } else {
    // MP3 pads to whole frames.
    EXPECT_NEAR(static_cast<double>(pcm->samples.size()), format.rate_hz, 0.1 * format.rate_hz);
  }

  const auto info = ReadAudioInfo(path);
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->sample_rate_hz, format.rate_hz);
  EXPECT_EQ(info->channels, 1);
  EXPECT_NEAR(info->seconds, static_cast<double>(pcm->samples.size()) / format.rate_hz, 0.1);

  const auto decoded = DecodeAudio(Bytes(path));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->samples, pcm->samples);
}

INSTANTIATE_TEST_SUITE_P(
    All, AudioFormatTest,
    ::testing::Values(Format{"Wav8", SF_FORMAT_WAV | SF_FORMAT_PCM_U8, 16000, 1.1 / 128},
                      Format{"Wav16", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 8000, 1.1 / 32768},
                      Format{"Wav24", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 1e-6},
                      Format{"WavFloat", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 16000, 1e-7},
                      Format{"WavDouble", SF_FORMAT_WAV | SF_FORMAT_DOUBLE, 16000, 1e-7},
                      Format{"WavMuLaw", SF_FORMAT_WAV | SF_FORMAT_ULAW, 8000, 0.02},
                      Format{"Aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 16000, 1.1 / 32768},
                      Format{"Flac16", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 16000, 1.1 / 32768},
                      Format{"Flac24", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 48000, 1e-6},
                      Format{"OggVorbis", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 16000, 0},
                      Format{"OggOpus", SF_FORMAT_OGG | SF_FORMAT_OPUS, 16000, 0},
                      Format{"Mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 16000, 0}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST_F(AudioFileTest, ChannelsAreAveraged) {
  const std::string path = Path("stereo.wav");
  ASSERT_TRUE(Write(path, SF_FORMAT_WAV | SF_FORMAT_FLOAT, 16000, 2, {1, 0, 0.5, -0.5, 0, 0.25}));
  const auto pcm = ReadAudio(path);
  ASSERT_TRUE(pcm) << pcm.error().message;
  EXPECT_EQ(pcm->samples, (std::vector<float>{0.5f, 0, 0.125f}));
  EXPECT_EQ(ReadAudioInfo(path)->channels, 2);
}

TEST_F(AudioFileTest, FloatsBeyondFullScaleAreClipped) {
  const std::string path = Path("loud.wav");
  ASSERT_TRUE(Write(path, SF_FORMAT_WAV | SF_FORMAT_FLOAT, 16000, 1, {0.5, 1.5, -7, 1e30f}));
  EXPECT_EQ(ReadAudio(path)->samples, (std::vector<float>{0.5f, 1, -1, 1}));
}

TEST_F(AudioFileTest, SamplesThatAreNoNumbersAreRefused) {
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    const std::string path = Path("nan.wav");
    ASSERT_TRUE(Write(path, SF_FORMAT_WAV | SF_FORMAT_FLOAT, 16000, 1, {0.5, 0.25, bad}));
    ExpectRefused(path, ErrorCode::kCorrupt, "sample 2 is not a number; convert");
  }
}

TEST_F(AudioFileTest, MissingFilesFoldersAndTextAreRefused) {
  ExpectRefused(Path("none.wav"), ErrorCode::kNotFound, "check the path");
  ExpectRefused(folder_.path().string(), ErrorCode::kInvalidArgument,
                "give the path of an audio file");
  WriteBytes(Path("empty.wav"), {});
  ExpectRefused(Path("empty.wav"), ErrorCode::kCorrupt, "record or copy it again");
  std::ofstream(Path("text.wav")) << "This is no audio at all, only some words.\n";
  ExpectRefused(Path("text.wav"), ErrorCode::kCorrupt, "convert it to WAV");
  for (const char* name : {"none.wav", "empty.wav", "text.wav"}) {
    const auto info = ReadAudioInfo(Path(name));
    ASSERT_FALSE(info);
    EXPECT_TRUE(info.error().message.starts_with(Path(name) + ": ")) << info.error().message;
  }
}

TEST_F(AudioFileTest, AHeaderWithoutSamplesIsRefused) {
  const std::string path = Path("header.wav");
  ASSERT_TRUE(WriteWav(path, {.samples = {}, .sample_rate_hz = 16000}));
  ExpectRefused(path, ErrorCode::kCorrupt, "holds no samples; record");
  EXPECT_FALSE(ReadAudioInfo(path));
}

TEST_F(AudioFileTest, TruncatedFilesGiveWhatIsThereOrAnError) {
  const std::vector<float> sine = Sine(440, 16000, 16000);
  for (const int format : {SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_FLAC | SF_FORMAT_PCM_16,
                           SF_FORMAT_OGG | SF_FORMAT_VORBIS}) {
    const std::string path = Path("whole");
    if (!Write(path, format, 16000, 1, sine)) continue;
    const std::vector<uint8_t> bytes = Bytes(path);
    for (size_t size = 0; size < bytes.size(); size += size < 200 ? 1 : 997) {
      const auto pcm = DecodeAudio(std::span(bytes).first(size));
      if (pcm) {
        EXPECT_FALSE(pcm->samples.empty());
        EXPECT_LE(pcm->samples.size(), sine.size());
      } else {
        EXPECT_TRUE(pcm.error().message.starts_with("audio data: ")) << pcm.error().message;
      }
    }
  }
  const std::string path = Path("half.wav");
  ASSERT_TRUE(Write(path, SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1, sine));
  fs::resize_file(path, 44 + 2 * 1000);
  const auto pcm = ReadAudio(path);
  ASSERT_TRUE(pcm) << pcm.error().message;
  EXPECT_EQ(pcm->samples.size(), 1000u);
}

TEST_F(AudioFileTest, AHeaderThatClaimsTooMuchIsNotBelieved) {
  const std::string path = Path("liar.wav");
  ASSERT_TRUE(WriteWav(path, {.samples = Sine(440, 16000, 100), .sample_rate_hz = 16000}));
  std::vector<uint8_t> bytes = Bytes(path);
  ASSERT_EQ(std::memcmp(&bytes[36], "data", 4), 0);
  const uint32_t claim = 0x7ffffff0;
  std::memcpy(&bytes[40], &claim, 4);
  const auto pcm = DecodeAudio(bytes);
  ASSERT_TRUE(pcm) << pcm.error().message;
  EXPECT_EQ(pcm->samples.size(), 100u);
}

TEST_F(AudioFileTest, DamagedBytesNeverBreakTheContract) {
  const std::string path = Path("whole.flac");
  ASSERT_TRUE(Write(path, SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 16000, 1, Sine(440, 16000, 4000)));
  const std::vector<uint8_t> bytes = Bytes(path);
  for (size_t i = 0; i < bytes.size(); i += i < 100 ? 1 : 53) {
    std::vector<uint8_t> damaged = bytes;
    damaged[i] ^= 0xff;
    const auto pcm = DecodeAudio(damaged, 1);
    if (!pcm) continue;
    EXPECT_GT(pcm->sample_rate_hz, 0);
    EXPECT_FALSE(pcm->samples.empty());
    for (const float x : pcm->samples) ASSERT_LE(std::abs(x), 1.0f);
  }
}

TEST_F(AudioFileTest, LongerThanAllowedIsRefused) {
  const std::string path = Path("long.wav");
  ASSERT_TRUE(WriteWav(path, {.samples = Sine(440, 8000, 16000), .sample_rate_hz = 8000}));
  EXPECT_TRUE(ReadAudio(path, 2.0));
  const auto pcm = ReadAudio(path, 1.9);
  ASSERT_FALSE(pcm);
  EXPECT_EQ(pcm.error().code, ErrorCode::kUnsupported);
  EXPECT_TRUE(pcm.error().message.starts_with(path + ": longer than the 1.9 s"))
      << pcm.error().message;
  EXPECT_NE(pcm.error().message.find("split it"), std::string::npos) << pcm.error().message;
  for (const double seconds : {0.0, -1.0, std::nan("")}) {
    EXPECT_EQ(ReadAudio(path, seconds).error().code, ErrorCode::kInvalidArgument);
  }
}

TEST_F(AudioFileTest, AReaderGivesWhatReadingAtOnceGives) {
  const std::string path = Path("stereo.wav");
  const std::vector<float> interleaved = Sine(440, 16000, 2 * 10001);
  ASSERT_TRUE(Write(path, SF_FORMAT_WAV | SF_FORMAT_PCM_16, 22050, 2, interleaved));
  const auto whole = ReadAudio(path);
  ASSERT_TRUE(whole) << whole.error().message;
  auto reader = AudioReader::Open(path);
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_EQ(reader->sample_rate_hz(), 22050);
  std::vector<float> samples;
  for (;;) {
    const auto some = reader->Read();
    ASSERT_TRUE(some) << some.error().message;
    if (some->empty()) break;
    samples.insert(samples.end(), some->begin(), some->end());
  }
  EXPECT_EQ(samples, whole->samples);
  EXPECT_TRUE(reader->Read()->empty());
}

TEST_F(AudioFileTest, AReaderRefusesWhatCannotBeReadAndNamesIt) {
  const auto missing = AudioReader::Open(Path("nowhere.wav"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().message.find("nowhere.wav"), std::string::npos);

  const std::string nan = Path("nan.wav");
  std::vector<float> samples(9000);
  samples[8500] = std::numeric_limits<float>::quiet_NaN();
  ASSERT_TRUE(Write(nan, SF_FORMAT_WAV | SF_FORMAT_FLOAT, 16000, 1, samples));
  auto reader = AudioReader::Open(nan);
  ASSERT_TRUE(reader) << reader.error().message;
  auto some = reader->Read();
  while (some && !some->empty()) some = reader->Read();
  ASSERT_FALSE(some);
  EXPECT_NE(some.error().message.find("nan.wav: sample 8500"), std::string::npos)
      << some.error().message;

  const std::string empty = Path("empty.wav");
  ASSERT_TRUE(Write(empty, SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1, {}));
  auto nothing = AudioReader::Open(empty);
  ASSERT_TRUE(nothing) << nothing.error().message;
  EXPECT_EQ(nothing->Read().error().code, ErrorCode::kCorrupt);
}

TEST_F(AudioFileTest, SixteenBitsSurviveWritingAndReading) {
  Pcm pcm{.samples = {}, .sample_rate_hz = 22050};
  for (int i = -32768; i < 32768; i += 17) pcm.samples.push_back(static_cast<float>(i) / 32768);
  const std::string path = Path("exact.wav");
  ASSERT_TRUE(WriteWav(path, pcm));
  const auto read = ReadAudio(path);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->sample_rate_hz, 22050);
  EXPECT_EQ(read->samples, pcm.samples);
  EXPECT_NEAR(ReadAudioInfo(path)->seconds, pcm.samples.size() / 22050.0, 1e-9);
}

TEST_F(AudioFileTest, FlacKeepsTheSamplesAndOpusTheSound) {
  Pcm pcm{.samples = Sine(440, 16000, 8000), .sample_rate_hz = 16000};
  const std::string flac = Path("x.flac"), wav = Path("x.wav"), opus = Path("x.opus");
  ASSERT_TRUE(WriteAudio(flac, pcm, AudioFormat::kFlac));
  ASSERT_TRUE(WriteAudio(wav, pcm, AudioFormat::kWav));
  EXPECT_EQ(ReadAudio(flac)->samples, ReadAudio(wav)->samples);
  EXPECT_LT(fs::file_size(flac), fs::file_size(wav));
  ASSERT_TRUE(WriteAudio(opus, pcm, AudioFormat::kOpus));
  const auto read = ReadAudio(opus);
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->samples.size(), pcm.samples.size());
  double error = 0, energy = 0;
  for (size_t i = 0; i < pcm.samples.size(); ++i) {
    error += std::pow(read->samples[i] - pcm.samples[i], 2);
    energy += std::pow(pcm.samples[i], 2);
  }
  EXPECT_LT(error, 0.02 * energy);
  pcm.sample_rate_hz = 22050;
  const Status status = WriteAudio(opus, pcm, AudioFormat::kOpus);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kUnsupported);
  EXPECT_TRUE(status.error().message.starts_with(opus)) << status.error().message;
}

TEST_F(AudioFileTest, AFileInsideAnotherIsTheSameFile) {
  const Pcm pcm{.samples = Sine(440, 16000, 4000), .sample_rate_hz = 16000};
  const auto inner = EncodeAudio(pcm, AudioFormat::kFlac);
  ASSERT_TRUE(inner);
  const std::string outer = Path("outer.tar");
  const auto size = static_cast<int64_t>(inner->size());
  std::ofstream(outer, std::ios::binary) << std::string(512, 'x') << *inner << "and more";
  const auto read = ReadAudioRange(outer, 512, size);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->samples,
            DecodeAudio({reinterpret_cast<const uint8_t*>(inner->data()), inner->size()})->samples);
  const auto refused = [&](int64_t offset, int64_t bytes, ErrorCode code) {
    const auto result = ReadAudioRange(outer, offset, bytes);
    ASSERT_FALSE(result) << offset;
    EXPECT_EQ(result.error().code, code);
    EXPECT_TRUE(result.error().message.starts_with(outer)) << result.error().message;
    EXPECT_NE(result.error().message.find("from byte " + std::to_string(offset)), std::string::npos)
        << result.error().message;
  };
  constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
  refused(0, 100, ErrorCode::kCorrupt);           // no audio there
  refused(512, size + 100, ErrorCode::kCorrupt);  // beyond the end
  refused(kHuge, 10, ErrorCode::kCorrupt);
  refused(512, kHuge, ErrorCode::kCorrupt);
  refused(-1, 10, ErrorCode::kCorrupt);
  EXPECT_EQ(ReadAudioRange(Path("none.tar"), 0, 10).error().code, ErrorCode::kNotFound);
}

TEST_F(AudioFileTest, WritingClipsAndRefuses) {
  const std::string path = Path("clipped.wav");
  ASSERT_TRUE(WriteWav(path, {.samples = {2, -2, 1, std::nanf("")}, .sample_rate_hz = 16000}));
  EXPECT_EQ(ReadAudio(path)->samples,
            (std::vector<float>{32767 / 32768.0f, -1, 32767 / 32768.0f, 0}));

  const std::string nowhere = Path("no/such/folder.wav");
  const Status status = WriteWav(nowhere, {.samples = {0}, .sample_rate_hz = 16000});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(status.error().message.starts_with(nowhere)) << status.error().message;
  EXPECT_NE(status.error().message.find("check that the folder"), std::string::npos);
  EXPECT_EQ(WriteWav(path, {.samples = {0}, .sample_rate_hz = 0}).error().code,
            ErrorCode::kInvalidArgument);
}

TEST_F(AudioFileTest, WhenNoSpaceIsLeftTheOldFileStays) {
  const std::string path = Path("kept.wav");
  ASSERT_TRUE(WriteWav(path, {.samples = {0.25f}, .sample_rate_hz = 8000}));
  // A limit on file sizes stands for a full disk.
  rlimit old_limit{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 4096, .rlim_max = old_limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status status = WriteWav(path, {.samples = Sine(440, 8000, 80000), .sample_rate_hz = 8000});
  setrlimit(RLIMIT_FSIZE, &old_limit);
  std::signal(SIGXFSZ, old_handler);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kNoSpace);
  EXPECT_TRUE(status.error().message.starts_with(path)) << status.error().message;
  EXPECT_EQ(ReadAudio(path)->samples, std::vector<float>{0.25f});
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}), 1);
}

}  // namespace
}  // namespace masr
