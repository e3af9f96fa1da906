// Text of sound that is still arriving: a streaming encoder with a decoder on top.
//
// A decoder is a copyable object that is fed rows of logits in order:
//   void Advance(int64_t frames, const float* logits);   // [frames, tokens]
//   Best()                                                // tokens so far, without blanks
// Stable rows go to the decoder itself, the tail to a copy of it.
#ifndef MOBILEASR_RECOGNIZE_STREAMING_RECOGNIZER_H_
#define MOBILEASR_RECOGNIZE_STREAMING_RECOGNIZER_H_

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/streaming.h"
#include "text/vocabulary.h"

namespace masr {

// What was said between two pauses.
struct SpokenSegment {
  double begin_s = 0;  // of the first and after the last row that is not blank
  double end_s = 0;
  std::vector<int32_t> tokens;
};

template <class Decoder>
class StreamingRecognizer {
 public:
  // `decoder` has heard nothing; each segment begins with a copy of it. `pause_s` of stable rows in
  // which blank is the likeliest end a segment.
  StreamingRecognizer(StreamingEncoder encoder, Decoder decoder, double pause_s = 1.0)
      : encoder_(std::move(encoder)),
        fresh_(std::move(decoder)),
        decoder_(fresh_),
        pause_rows_(
            std::max<int64_t>(1, static_cast<int64_t>(pause_s / encoder_.seconds_per_row()))) {}

  const StreamingEncoder& encoder() const { return encoder_; }

  // As StreamingEncoder::Push. Segments that ended are added to `segments`.
  Status Push(std::span<const float> samples, std::vector<SpokenSegment>& segments) {
    rows_.clear();
    MASR_TRY(const int64_t count, encoder_.Push(samples, rows_));
    Advance(count, segments);
    return {};
  }

  // The segment that goes on, its tail with it; it may read differently the next time.
  Result<std::vector<int32_t>> Partial() {
    MASR_TRY(const std::span<const float> tail, encoder_.Tail());
    Decoder decoder = decoder_;
    decoder.Advance(static_cast<int64_t>(tail.size()) / encoder_.tokens(), tail.data());
    return std::vector<int32_t>(decoder.Best());
  }
  bool PartialDue() const { return encoder_.TailDue(); }

  // The stream's end; the last segment is added if there is one. Returns the rows of the stream:
  // none if it was too short for the encoder. The next Push begins another.
  Result<int64_t> Finish(std::vector<SpokenSegment>& segments) {
    rows_.clear();
    MASR_TRY(const int64_t count, encoder_.Finish(rows_));
    Advance(count, segments);
    if (in_segment_) EndSegment(segments);
    decoder_ = fresh_;
    return std::exchange(row_, 0);
  }

 private:
  void Advance(int64_t count, std::vector<SpokenSegment>& segments) {
    const int64_t tokens = encoder_.tokens();
    for (int64_t r = 0; r < count; ++r, ++row_) {
      const float* row = rows_.data() + r * tokens;
      decoder_.Advance(1, row);
      if (std::max_element(row, row + tokens) - row != Vocabulary::kBlank) {
        if (!in_segment_) first_spoken_ = row_;
        in_segment_ = true;
        last_spoken_ = row_;
      } else if (in_segment_ && row_ - last_spoken_ >= pause_rows_) {
        EndSegment(segments);
      }
    }
  }

  void EndSegment(std::vector<SpokenSegment>& segments) {
    const double row_s = encoder_.seconds_per_row();
    segments.push_back({static_cast<double>(first_spoken_) * row_s,
                        static_cast<double>(last_spoken_ + 1) * row_s, decoder_.Best()});
    decoder_ = fresh_;
    in_segment_ = false;
  }

  StreamingEncoder encoder_;
  Decoder fresh_;
  Decoder decoder_;
  int64_t pause_rows_;
  std::vector<float> rows_;
  int64_t row_ = 0;  // stable rows decoded
  int64_t first_spoken_ = 0;
  int64_t last_spoken_ = 0;
  bool in_segment_ = false;
};

}  // namespace masr

#endif  // MOBILEASR_RECOGNIZE_STREAMING_RECOGNIZER_H_
