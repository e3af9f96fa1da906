// Text of sound that is still arriving: a streaming encoder with a decoder on top. Stable rows go
// to the decoder itself, the tail to a copy of it.
#ifndef MOBILEASR_RECOGNIZE_STREAMING_RECOGNIZER_H_
#define MOBILEASR_RECOGNIZE_STREAMING_RECOGNIZER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "model/streaming.h"
#include "recognize/text_decoder.h"

namespace masr {

// For sound that nobody waits for the text of: what fits in these is run as a whole; the middle is
// as long as what the encoders here learn from.
inline constexpr StreamingOptions kWholeRecordings = {.left_s = 5, .chunk_s = 20, .right_s = 5};

// What was said between two pauses.
struct SpokenSegment {
  double begin_s = 0;  // of the first and after the last row that is not blank
  double end_s = 0;
  std::vector<Hypothesis> hypotheses;  // best first
  std::vector<float> rows;             // logits [n, tokens] that were decoded
  double rows_begin_s = 0;             // of the first of them
};

class StreamingRecognizer {
 public:
  // `decoder` has heard nothing; each segment begins with a copy of it. `pause_s` of stable rows in
  // which blank is the likeliest end a segment; one of a minute ends with the next fifth of that.
  StreamingRecognizer(StreamingEncoder encoder, TextDecoder decoder, double pause_s = 1.0);

  const StreamingEncoder& encoder() const { return encoder_; }

  // As StreamingEncoder::Push. Segments that ended are added to `segments`.
  Status Push(std::span<const float> samples, std::vector<SpokenSegment>& segments);

  // The segment that goes on, its tail with it; it may read differently the next time.
  Result<std::vector<int32_t>> Partial();
  bool PartialDue() const { return encoder_.TailDue(in_segment_ || has_text_); }

  // The stream's end; the last segment is added if there is one. Returns the rows of the stream:
  // none if it was too short for the encoder. The next Push begins another.
  Result<int64_t> Finish(std::vector<SpokenSegment>& segments);

 private:
  void Advance(int64_t count, std::vector<SpokenSegment>& segments);
  int64_t PauseRows() const;
  void EndSegment(std::vector<SpokenSegment>& segments);

  StreamingEncoder encoder_;
  TextDecoder fresh_;
  TextDecoder decoder_;
  int64_t pause_rows_;
  int64_t long_rows_;         // of a segment of a minute
  std::vector<float> rows_;   // scratch
  std::vector<float> heard_;  // the segment's rows; outside of one, the last few blank ones
  int64_t row_ = 0;           // stable rows taken
  int64_t heard_begin_ = 0;   // the row that heard_ begins with
  int64_t first_spoken_ = 0;
  int64_t last_spoken_ = 0;
  bool in_segment_ = false;
  bool has_text_ = false;  // in the last Partial() of what may become the next segment
};

}  // namespace masr

#endif  // MOBILEASR_RECOGNIZE_STREAMING_RECOGNIZER_H_
