// masr_stream: a recogniser that listens.
#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include "capi/stream_handle.h"
#include "capi/structs.h"
#include "recognize/segment_texts.h"

namespace masr::capi {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

int RateOf(const masr_stream& stream) {
  const int32_t given = stream.options.sample_rate_hz;
  return given != 0 ? given : stream.learner->model().config.features.sample_rate_hz();
}

Result<StreamingOptions> WindowsOf(const masr_stream_options& options) {
  StreamingOptions windows = options.whole != 0 ? kWholeRecordings : StreamingOptions();
  const auto take = [](double given, double& window) {
    if (given != 0) window = given;
  };
  take(options.left_seconds, windows.left_s);
  take(options.chunk_seconds, windows.chunk_s);
  take(options.right_seconds, windows.right_s);
  return windows;
}

Status CheckOptions(const masr_stream_options& options) {
  const auto refuse = [](const char* what) { return Fail(ErrorCode::kInvalidArgument, what); };
  if (options.sample_rate_hz != 0 &&
      (options.sample_rate_hz < 100 || options.sample_rate_hz > 768000)) {
    return refuse("a sample rate must be from 100 to 768000 Hz");
  }
  if (!(options.pause_seconds >= 0 && options.pause_seconds <= 60)) {
    return refuse("pause_seconds must be 0 to 60");
  }
  if (options.texts < 0 || options.texts > 1000) return refuse("texts must be 0 to 1000");
  return {};
}

// Ready to hear a stream from its beginning.
Status Begin(masr_stream& stream) {
  const Learner& learner = *stream.learner;
  MASR_TRY(const StreamingOptions windows, WindowsOf(stream.options));
  MASR_TRY(StreamingEncoder encoder,
           StreamingEncoder::Create(learner.model(), learner.threads(), windows));
  MASR_TRY(
      ResampleStream resampler,
      ResampleStream::Create(RateOf(stream), learner.model().config.features.sample_rate_hz()));
  const double pause_s = stream.options.pause_seconds;
  stream.recognizer.emplace(std::move(encoder), stream.decoding->NewDecoder(),
                            pause_s > 0 ? pause_s : 1.0);
  stream.resampler.emplace(std::move(resampler));
  stream.heard_s = 0;
  return {};
}

void Take(masr_stream& stream, const std::vector<SpokenSegment>& segments) {
  const int count = std::max(1, stream.options.texts);
  for (const SpokenSegment& segment : segments) {
    std::vector<RecognizedText> texts =
        SegmentTexts(segment, stream.learner->model().vocabulary, count);
    if (texts.empty()) continue;
    stream.segments.push_back(
        {segment.begin_s, segment.end_s, segment.rows_begin_s, std::move(texts)});
  }
}

Status Hear(masr_stream& stream, std::span<const float> samples) {
  MASR_TRY(const std::vector<float> resampled, stream.resampler->Push(samples));
  std::vector<SpokenSegment> segments;
  MASR_RETURN_IF_ERROR(stream.recognizer->Push(resampled, segments));
  Take(stream, segments);
  stream.heard_s += static_cast<double>(samples.size()) / RateOf(stream);
  return {};
}

// A second at a time, so that a long piece can be cancelled and needs no more memory.
Status HearAll(masr_stream& stream, std::span<const float> samples) {
  const auto piece = static_cast<size_t>(RateOf(stream));
  while (!samples.empty()) {
    MASR_RETURN_IF_ERROR(CheckCancelled(stream.model->cancelled));
    const auto now = samples.first(std::min(piece, samples.size()));
    MASR_RETURN_IF_ERROR(Hear(stream, now));
    samples = samples.subspan(now.size());
  }
  return {};
}

Status End(masr_stream& stream) {
  MASR_TRY(const std::vector<float> rest, stream.resampler->Finish());
  std::vector<SpokenSegment> segments;
  MASR_RETURN_IF_ERROR(stream.recognizer->Push(rest, segments));
  MASR_RETURN_IF_ERROR(stream.recognizer->Finish(segments));
  Take(stream, segments);
  return {};
}

// After an error nobody knows how much was heard: the next piece begins another stream.
Status OrForget(masr_stream& stream, Status status) {
  if (status.has_value()) return {};
  stream.segments.clear();
  MASR_RETURN_IF_ERROR(Begin(stream));
  return status;
}

void Tell(const masr_stream& stream, masr_stream_news* news) {
  if (news == nullptr) return;
  masr_stream_news told = {.struct_size = sizeof(masr_stream_news)};
  told.segments = stream.segments.size();
  told.partial_due = stream.options.whole == 0 && stream.recognizer->PartialDue() ? 1 : 0;
  told.seconds = stream.heard_s;
  WriteStruct(told, news);
}

Status CheckSamples(std::span<const float> samples) {
  const auto bad = std::ranges::find_if(samples, [](float s) { return !std::isfinite(s); });
  if (bad == samples.end()) return {};
  return Fail(ErrorCode::kInvalidArgument,
              "sample " + std::to_string(bad - samples.begin()) + " is not a finite number");
}

Result<const HeardSegment*> SegmentAt(const masr_stream& stream, size_t index) {
  if (index < stream.segments.size()) return &stream.segments[index];
  return Fail(ErrorCode::kNotFound, "no segment " + std::to_string(index) + "; there are " +
                                        std::to_string(stream.segments.size()));
}

double Confidence(const masr_stream& stream, double value) {
  return stream.decoding->greedy() ? kNone : value;
}

// The one call of its model at this time.
masr_status EnterStream(masr_stream* stream, Body<Status> body) {
  return stream == nullptr ? MASR_INVALID_ARGUMENT : EnterPlain(stream->model, body);
}

}  // namespace
}  // namespace masr::capi

using namespace masr::capi;  // NOLINT(google-build-using-namespace): this file is its border
using masr::ErrorCode;
using masr::Fail;
using masr::Status;

masr_status masr_stream_create(masr_model* model, const masr_stream_options* options,
                               masr_stream** stream) {
  if (stream != nullptr) *stream = nullptr;
  return EnterPlain(model, [&]() -> Status {
    if (stream == nullptr) return Fail(ErrorCode::kInvalidArgument, "stream must not be NULL");
    MASR_RETURN_IF_ERROR(Ready(*model));
    MASR_TRY(const masr_stream_options read, ReadOptions(options, "masr_stream_options"));
    MASR_RETURN_IF_ERROR(CheckOptions(read));
    MASR_TRY(const auto decoding, DecodingOf(*model));
    auto made = std::make_unique<masr_stream>(model, model->learner, decoding, read);
    MASR_RETURN_IF_ERROR(Begin(*made));
    *stream = made.release();
    return {};
  });
}

void masr_stream_destroy(masr_stream* stream) {
  // As with its model: where memory ran out in it, it is left as it is.
  if (stream != nullptr && !stream->model->broken) delete stream;
}

masr_status masr_stream_push(masr_stream* stream, const float* samples, size_t count,
                             masr_stream_news* news) {
  return EnterStream(stream, [&]() -> Status {
    if (samples == nullptr && count > 0) {
      return Fail(ErrorCode::kInvalidArgument, "samples must not be NULL");
    }
    if (news != nullptr) MASR_RETURN_IF_ERROR(CheckSize(news, "masr_stream_news"));
    const std::span<const float> given(samples, count);
    MASR_RETURN_IF_ERROR(CheckSamples(given));
    stream->segments.clear();
    MASR_RETURN_IF_ERROR(OrForget(*stream, HearAll(*stream, given)));
    Tell(*stream, news);
    return {};
  });
}

masr_status masr_stream_partial(masr_stream* stream, const char** text) {
  return EnterStream(stream, [&]() -> Status {
    if (text == nullptr) return Fail(ErrorCode::kInvalidArgument, "text must not be NULL");
    MASR_RETURN_IF_ERROR(CheckCancelled(stream->model->cancelled));
    MASR_TRY(const std::vector<int32_t> tokens, stream->recognizer->Partial());
    stream->partial = masr::Trimmed(stream->learner->model().vocabulary.Decode(tokens));
    *text = stream->partial.c_str();
    return {};
  });
}

masr_status masr_stream_finish(masr_stream* stream, masr_stream_news* news) {
  return EnterStream(stream, [&]() -> Status {
    if (news != nullptr) MASR_RETURN_IF_ERROR(CheckSize(news, "masr_stream_news"));
    stream->segments.clear();
    Status ended = CheckCancelled(stream->model->cancelled);
    if (ended.has_value()) ended = End(*stream);
    MASR_RETURN_IF_ERROR(OrForget(*stream, std::move(ended)));
    Tell(*stream, news);
    stream->heard_s = 0;
    return {};
  });
}

masr_status masr_segment_at(masr_stream* stream, size_t index, masr_segment* segment) {
  return EnterStream(stream, [&]() -> Status {
    MASR_RETURN_IF_ERROR(CheckSize(segment, "masr_segment"));
    MASR_TRY(const HeardSegment* heard, SegmentAt(*stream, index));
    const masr::RecognizedText& best = heard->texts.front();
    WriteStruct(masr_segment{.struct_size = sizeof(masr_segment),
                             .begin_seconds = heard->begin_s,
                             .end_seconds = heard->end_s,
                             .text = best.text.c_str(),
                             .confidence = Confidence(*stream, best.confidence),
                             .words = best.words.size(),
                             .texts = heard->texts.size()},
                segment);
    return {};
  });
}

masr_status masr_word_at(masr_stream* stream, size_t segment, size_t index, masr_word* word) {
  return EnterStream(stream, [&]() -> Status {
    MASR_RETURN_IF_ERROR(CheckSize(word, "masr_word"));
    MASR_TRY(const HeardSegment* heard, SegmentAt(*stream, segment));
    const auto& words = heard->texts.front().words;
    if (index >= words.size()) {
      return Fail(ErrorCode::kNotFound, "no word " + std::to_string(index) + "; there are " +
                                            std::to_string(words.size()));
    }
    const masr::RecognizedWord& own = words[index];
    const double row_s = stream->recognizer->encoder().seconds_per_row();
    WriteStruct(
        masr_word{
            .struct_size = sizeof(masr_word),
            .text = own.text.c_str(),
            .begin_seconds = heard->rows_begin_s + static_cast<double>(own.begin_frame) * row_s,
            .end_seconds = heard->rows_begin_s + static_cast<double>(own.end_frame) * row_s,
            .confidence = Confidence(*stream, own.confidence)},
        word);
    return {};
  });
}

masr_status masr_text_at(masr_stream* stream, size_t segment, size_t index, masr_text* text) {
  return EnterStream(stream, [&]() -> Status {
    MASR_RETURN_IF_ERROR(CheckSize(text, "masr_text"));
    MASR_TRY(const HeardSegment* heard, SegmentAt(*stream, segment));
    if (index >= heard->texts.size()) {
      return Fail(ErrorCode::kNotFound, "no text " + std::to_string(index) + "; there are " +
                                            std::to_string(heard->texts.size()));
    }
    const masr::RecognizedText& own = heard->texts[index];
    WriteStruct(masr_text{.struct_size = sizeof(masr_text),
                          .text = own.text.c_str(),
                          .score = own.score,
                          .confidence = Confidence(*stream, own.confidence)},
                text);
    return {};
  });
}
