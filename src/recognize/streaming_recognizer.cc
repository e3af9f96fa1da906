#include "recognize/streaming_recognizer.h"

#include <algorithm>
#include <utility>

#include "text/vocabulary.h"

namespace masr {
namespace {

// Rows before the first that is not blank which may yet hold the beginning of a token.
constexpr int64_t kLeadRows = 8;
constexpr double kLongSegmentSeconds = 60;

}  // namespace

StreamingRecognizer::StreamingRecognizer(StreamingEncoder encoder, TextDecoder decoder,
                                         double pause_s)
    : encoder_(std::move(encoder)),
      fresh_(std::move(decoder)),
      decoder_(fresh_),
      pause_rows_(std::max<int64_t>(1, static_cast<int64_t>(pause_s / encoder_.seconds_per_row()))),
      long_rows_(static_cast<int64_t>(kLongSegmentSeconds / encoder_.seconds_per_row())) {}

Status StreamingRecognizer::Push(std::span<const float> samples,
                                 std::vector<SpokenSegment>& segments) {
  rows_.clear();
  MASR_TRY(const int64_t count, encoder_.Push(samples, rows_));
  Advance(count, segments);
  return {};
}

Result<std::vector<int32_t>> StreamingRecognizer::Partial() {
  MASR_TRY(const std::span<const float> tail, encoder_.Tail());
  TextDecoder decoder = decoder_;
  if (!in_segment_) {
    decoder.Advance(static_cast<int64_t>(heard_.size()) / encoder_.tokens(), heard_.data());
  }
  decoder.Advance(static_cast<int64_t>(tail.size()) / encoder_.tokens(), tail.data());
  std::vector<int32_t> text = decoder.Best();
  has_text_ = !text.empty();
  return text;
}

Result<int64_t> StreamingRecognizer::Finish(std::vector<SpokenSegment>& segments) {
  rows_.clear();
  const Result<int64_t> count = encoder_.Finish(rows_);
  if (count.has_value()) Advance(*count, segments);
  // Whatever happened, the next stream begins anew.
  if (in_segment_) EndSegment(segments);
  heard_.clear();
  has_text_ = false;
  const int64_t rows = std::exchange(row_, 0);
  if (!count.has_value()) return tl::unexpected(count.error());
  return rows;
}

int64_t StreamingRecognizer::PauseRows() const {
  const bool is_long = row_ - first_spoken_ > long_rows_;
  return is_long ? std::max<int64_t>(1, pause_rows_ / 5) : pause_rows_;
}

void StreamingRecognizer::Advance(int64_t count, std::vector<SpokenSegment>& segments) {
  const int64_t tokens = encoder_.tokens();
  for (int64_t r = 0; r < count; ++r, ++row_) {
    const float* row = rows_.data() + r * tokens;
    const bool blank = std::max_element(row, row + tokens) - row == Vocabulary::kBlank;
    if (heard_.empty()) heard_begin_ = row_;
    heard_.insert(heard_.end(), row, row + tokens);
    if (in_segment_) {
      decoder_.Advance(1, row);
      if (!blank) {
        last_spoken_ = row_;
      } else if (row_ - last_spoken_ >= PauseRows()) {
        EndSegment(segments);
      }
    } else if (blank) {
      if (static_cast<int64_t>(heard_.size()) > kLeadRows * tokens) {
        heard_.erase(heard_.begin(), heard_.begin() + tokens);
        ++heard_begin_;
      }
    } else {
      decoder_.Advance(static_cast<int64_t>(heard_.size()) / tokens, heard_.data());
      first_spoken_ = row_;
      last_spoken_ = row_;
      in_segment_ = true;
    }
  }
}

void StreamingRecognizer::EndSegment(std::vector<SpokenSegment>& segments) {
  const double row_s = encoder_.seconds_per_row();
  segments.push_back({.begin_s = static_cast<double>(first_spoken_) * row_s,
                      .end_s = static_cast<double>(last_spoken_ + 1) * row_s,
                      .hypotheses = decoder_.Finish(),
                      .rows = std::move(heard_),
                      .rows_begin_s = static_cast<double>(heard_begin_) * row_s});
  heard_.clear();
  decoder_ = fresh_;
  in_segment_ = false;
  has_text_ = false;
}

}  // namespace masr
