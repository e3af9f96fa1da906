#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <memory>
#include <optional>

#include "audio_source.h"
#include "command.h"
#include "decoding.h"
#include "recognize/segment_texts.h"
#include "recognize/streaming_recognizer.h"
#include "resources/process_memory.h"

namespace masr::cli {
namespace {

struct Options {
  CommonOptions common;
  std::string model;
  std::vector<std::string> files;
  bool stream = false;
  int rate_hz = 0;
  StreamingOptions windows;
  DecodingFlags decoding;
  int n_best = 1;
};

double ProcessCpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// The words of a segment, their times those of the whole stream; "nbest" if there are several. The
// best path alone has nothing to be compared with: no confidences.
Json SegmentJson(const SpokenSegment& segment, const std::vector<RecognizedText>& n_best,
                 double row_s, bool greedy) {
  const RecognizedText& best = n_best.front();
  Json words = Json::array();
  for (const RecognizedWord& word : best.words) {
    words.push_back(
        {{"word", word.text},
         {"begin_s", segment.rows_begin_s + static_cast<double>(word.begin_frame) * row_s},
         {"end_s", segment.rows_begin_s + static_cast<double>(word.end_frame) * row_s}});
    if (!greedy) words.back()["confidence"] = word.confidence;
  }
  Json json = {{"begin_s", segment.begin_s}, {"end_s", segment.end_s}, {"words", words}};
  if (!greedy) json["confidence"] = best.confidence;
  if (n_best.size() == 1) return json;
  json["nbest"] = Json::array();
  for (const RecognizedText& text : n_best) {
    json["nbest"].push_back(
        {{"text", text.text}, {"score", text.score}, {"confidence", text.confidence}});
  }
  return json;
}

// The end of a text that fits on the terminal's line.
std::string LineTail(const std::string& text) {
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  const size_t room = known ? size.ws_col - 1u : 79u;
  size_t characters = 0;
  size_t begin = text.size();
  while (begin > 0 && characters < room) {
    --begin;
    if ((static_cast<unsigned char>(text[begin]) & 0xC0) != 0x80) ++characters;
  }
  return text.substr(begin);
}

// What a stream shows while it is heard: on a terminal a line that rewrites itself, with --json a
// line of JSON for each news, elsewhere a line for each segment.
class StreamPrinter {
 public:
  StreamPrinter(std::string file, bool json, bool name_file)
      : file_(std::move(file)),
        json_(json),
        name_file_(name_file),
        terminal_(!json && isatty(STDOUT_FILENO) != 0) {}

  void Partial(double time_s, const std::string& text) {
    if (text == shown_) return;
    shown_ = text;
    if (json_) {
      PrintJson({{"file", file_}, {"time_s", time_s}, {"partial", text}});
    } else if (terminal_) {
      std::printf("\r\033[K%s", LineTail(text).c_str());
      std::fflush(stdout);
    }
  }
  // `segment`: as SegmentJson gives it.
  void Final(double time_s, const std::string& text, const Json& segment) {
    shown_.clear();
    if (json_) {
      Json line = {{"file", file_}, {"time_s", time_s}, {"final", text}};
      line.update(segment);
      PrintJson(line);
      return;
    }
    if (terminal_) std::printf("\r\033[K");
    if (name_file_) std::printf("%s\t", file_.c_str());
    std::printf("%s\n", text.c_str());
    std::fflush(stdout);
  }

 private:
  std::string file_;
  bool json_;
  bool name_file_;
  bool terminal_;
  std::string shown_;
};

struct Transcript {
  std::string text;
  int64_t samples = 0;  // heard, at the model's rate
  double audio_s = 0;
  double work_s = 0;  // spent on it, without waiting for sound
  double cpu_s = 0;   // of all threads
  // Of the first partial result that is not empty: the sound it came after, and how long it took.
  std::optional<double> first_partial_audio_s;
  double first_partial_work_s = 0;
  Json segments = Json::array();

  Json ToJson(const std::string& file) const {
    const auto per_second = [&](double s) { return audio_s > 0 ? s / audio_s : 0.0; };
    Json json = {{"file", file},
                 {"text", text},
                 {"audio_seconds", audio_s},
                 {"rtf", per_second(work_s)},
                 {"cpu_rtf", per_second(cpu_s)}};
    if (!segments.empty()) json["segments"] = segments;
    if (first_partial_audio_s) {
      json["first_partial_audio_s"] = *first_partial_audio_s;
      json["first_partial_compute_s"] = first_partial_work_s;
    }
    return json;
  }
};

class Transcriber {
 public:
  // `decoding` must outlive it, too.
  Transcriber(const Model& model, StreamingEncoder encoder, const Decoding& decoding, int n_best,
              int raw_rate_hz)
      : model_(model),
        recognizer_(std::move(encoder), decoding.NewDecoder()),
        greedy_(decoding.greedy()),
        n_best_(n_best),
        raw_rate_hz_(raw_rate_hz > 0 ? raw_rate_hz : rate_hz()) {}

  // `printer` may be null: no partial results. Sound that breaks off is an error, but what was
  // heard before is printed.
  Result<Transcript> Transcribe(const std::string& path, StreamPrinter* printer) {
    MASR_TRY(AudioSource source, AudioSource::Open(path, raw_rate_hz_, rate_hz()));
    Transcript transcript;
    Status heard;
    while (heard.has_value() && !source.done() && !StopRequested()) {
      const auto samples = source.Read();
      if (samples.has_value()) {
        heard = Hear(*samples, printer, transcript);
      } else {
        heard = tl::unexpected(samples.error());
      }
    }
    std::vector<SpokenSegment> segments;
    const auto start = Clock::now();
    const double cpu = ProcessCpuSeconds();
    const auto finished = recognizer_.Finish(segments);
    Account(start, cpu, transcript);
    TakeSegments(segments, printer, transcript);
    MASR_RETURN_IF_ERROR(heard);
    MASR_TRY(const int64_t rows, finished);
    if (!StopRequested() && rows == 0) {
      return Fail(ErrorCode::kInvalidArgument, path + ": too short to recognise anything");
    }
    return transcript;
  }

 private:
  using Clock = std::chrono::steady_clock;

  int rate_hz() const { return model_.config.features.sample_rate_hz(); }

  static double Account(Clock::time_point start, double cpu, Transcript& transcript) {
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    transcript.work_s += seconds;
    transcript.cpu_s += ProcessCpuSeconds() - cpu;
    return seconds;
  }

  void TakeSegments(const std::vector<SpokenSegment>& segments, StreamPrinter* printer,
                    Transcript& transcript) {
    const double row_s = recognizer_.encoder().seconds_per_row();
    for (const SpokenSegment& segment : segments) {
      const std::vector<RecognizedText> n_best = SegmentTexts(segment, model_.vocabulary, n_best_);
      if (n_best.empty()) continue;
      const std::string& line = n_best.front().text;
      if (!transcript.text.empty()) transcript.text += ' ';
      transcript.text += line;
      Json json = SegmentJson(segment, n_best, row_s, greedy_);
      if (printer != nullptr) {
        printer->Final(transcript.audio_s, line, json);
      } else {
        json["text"] = line;
        transcript.segments.push_back(std::move(json));
      }
    }
  }

  // In pieces of 20 ms, so that partial results are not bound to how the sound arrives.
  Status Hear(std::span<const float> samples, StreamPrinter* printer, Transcript& transcript) {
    const size_t piece = std::max<size_t>(1, static_cast<size_t>(rate_hz()) / 50);
    while (!samples.empty()) {
      const auto now = samples.first(std::min(piece, samples.size()));
      samples = samples.subspan(now.size());
      transcript.samples += static_cast<int64_t>(now.size());
      transcript.audio_s = static_cast<double>(transcript.samples) / rate_hz();
      std::vector<SpokenSegment> segments;
      std::optional<std::string> partial;
      const auto start = Clock::now();
      const double cpu = ProcessCpuSeconds();
      MASR_RETURN_IF_ERROR(recognizer_.Push(now, segments));
      if (printer != nullptr && recognizer_.PartialDue()) {
        MASR_TRY(const std::vector<int32_t> tokens, recognizer_.Partial());
        partial = Trimmed(model_.vocabulary.Decode(tokens));
      }
      const double seconds = Account(start, cpu, transcript);
      TakeSegments(segments, printer, transcript);
      if (!partial) continue;
      if (!partial->empty() && !transcript.first_partial_audio_s) {
        transcript.first_partial_audio_s = transcript.audio_s;
        transcript.first_partial_work_s = seconds;
      }
      printer->Partial(transcript.audio_s, *partial);
    }
    return {};
  }

  const Model& model_;
  StreamingRecognizer recognizer_;
  bool greedy_;
  int n_best_;
  int raw_rate_hz_;
};

Status CheckFiles(const Options& options) {
  const auto inputs = std::count_if(options.files.begin(), options.files.end(), IsStandardInput);
  if (inputs > 1) {
    return Fail(ErrorCode::kInvalidArgument, "standard input, '-', can be given once only");
  }
  if (inputs == 0 && options.rate_hz > 0) {
    return Fail(ErrorCode::kInvalidArgument,
                "--rate is that of raw samples on standard input, '-'; a file says its own, leave "
                "--rate out");
  }
  return {};
}

Status Run(const Options& options) {
  MASR_RETURN_IF_ERROR(CheckFiles(options));
  MASR_TRY(const Model model, LoadModel(options.model));
  MASR_TRY(const Decoding decoding, MakeDecoding(options.decoding, model));
  const ThreadPool threads(ThreadCount(options.common));
  MASR_TRY(StreamingEncoder encoder,
           StreamingEncoder::Create(model, threads,
                                    options.stream ? options.windows : kWholeRecordings));
  Transcriber transcriber(model, std::move(encoder), decoding, options.n_best, options.rate_hz);
  const bool json = options.common.json;
  const bool several = options.files.size() > 1;
  Json results = Json::array();
  size_t failed = 0;
  for (const std::string& path : options.files) {
    StreamPrinter printer(path, json, several);
    const auto transcript = transcriber.Transcribe(path, options.stream ? &printer : nullptr);
    Json result = {{"file", path}};
    if (transcript.has_value()) {
      result = transcript->ToJson(path);
    } else {
      ++failed;
      std::fprintf(stderr, "mobileasr: %s\n", transcript.error().message.c_str());
      result["error"] = transcript.error().message;
    }
    if (json && options.stream) {
      result["peak_rss_bytes"] = PeakResidentBytes();
      PrintJson(result);
    } else if (json) {
      results.push_back(std::move(result));
    } else if (!options.stream && transcript.has_value() && !StopRequested()) {
      if (several) std::printf("%s\t", path.c_str());
      std::printf("%s\n", transcript->text.c_str());
    }
    if (StopRequested()) return Fail(ErrorCode::kCancelled, "stopped");
  }
  if (json && !options.stream) {
    PrintJson({{"files", results}, {"peak_rss_bytes", PeakResidentBytes()}});
  }
  if (failed > 0) {
    return Fail(ErrorCode::kInvalidArgument, std::to_string(failed) + " of " +
                                                 std::to_string(options.files.size()) +
                                                 " files could not be transcribed");
  }
  return {};
}

}  // namespace

Command AddTranscribe(CLI::App& parent) {
  auto options = std::make_shared<Options>();
  CLI::App* app = parent.add_subcommand(
      "transcribe",
      "Text of audio files. Files of up to 30 s are recognised as a whole, longer ones in windows "
      "of 30 s, so that memory stays the same however long they are.");
  app->add_option("--model", options->model, "Model file")->required();
  app->add_option("files", options->files,
                  "Audio files; '-': raw 16-bit little-endian mono PCM on standard input")
      ->required();
  app->add_flag("--stream", options->stream,
                "Text while the sound arrives, in short windows: partial results on a terminal (or "
                "with --json, a line each), then each segment between pauses");
  app->add_option("--rate", options->rate_hz,
                  "Samples per second of standard input (default: the model's)")
      ->check(CLI::Range(1000, 768000));
  StreamingOptions& windows = options->windows;
  app->add_option("--left", windows.left_s, "Past of a window of --stream, seconds")
      ->capture_default_str();
  app->add_option("--chunk", windows.chunk_s, "What becomes final with each window, seconds")
      ->capture_default_str();
  app->add_option("--right", windows.right_s,
                  "Future of a window, seconds: final text waits for it")
      ->capture_default_str();
  app->add_option("--nbest", options->n_best, "With --json: texts per segment, best first")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  AddDecodingOptions(*app, options->decoding);
  AddCommonOptions(*app, options->common);
  return {app, [options] { return Run(*options); }};
}

}  // namespace masr::cli
