// What a masr_stream is.
#ifndef MOBILEASR_CAPI_STREAM_HANDLE_H_
#define MOBILEASR_CAPI_STREAM_HANDLE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "audio/resampler.h"
#include "capi/model_handle.h"
#include "ctc/n_best.h"
#include "recognize/decoding.h"
#include "recognize/streaming_recognizer.h"

namespace masr::capi {

struct HeardSegment {
  double begin_s = 0;
  double end_s = 0;
  double rows_begin_s = 0;            // what the frames of its words count from
  std::vector<RecognizedText> texts;  // best first, at least one
};

}  // namespace masr::capi

struct masr_stream {
  masr_model* model;
  // The model may load another recogniser, or choose another decoding, meanwhile.
  std::shared_ptr<masr::capi::Learner> learner;
  std::shared_ptr<const masr::Decoding> decoding;
  masr_stream_options options;

  std::optional<masr::StreamingRecognizer> recognizer;
  std::optional<masr::ResampleStream> resampler;
  double heard_s = 0;
  // What the results of the last call point to.
  std::vector<masr::capi::HeardSegment> segments;
  std::string partial;
};

#endif  // MOBILEASR_CAPI_STREAM_HANDLE_H_
